//! `Node`: the networks and addresses of one node, as far as Services must not touch them.

use schemars::JsonSchema;
use serde::Deserialize;

use std::fmt;
use std::net::IpAddr;

use crate::net::Cidr;

/// The networks and addresses of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What its pods have addresses from: `spec.podCIDRs`.
    pub pod_cidrs: Vec<Cidr>,
    /// Its own addresses: `status.addresses`, internal and external.
    pub addresses: Vec<IpAddr>,
}

/// What is discovered of the cluster's nodes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[schemars(rename = "Discover", description = "")]
pub enum NodeNetwork {
    /// `spec.podCIDRs` of every node.
    #[serde(rename = "nodePodCIDRs")]
    PodCidr,
    /// `status.addresses` of every node.
    #[serde(rename = "nodeAddresses")]
    Address,
}

impl Node {
    /// What it holds of the address space: its podCIDRs, and each of its addresses as a CIDR.
    pub fn networks(&self) -> impl Iterator<Item = (Cidr, NodeNetwork)> + '_ {
        let pods = self.pod_cidrs.iter().map(|cidr| (*cidr, NodeNetwork::PodCidr));
        let own = self.addresses.iter().map(|address| (Cidr::host(*address), NodeNetwork::Address));
        pods.chain(own)
    }
}

impl fmt::Display for NodeNetwork {
    /// Its name in the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PodCidr => "nodePodCIDRs",
            Self::Address => "nodeAddresses",
        })
    }
}
