//! `alternatives`: for a denied CIDR, the closest allowed one of the same size.

use std::fmt;

use crate::inventory::{Freshness, Inventory, ObservedInventory};
use crate::net::{AddressRange, Cidr, RangeSet, address_bits};
use crate::policy::{Policy, Violation};

use super::occupancy::free;

/// The closest CIDR of the same size that the policy allows and that overlaps no known network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The index of the denied CIDR in `spec.cidrs`, from 0.
    pub index: usize,
    /// The CIDR to use instead.
    pub cidr: Cidr,
}

/// An alternative for each CIDR that is denied because of its location. None if the policy has no allowed ranges, if
/// the cluster state is unknown, or if no block of that size is free.
pub(in crate::policy) fn alternatives<'a>(
    policy: &Policy,
    observed: &ObservedInventory<'_>,
    denials: impl Iterator<Item = &'a Violation>,
) -> Vec<Alternative> {
    let is_known = |freshness: Freshness| freshness.is_within(policy.staleness.max);
    if !is_known(observed.service_cidrs) || (policy.requires_nodes() && !is_known(observed.nodes)) {
        return Vec::new();
    }
    let mut found: Vec<Alternative> = Vec::new();
    for violation in denials {
        let (Violation::OutsideAllowedRanges { index, cidr, .. }
        | Violation::Overlap { index, cidr, .. }
        | Violation::Reserved { index, cidr, .. }) = violation
        else {
            continue;
        };
        if found.iter().all(|alternative| alternative.index != *index) {
            let nearest = nearest(policy, observed.inventory, *cidr);
            found.extend(nearest.map(|cidr| Alternative { index: *index, cidr }));
        }
    }
    found
}

fn nearest(policy: &Policy, inventory: &Inventory, refused: Cidr) -> Option<Cidr> {
    let family = refused.family();
    let allowed = policy.allowed_ranges.as_ref()?.ranges.of_family(family);
    if policy.prefix_length.as_ref().is_some_and(|rule| !rule.allows(refused)) {
        return None;
    }
    // Ranges are never merged: narrower ones can't contain the CIDR, and one of the others is enough.
    let wide_enough = allowed.filter(|range| range.prefix_len() <= refused.prefix_len());
    let allowed = RangeSet::union(family, wide_enough.map(AddressRange::from));
    let free = free(policy, inventory, &allowed, family);
    let first = free.closest_fit(refused.host_bits(), address_bits(refused.first()))?;
    Cidr::from_base(family, first, refused.host_bits())
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.cidrs[{}] could be {}: it is allowed and overlaps no known network", self.index, self.cidr)
    }
}
