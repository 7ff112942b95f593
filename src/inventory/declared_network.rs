//! `DeclaredNetwork`: a network that the policy declares.

use crate::net::Cidr;

/// A network that ServiceCIDRs must not overlap, as the policy declares it: pods, nodes, a data centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredNetwork {
    /// The name, unique among the declared networks.
    pub name: String,
    /// The addresses of the network.
    pub cidr: Cidr,
    /// A description for people; may be empty.
    pub description: String,
}
