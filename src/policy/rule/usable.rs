//! usable: a CIDR that a request adds must have allocatable addresses.

use crate::inventory::{Change, ConfiguredFamilies, Readiness, UnusableReason};
use crate::policy::{ValidationActions, Violation};

/// An added CIDR must have allocatable addresses. kube-apiserver accepts, and Kubernetes reports as ready, CIDRs
/// without any: an IPv4 /31 or /32, an IPv6 /128 or one shorter than /64, and a family that is not configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usable {
    /// The actions on a CIDR without allocatable addresses.
    pub actions: ValidationActions,
}

impl Usable {
    /// A violation for each added CIDR without allocatable addresses.
    pub(in crate::policy) fn check(families: &ConfiguredFamilies, change: &Change) -> Vec<Violation> {
        change
            .cidrs()
            .filter_map(|(index, cidr)| {
                let reason = UnusableReason::for_cidr(families, Readiness::Ready, cidr)?;
                Some(Violation::Unusable { index, cidr, reason })
            })
            .collect()
    }
}
