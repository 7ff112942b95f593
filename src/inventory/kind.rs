//! `ResourceKind`: the kinds of objects that are listed and watched.

/// What is followed of a cluster, each with a list and a watch of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// ServiceCIDRs.
    ServiceCidrs,
    /// IPAddresses.
    IpAddresses,
    /// Nodes.
    Nodes,
}

impl ResourceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ServiceCidrs, Self::IpAddresses, Self::Nodes];

    /// The kind of one object.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDR",
            Self::IpAddresses => "IPAddress",
            Self::Nodes => "Node",
        }
    }

    /// Several of them, for people.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDRs",
            Self::IpAddresses => "IPAddresses",
            Self::Nodes => "Nodes",
        }
    }
}
