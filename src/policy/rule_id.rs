//! `RuleId`: the id of every rule, its key in the policy, what it checks and the cluster state it needs.

use crate::inventory::ResourceKind;

/// Defines the rules once, so that `ALL` can't miss one.
macro_rules! rule_ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A rule that produces findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RuleId {
            $($(#[$doc])* $name,)+
        }

        impl RuleId {
            /// Every rule, in the order in which requests are evaluated.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

rule_ids! {
    /// The validation of kube-apiserver. Applies under every policy.
    InvalidRequest,
    /// A change of the ServiceCIDR `kubernetes`. Applies under every policy, and never denies.
    DefaultServiceCidr,
    /// [`DenyAll`](super::DenyAll).
    DenyAll,
    /// [`AllowedRanges`](super::AllowedRanges).
    AllowedRanges,
    /// [`PrefixLength`](super::PrefixLength).
    PrefixLength,
    /// [`ReservedNetworks`](super::ReservedNetworks).
    ReservedNetworks,
    /// [`NoOverlap`](super::NoOverlap).
    NoOverlap,
    /// [`Usable`](super::Usable).
    Usable,
    /// [`Deletion`](super::Deletion).
    Deletion,
}

impl RuleId {
    /// The id in findings, metrics and audit annotations. It never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::DefaultServiceCidr => "default-service-cidr",
            Self::DenyAll => "deny-all",
            Self::AllowedRanges => "allowed-ranges",
            Self::PrefixLength => "prefix-length",
            Self::ReservedNetworks => "reserved-networks",
            Self::NoOverlap => "no-overlap",
            Self::Usable => "usable",
            Self::Deletion => "deletion",
        }
    }

    /// The key in the policy file. `None` for the two rules that apply under every policy.
    #[must_use]
    pub fn config_key(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest | Self::DefaultServiceCidr => None,
            Self::DenyAll => Some("denyAll"),
            Self::AllowedRanges => Some("allowedRanges"),
            Self::PrefixLength => Some("prefixLength"),
            Self::ReservedNetworks => Some("reservedNetworks"),
            Self::NoOverlap => Some("noOverlap"),
            Self::Usable => Some("usable"),
            Self::Deletion => Some("deletion"),
        }
    }

    /// The keys of the rules that a policy file can set.
    pub fn config_keys() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter_map(|rule| rule.config_key())
    }

    /// What the rule requires, as a sentence without a full stop.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The object is a ServiceCIDR that kube-apiserver accepts",
            Self::DefaultServiceCidr => "Only kube-apiserver changes the ServiceCIDR kubernetes",
            Self::DenyAll => "No ServiceCIDR changes except kubernetes",
            Self::AllowedRanges => "A CIDR is within one of the allowed ranges",
            Self::PrefixLength => "A CIDR is neither too wide nor too narrow",
            Self::ReservedNetworks => "A CIDR overlaps no network that is reserved for other uses",
            Self::NoOverlap => "A CIDR overlaps no CIDR of another ServiceCIDR",
            Self::Usable => "A CIDR has allocatable addresses",
            Self::Deletion => "A deletion leaves every IPAddress and every IP family with a usable CIDR",
        }
    }

    /// The kinds of objects that the rule compares a request with. `reserved-networks` needs them only for
    /// `discover`.
    #[must_use]
    pub fn requires(self) -> &'static [ResourceKind] {
        match self {
            Self::ReservedNetworks => &[ResourceKind::Nodes],
            Self::NoOverlap => &[ResourceKind::ServiceCidrs],
            Self::Deletion => &[ResourceKind::ServiceCidrs, ResourceKind::IpAddresses],
            Self::InvalidRequest
            | Self::DefaultServiceCidr
            | Self::DenyAll
            | Self::AllowedRanges
            | Self::PrefixLength
            | Self::Usable => &[],
        }
    }
}
