//! `Node`: the pod networks and addresses of one node.

use schemars::JsonSchema;
use serde::Deserialize;

use std::fmt;
use std::net::IpAddr;

use crate::net::Cidr;

/// The networks of one node that ServiceCIDRs must not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name of the node.
    pub name: String,
    /// The ranges of its pod addresses: `spec.podCIDRs`.
    pub pod_cidrs: Vec<Cidr>,
    /// Its addresses: `status.addresses`, internal and external.
    pub addresses: Vec<IpAddr>,
}

/// A network of nodes that a policy can discover.
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
    /// The networks of the node: its podCIDRs, and each address as a CIDR.
    pub fn networks(&self) -> impl Iterator<Item = (Cidr, NodeNetwork)> + '_ {
        let pods = self.pod_cidrs.iter().map(|cidr| (*cidr, NodeNetwork::PodCidr));
        let own = self.addresses.iter().map(|address| (Cidr::host(*address), NodeNetwork::Address));
        pods.chain(own)
    }
}

impl fmt::Display for NodeNetwork {
    /// The value in the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PodCidr => "nodePodCIDRs",
            Self::Address => "nodeAddresses",
        })
    }
}
