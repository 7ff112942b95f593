//! `UnusableReason`: why a CIDR of a ServiceCIDR has no allocatable addresses.

use crate::net::{Cidr, IpFamily, MIN_IPV6_PREFIX_LEN, UsableRange};

use super::{ConfiguredFamilies, Readiness};

/// Why a CIDR of a ServiceCIDR has no allocatable addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableReason {
    /// The ServiceCIDR is being deleted.
    Terminating,
    /// The condition Ready is not True.
    NotReady,
    /// The IP family is not configured on the cluster.
    FamilyNotConfigured,
    /// IPv6 shorter than /64: kube-apiserver creates no allocator.
    TooShort,
    /// IPv4 /31 and /32, IPv6 /128: too small.
    TooSmall,
}

impl UnusableReason {
    /// Why a CIDR has no allocatable addresses; `None` if it has some.
    #[must_use]
    pub fn for_cidr(families: &ConfiguredFamilies, readiness: Readiness, cidr: Cidr) -> Option<Self> {
        match readiness {
            Readiness::Terminating => Some(Self::Terminating),
            Readiness::NotReady => Some(Self::NotReady),
            Readiness::Ready if !families.contains(cidr.family()) => Some(Self::FamilyNotConfigured),
            Readiness::Ready if UsableRange::for_cidr(cidr).is_some() => None,
            Readiness::Ready if cidr.family() == IpFamily::IPv6 && cidr.prefix_len() < MIN_IPV6_PREFIX_LEN => {
                Some(Self::TooShort)
            }
            Readiness::Ready => Some(Self::TooSmall),
        }
    }

    /// The state in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminating => "Terminating",
            Self::NotReady => "NotReady",
            Self::FamilyNotConfigured => "FamilyNotConfigured",
            Self::TooShort => "TooShort",
            Self::TooSmall => "TooSmall",
        }
    }

    /// The explanation, to follow the CIDR.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Terminating => "has no allocatable addresses: it is being deleted, which can't be undone",
            Self::NotReady => "has no allocatable addresses: its condition Ready is not True",
            Self::FamilyNotConfigured => {
                "has no allocatable addresses: kube-apiserver has no --service-cluster-ip-range of its family"
            }
            Self::TooShort => "has no allocatable addresses: kube-apiserver allocates from IPv6 /64 and longer only",
            Self::TooSmall => "has no allocatable addresses: it is too small",
        }
    }
}
