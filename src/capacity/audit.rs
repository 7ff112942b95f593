//! `AllocationAudit`: what only a scan of all IPAddresses finds: free blocks, and unexpected IPAddresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::inventory::{Allocation, Inventory, ServiceName, View};
use crate::net::{AddressRange, IpFamily, RangeSet};

use super::capped_list::CappedList;
use super::segments::segments;

/// What only a scan of all IPAddresses finds. O(n).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationAudit {
    /// The free blocks of IPv4, then of IPv6.
    pub free_blocks: Vec<FreeBlocks>,
    /// Free addresses that are in the static band of every range that contains them: the safest for a fixed
    /// ClusterIP, because they are allocated dynamically last.
    pub free_static: CappedList<IpAddr>,
    /// IPAddresses in usable ranges that are not ClusterIPs of kube-apiserver's allocator.
    pub foreign: CappedList<Allocation>,
    /// IPAddresses in no ServiceCIDR.
    pub outside_service_cidrs: CappedList<Allocation>,
    /// IPAddresses in CIDRs that are not usable.
    pub in_unusable_cidrs: CappedList<Allocation>,
    /// ClusterIPs of Services without an IPAddress: kube-apiserver's repair creates one within three minutes; until
    /// then the address can be allocated twice. `None` if Services are unknown.
    pub unallocated: Option<CappedList<(IpAddr, ServiceName)>>,
    /// IPAddresses whose Service is deleted: the repair frees them. `None` if Services are unknown.
    pub leaked: Option<CappedList<Allocation>>,
}

/// The free addresses of a family as aligned blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeBlocks {
    /// The IP family.
    pub family: IpFamily,
    /// The longest run of free addresses.
    pub largest: Option<AddressRange>,
    /// The number of blocks of each prefix length, the largest blocks first. Each free address is in one block: the
    /// largest aligned one that is entirely free.
    pub by_prefix_length: BTreeMap<u8, u128>,
}

impl AllocationAudit {
    /// Scans an inventory.
    #[must_use]
    pub fn for_inventory(inventory: &Inventory) -> Self {
        let view = inventory.view();
        let mut audit = Self {
            free_blocks: IpFamily::ALL.map(|family| FreeBlocks::for_family(&view, family)).to_vec(),
            free_static: CappedList::default(),
            foreign: CappedList::default(),
            outside_service_cidrs: CappedList::default(),
            in_unusable_cidrs: CappedList::default(),
            unallocated: None,
            leaked: None,
        };
        let effective = view.allocatable_ranges();
        for family in IpFamily::ALL {
            let protected = segments(family, &effective).into_iter().filter(|segment| segment.is_protected());
            let protected = RangeSet::union(family, protected.map(|segment| segment.range));
            audit.free_static.extend(free(&view, &protected).map(|number| family.address(number)));
            let all = RangeSet::union(family, AddressRange::new(family, 0, family.last()));
            let stored = RangeSet::union(family, view.cidrs().map(|(_, cidr)| AddressRange::from(cidr)));
            let usable = view.usable(family);
            let listed = |ranges: &RangeSet| ranges.ranges().to_vec();
            let list = |ranges: Vec<AddressRange>| ranges.into_iter().flat_map(|range| view.addresses().list(range));
            audit.outside_service_cidrs.extend(list(listed(&all.difference(&stored))));
            audit.in_unusable_cidrs.extend(list(listed(&stored.difference(&usable))));
            audit.foreign.extend(list(listed(&usable)).filter(|allocation| !allocation.is_cluster_ip()));
        }
        if let Some(cluster_ips) = inventory.cluster_ips() {
            let without = cluster_ips.iter().filter(|(address, _)| view.addresses().get(**address).is_none());
            let mut unallocated = CappedList::default();
            unallocated.extend(without.map(|(address, service)| (*address, service.clone())));
            audit.unallocated = Some(unallocated);
            let known: BTreeSet<(&str, &str)> =
                cluster_ips.values().map(|service| (service.namespace.as_str(), service.name.as_str())).collect();
            let mut leaked = CappedList::default();
            for family in IpFamily::ALL {
                let all = AddressRange::new(family, 0, family.last());
                let allocations = all.into_iter().flat_map(|range| view.addresses().list(range));
                leaked.extend(allocations.filter(|allocation| {
                    let parent = &allocation.parent;
                    allocation.is_cluster_ip() && !known.contains(&(parent.namespace.as_str(), parent.name.as_str()))
                }));
            }
            audit.leaked = Some(leaked);
        }
        audit
    }
}

/// The addresses of some ranges without an IPAddress, as numbers. For small ranges only: it visits every address.
fn free(view: &View<'_>, ranges: &RangeSet) -> impl Iterator<Item = u128> {
    let addresses = view.addresses();
    ranges.ranges().to_vec().into_iter().flat_map(move |range| {
        let taken: BTreeSet<u128> = addresses.numbers(range).collect();
        (range.first()..=range.last()).filter(move |number| !taken.contains(number))
    })
}

impl FreeBlocks {
    fn for_family(view: &View<'_>, family: IpFamily) -> Self {
        let mut blocks = Self { family, largest: None, by_prefix_length: BTreeMap::new() };
        for range in view.usable(family).ranges() {
            let mut from = Some(range.first());
            for taken in view.addresses().numbers(*range) {
                blocks.add_run(from, taken.checked_sub(1));
                from = taken.checked_add(1);
            }
            blocks.add_run(from, Some(range.last()));
        }
        blocks
    }

    fn add_run(&mut self, first: Option<u128>, last: Option<u128>) {
        let Some(run) = first.zip(last).and_then(|(first, last)| AddressRange::new(self.family, first, last)) else {
            return;
        };
        if self.largest.is_none_or(|largest| largest.count() < run.count()) {
            self.largest = Some(run);
        }
        for block in run.subnets() {
            *self.by_prefix_length.entry(block.prefix_len()).or_default() += 1;
        }
    }
}
