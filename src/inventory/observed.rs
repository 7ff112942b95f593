//! `Known`: an inventory, and how fresh each part of it is.

use core::time::Duration;

use super::{Inventory, ResourceKind};

/// An inventory, and how fresh each part of it is. The edge that fills the inventory says so; nothing
/// below it reads a clock.
#[derive(Clone, Copy, Debug)]
pub struct ObservedInventory<'a> {
    /// What is known.
    pub inventory: &'a Inventory,
    /// Of the ServiceCIDRs.
    pub service_cidrs: Freshness,
    /// Of the IPAddresses.
    pub addresses: Freshness,
    /// Of the nodes.
    pub nodes: Freshness,
}

/// How fresh a part of an inventory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// No inventory of it is kept.
    Absent,
    /// It was not read to its end yet.
    Syncing,
    /// So long ago it was last proved to be what the cluster holds.
    Age(Duration),
}

impl<'a> ObservedInventory<'a> {
    /// No inventory is kept: `inventory` is empty.
    #[must_use]
    pub fn absent(inventory: &'a Inventory) -> Self {
        Self::all(inventory, Freshness::Absent)
    }

    /// An inventory that is what it is: a file's.
    #[must_use]
    pub fn static_file(inventory: &'a Inventory) -> Self {
        Self::all(inventory, Freshness::Age(Duration::ZERO))
    }

    fn all(inventory: &'a Inventory, freshness: Freshness) -> Self {
        Self { inventory, service_cidrs: freshness, addresses: freshness, nodes: freshness }
    }

    /// How fresh the objects of a kind are.
    #[must_use]
    pub fn freshness(&self, kind: ResourceKind) -> Freshness {
        match kind {
            ResourceKind::ServiceCidrs => self.service_cidrs,
            ResourceKind::IpAddresses => self.addresses,
            ResourceKind::Nodes => self.nodes,
        }
    }
}

impl Freshness {
    /// Whether it is known, and no older than that.
    #[must_use]
    pub fn is_within(self, limit: Duration) -> bool {
        matches!(self, Self::Age(age) if age <= limit)
    }
}
