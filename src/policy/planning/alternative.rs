//! `alternatives`: where a CIDR is refused, the nearest one of its size that would not be.

use std::fmt;

use crate::inventory::{Freshness, Inventory, ObservedInventory};
use crate::net::{AddressRange, Cidr, RangeSet, address_bits};
use crate::policy::{Policy, Violation};

use super::occupancy::free;

/// The nearest CIDR of the same size that the policy allows and that overlaps nothing known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The place of the refused one in `spec.cidrs`, from 0.
    pub index: usize,
    /// What could stand there.
    pub cidr: Cidr,
}

/// For each CIDR that is denied for where it is. None where the policy has no allowed
/// ranges, where what the cluster holds isn't known, and where nothing of that size is free.
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
    // Ranges are never joined: narrower ones can't hold it, and of the others one alone does.
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
