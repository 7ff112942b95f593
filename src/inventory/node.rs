//! `Node`: one node, and the networks that it takes up.

use std::net::IpAddr;

use crate::net::Cidr;

/// One node, and the networks that it takes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `spec.podCIDRs`, else `spec.podCIDR`, as far as they can be read.
    pub pod_cidrs: Vec<Cidr>,
    /// Those of `status.addresses` that are of the type InternalIP or ExternalIP.
    pub addresses: Vec<IpAddr>,
}
