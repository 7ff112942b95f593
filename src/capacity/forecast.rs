//! `forecast`: the capacity of each family before and after changes.

use crate::inventory::{Change, Inventory, PendingChanges};
use crate::net::{IpFamily, RangeSet};

use super::FamilyCapacity;

/// The capacity of each family before and after changes, and the difference. IPv4, then IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The capacity before the changes.
    pub before: Vec<FamilyCapacity>,
    /// The capacity after kube-controller-manager and kube-apiserver have processed the changes.
    pub after: Vec<FamilyCapacity>,
    /// The number of addresses that are usable after the changes and not before, by family. A wider range also makes
    /// the network and broadcast addresses of the ranges within it usable.
    pub gained: Vec<(IpFamily, u128)>,
    /// The number of addresses that are usable before the changes and not after, by family.
    pub lost: Vec<(IpFamily, u128)>,
}

/// The effect of changes, one after the other: see [`PendingChanges`].
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
