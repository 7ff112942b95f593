//! `Network`: a network that Services must not touch.

use crate::net::Cidr;

/// A network that Services must not touch, as the policy declares it: pods, nodes, a data centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredNetwork {
    /// Its name, unique among the declared ones.
    pub name: String,
    /// Its addresses.
    pub cidr: Cidr,
    /// What it is, for people. May be empty.
    pub description: String,
}
