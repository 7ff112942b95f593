//! Listing a kind anew, in place: what is known stays readable all through, and what the new list
//! doesn't name is forgotten at its end.

use std::collections::BTreeSet;

use crate::net::IpFamily;

use super::Inventory;

/// How many objects are forgotten in one step of a sweep, at most.
const SWEEP_BATCH: usize = 256;

/// What is followed of a cluster, each with a list and a watch of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// ServiceCIDRs.
    ServiceCidrs,
    /// IPAddresses.
    IpAddresses,
    /// Nodes.
    Nodes,
}

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum SweepStatus {
    /// There is more to look at.
    Unfinished,
    /// What the list didn't name is forgotten.
    Done,
}

/// The names that a list has yet to name. Empty when none is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct StaleNames {
    pub service_cidrs: BTreeSet<String>,
    pub nodes: BTreeSet<String>,
}

impl ResourceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ServiceCidrs, Self::IpAddresses, Self::Nodes];

    /// The kind of one object.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDR",
            Self::IpAddresses => "IPAddress",
            Self::Nodes => "Node",
        }
    }

    /// Several of them, for people.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::ServiceCidrs => "ServiceCIDRs",
            Self::IpAddresses => "IPAddresses",
            Self::Nodes => "Nodes",
        }
    }
}

impl Inventory {
    /// Begins to list a kind anew. What is inserted from now on counts as named, also when it was known
    /// and doesn't differ. May be called again before the end, when the list begins anew.
    ///
    /// ```
    /// use servicecidr_guard::inventory::{Inventory, Kind, Node, Sweep};
    ///
    /// let node = |name: &str| Node { name: name.to_owned(), pod_cidrs: Vec::new(), addresses: Vec::new() };
    /// let mut inventory = Inventory::default();
    /// inventory.insert_node(node("a"));
    /// inventory.insert_node(node("b"));
    /// inventory.begin_relist(Kind::Nodes);
    /// inventory.insert_node(node("b"));
    /// assert_eq!(inventory.count(Kind::Nodes), 2);
    /// while inventory.sweep(Kind::Nodes) == Sweep::Unfinished {}
    /// assert_eq!(inventory.count(Kind::Nodes), 1);
    /// ```
    pub fn begin_relist(&mut self, kind: ResourceKind) {
        match kind {
            ResourceKind::ServiceCidrs => self.unlisted.service_cidrs = self.service_cidrs.keys().cloned().collect(),
            ResourceKind::IpAddresses => self.addresses.begin_relist(),
            ResourceKind::Nodes => self.unlisted.nodes = self.nodes.keys().cloned().collect(),
        }
    }

    /// Forgets some of what the list that was begun last didn't name: a few thousand are looked at, so
    /// that others get their turn in between. To be called until it is done, and only once the list is
    /// complete.
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

    /// How many objects of a kind are known.
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

impl SweepStatus {
    pub(super) fn unless(is_done: bool) -> Self {
        if is_done { Self::Done } else { Self::Unfinished }
    }
}

fn take_batch(names: &mut BTreeSet<String>) -> Vec<String> {
    std::iter::from_fn(|| names.pop_first()).take(SWEEP_BATCH).collect()
}
