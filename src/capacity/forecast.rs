//! `forecast`: what each family has, before and after changes.

use crate::inventory::{Change, Inventory, PendingChanges};
use crate::net::{IpFamily, RangeSet};

use super::FamilyCapacity;

/// What each family has before and after changes, and what they add and take. IPv4, then IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// As it is.
    pub before: Vec<FamilyCapacity>,
    /// As it would be, once kube-controller-manager and kube-apiserver have taken the changes up.
    pub after: Vec<FamilyCapacity>,
    /// Addresses that become usable, by family: those usable after and not before. A wider range
    /// also frees the network and broadcast addresses of the ranges in it.
    pub gained: Vec<(IpFamily, u128)>,
    /// Addresses that stop being usable, by family.
    pub lost: Vec<(IpFamily, u128)>,
}

/// What changes would do, one after the other: see [`PendingChanges`].
#[must_use]
pub fn forecast(inventory: &Inventory, changes: &[Change]) -> Forecast {
    let overlay = PendingChanges::from_changes(inventory, changes);
    let before = FamilyCapacity::all_with_usable(&inventory.view());
    let after = FamilyCapacity::all_with_usable(&overlay.view(inventory));
    let difference = |from: &[(FamilyCapacity, RangeSet)], without: &[(FamilyCapacity, RangeSet)]| {
        let pairs = from.iter().zip(without);
        pairs.map(|((capacity, own), (_, other))| (capacity.family, own.difference(other).count())).collect()
    };
    Forecast {
        gained: difference(&after, &before),
        lost: difference(&before, &after),
        before: before.map(|(capacity, _)| capacity).to_vec(),
        after: after.map(|(capacity, _)| capacity).to_vec(),
    }
}
