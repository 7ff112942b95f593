//! usable: a CIDR that a request adds gives addresses.

use crate::inventory::{Change, ConfiguredFamilies, Readiness, UnusableReason};
use crate::policy::{ValidationActions, Violation};

/// A CIDR that a request adds gives addresses. kube-apiserver takes and Kubernetes calls ready what
/// gives none: an IPv4 /31 or /32, an IPv6 /128 or one shorter than /64, a family that isn't configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usable {
    /// What follows from one that gives none.
    pub actions: ValidationActions,
}

impl Usable {
    /// A violation for each added CIDR that gives no address.
    pub(in crate::policy) fn check(families: &ConfiguredFamilies, change: &Change) -> Vec<Violation> {
        change
            .cidrs()
            .filter_map(|(index, cidr)| {
                let idle = UnusableReason::for_cidr(families, Readiness::Ready, cidr)?;
                Some(Violation::Unusable { index, cidr, idle })
            })
            .collect()
    }
}
