//! allowed-ranges: every CIDR that a request adds must be within one of the allowed ranges.

use crate::inventory::Change;
use crate::net::CidrSet;
use crate::policy::{ValidationActions, Violation};

/// Every added CIDR must be within one of these ranges, as in the documented ValidatingAdmissionPolicy
/// `servicecidrs.default`. Ranges are never merged: two halves don't allow the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedRanges {
    /// The allowed ranges.
    pub ranges: CidrSet,
    /// The actions on a CIDR outside the ranges.
    pub actions: ValidationActions,
}

impl AllowedRanges {
    /// A violation for each added CIDR that is in no allowed range. Texts that are not CIDRs are validation errors of
    /// the change and not evaluated here.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        let outside = change.cidrs().filter(|(_, cidr)| self.ranges.covering(*cidr).is_none());
        outside.map(|(index, cidr)| Violation::outside(index, cidr, &self.ranges)).collect()
    }
}
