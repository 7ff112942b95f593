//! Lists a kind again, in place: the previous objects stay readable, and those that are not in the new list are
//! removed at its end.

use std::collections::BTreeSet;

use crate::net::IpFamily;

use super::{Inventory, ResourceKind, SweepStatus};

/// The largest number of objects that one step of a sweep removes.
const SWEEP_BATCH: usize = 256;

impl Inventory {
    /// Begins a new list of a kind. Objects that are inserted from now on count as listed, even if they don't change.
    /// May be called again before the end, when the list begins again.
    ///
    /// ```
    /// use servicecidr_guard::inventory::{Inventory, ResourceKind, Node, SweepStatus};
    ///
    /// let node = |name: &str| Node { name: name.to_owned(), pod_cidrs: Vec::new(), addresses: Vec::new() };
    /// let mut inventory = Inventory::default();
    /// inventory.insert_node(node("a"));
    /// inventory.insert_node(node("b"));
    /// inventory.begin_relist(ResourceKind::Nodes);
    /// inventory.insert_node(node("b"));
    /// assert_eq!(inventory.count(ResourceKind::Nodes), 2);
    /// while inventory.sweep(ResourceKind::Nodes) == SweepStatus::Unfinished {}
    /// assert_eq!(inventory.count(ResourceKind::Nodes), 1);
    /// ```
    pub fn begin_relist(&mut self, kind: ResourceKind) {
        match kind {
            ResourceKind::ServiceCidrs => self.unlisted.service_cidrs = self.service_cidrs.keys().cloned().collect(),
            ResourceKind::IpAddresses => self.addresses.begin_relist(),
            ResourceKind::Nodes => self.unlisted.nodes = self.nodes.keys().cloned().collect(),
        }
    }

    /// Removes some of the objects that are not in the list which was begun last. It visits a few thousand objects,
    /// so that readers get the lock in between. Call it until it is done, and only after the list is complete.
    pub fn sweep(&mut self, kind: ResourceKind) -> SweepStatus {
        match kind {
            ResourceKind::ServiceCidrs => {
                for name in take_batch(&mut self.unlisted.service_cidrs) {
                    self.remove_service_cidr(&name);
                }
                SweepStatus::unless(self.unlisted.service_cidrs.is_empty())
            }
            ResourceKind::IpAddresses => self.addresses.sweep(),
            ResourceKind::Nodes => {
                for name in take_batch(&mut self.unlisted.nodes) {
                    self.remove_node(&name);
                }
                SweepStatus::unless(self.unlisted.nodes.is_empty())
            }
        }
    }

    /// The number of objects of a kind.
    #[must_use]
    pub fn count(&self, kind: ResourceKind) -> u64 {
        let count = match kind {
            ResourceKind::ServiceCidrs => self.service_cidrs.len() as u128,
            ResourceKind::IpAddresses => self.addresses.count(IpFamily::IPv4) + self.addresses.count(IpFamily::IPv6),
            ResourceKind::Nodes => self.nodes.len() as u128,
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

fn take_batch(names: &mut BTreeSet<String>) -> Vec<String> {
    std::iter::from_fn(|| names.pop_first()).take(SWEEP_BATCH).collect()
}
