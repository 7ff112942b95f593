//! `Preset`: networks that a standard or a platform reserves, each with its source.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A named set of networks that ServiceCIDRs must not overlap.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum Preset {
    /// Loopback addresses of a host.
    Loopback,
    /// Link-local addresses, including the metadata services of clouds.
    LinkLocal,
    /// Multicast groups.
    Multicast,
    /// Addresses for examples in documentation.
    Documentation,
    /// Carrier-grade NAT addresses.
    Cgnat,
    /// Networks that Azure Kubernetes Service reserves.
    Aks,
    /// Networks that Amazon Elastic Kubernetes Service reserves.
    Eks,
    /// Networks that Google Kubernetes Engine reserves.
    Gke,
    /// Networks that OVN-Kubernetes uses by default.
    OvnKubernetes,
}

impl Preset {
    /// All presets, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Loopback,
        Self::LinkLocal,
        Self::Multicast,
        Self::Documentation,
        Self::Cgnat,
        Self::Aks,
        Self::Eks,
        Self::Gke,
        Self::OvnKubernetes,
    ];

    /// The networks of the preset, each with its use and its source.
    #[must_use]
    pub fn networks(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Loopback => &[("127.0.0.0/8", "loopback, RFC 1122"), ("::1/128", "loopback, RFC 4291")],
            Self::LinkLocal => &[("169.254.0.0/16", "link-local, RFC 3927"), ("fe80::/10", "link-local, RFC 4291")],
            Self::Multicast => &[("224.0.0.0/4", "multicast, RFC 5771"), ("ff00::/8", "multicast, RFC 4291")],
            Self::Documentation => &[
                ("192.0.2.0/24", "documentation, RFC 5737"),
                ("198.51.100.0/24", "documentation, RFC 5737"),
                ("203.0.113.0/24", "documentation, RFC 5737"),
                ("2001:db8::/32", "documentation, RFC 3849"),
                ("3fff::/20", "documentation, RFC 9637"),
            ],
            Self::Cgnat => &[("100.64.0.0/10", "carrier-grade NAT, RFC 6598")],
            Self::Aks => &[
                ("169.254.0.0/16", "reserved by AKS, Azure CNI prerequisites"),
                ("172.30.0.0/16", "reserved by AKS, Azure CNI prerequisites"),
                ("172.31.0.0/16", "reserved by AKS, Azure CNI prerequisites"),
                ("192.0.2.0/24", "reserved by AKS, Azure CNI prerequisites"),
                ("168.63.129.16/32", "Azure platform resources, Azure virtual network FAQ"),
            ],
            Self::Eks => &[
                ("172.17.0.0/16", "container bridge of EKS nodes, EKS network requirements"),
                ("169.254.0.0/16", "EC2 instance services, Amazon EC2 user guide"),
                ("fd00:ec2::/32", "EC2 instance services, Amazon EC2 user guide"),
            ],
            Self::Gke => &[
                ("172.17.0.0/16", "container bridge of GKE nodes, GKE VPC-native clusters"),
                ("169.254.0.0/16", "metadata server and NodeLocal DNSCache, GKE documentation"),
            ],
            Self::OvnKubernetes => &[
                ("100.64.0.0/16", "join subnet of OVN-Kubernetes, its default"),
                ("fd98::/48", "join subnet of OVN-Kubernetes, its default"),
                ("100.88.0.0/16", "transit subnet of OVN-Kubernetes, its default"),
                ("fd97::/64", "transit subnet of OVN-Kubernetes, its default"),
                ("169.254.0.0/17", "masquerade subnet of OVN-Kubernetes, its default"),
                ("fd69::/112", "masquerade subnet of OVN-Kubernetes, its default"),
            ],
        }
    }
}

impl fmt::Display for Preset {
    /// The name in the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "linkLocal",
            Self::Multicast => "multicast",
            Self::Documentation => "documentation",
            Self::Cgnat => "cgnat",
            Self::Aks => "aks",
            Self::Eks => "eks",
            Self::Gke => "gke",
            Self::OvnKubernetes => "ovnKubernetes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Cidr;

    #[test]
    fn every_network_is_canonical() {
        for preset in Preset::ALL {
            for (cidr, source) in preset.networks() {
                assert!(cidr.parse::<Cidr>().is_ok(), "{preset}: {cidr}");
                assert!(source.contains(", "), "{preset}: {cidr} names no source");
            }
        }
    }
}
