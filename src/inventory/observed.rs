//! `ObservedInventory`: an inventory, and how fresh each part of it is.

use core::time::Duration;

use super::{Inventory, ResourceKind};

/// An inventory, and how fresh each part of it is. The code that fills the inventory sets the freshness; no lower
/// layer reads a clock.
#[derive(Clone, Copy, Debug)]
pub struct ObservedInventory<'a> {
    /// The observed objects.
    pub inventory: &'a Inventory,
    /// The freshness of the ServiceCIDRs.
    pub service_cidrs: Freshness,
    /// The freshness of the IPAddresses.
    pub addresses: Freshness,
    /// The freshness of the nodes.
    pub nodes: Freshness,
}

/// The freshness of a part of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// There is no inventory of this part.
    Absent,
    /// The first list is not complete.
    Syncing,
    /// The time since the API server last confirmed this state.
    Age(Duration),
}

impl<'a> ObservedInventory<'a> {
    /// No inventory is configured: `inventory` is empty.
    #[must_use]
    pub fn absent(inventory: &'a Inventory) -> Self {
        Self::all(inventory, Freshness::Absent)
    }

    /// A static inventory: that of a file, which is never stale.
    #[must_use]
    pub fn static_file(inventory: &'a Inventory) -> Self {
        Self::all(inventory, Freshness::Age(Duration::ZERO))
    }

    fn all(inventory: &'a Inventory, freshness: Freshness) -> Self {
        Self { inventory, service_cidrs: freshness, addresses: freshness, nodes: freshness }
    }

    /// The freshness of the objects of a kind.
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
    /// Whether the part is known and not older than `max`.
    #[must_use]
    pub fn is_within(self, limit: Duration) -> bool {
        matches!(self, Self::Age(age) if age <= limit)
    }
}
