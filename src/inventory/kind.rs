//! `ResourceKind`: the kinds of objects that are listed and watched.

/// A kind of object that is listed and watched separately.
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
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::ServiceCidrs, Self::IpAddresses, Self::Nodes];

    /// The kind of one object, as in the Kubernetes API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDR",
            Self::IpAddresses => "IPAddress",
            Self::Nodes => "Node",
        }
    }

    /// The plural, for messages.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDRs",
            Self::IpAddresses => "IPAddresses",
            Self::Nodes => "Nodes",
        }
    }
}
