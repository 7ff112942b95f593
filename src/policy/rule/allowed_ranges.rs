//! allowed-ranges: every CIDR that a request adds must lie within one of the allowed ranges.

use crate::inventory::Change;
use crate::net::CidrSet;
use crate::policy::{ValidationActions, Violation};

/// Every CIDR that a request adds must lie within one of these: the documented
/// ValidatingAdmissionPolicy `servicecidrs.default`. Ranges are never joined: two halves don't
/// admit the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedRanges {
    /// The allowed ranges.
    pub ranges: CidrSet,
    /// What follows from a CIDR outside them.
    pub actions: ValidationActions,
}

impl AllowedRanges {
    /// A violation for each added CIDR that no allowed range covers. Texts that aren't CIDRs are
    /// faults of the change and not judged again.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        let outside = change.cidrs().filter(|(_, cidr)| self.ranges.covering(*cidr).is_none());
        outside.map(|(index, cidr)| Violation::outside(index, cidr, &self.ranges)).collect()
    }
}
