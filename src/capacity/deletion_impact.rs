//! `deletion_impact`: the effect of deleting a ServiceCIDR: what kube-controller-manager does, and which addresses
//! remain without a usable range.

use crate::inventory::{Allocation, Inventory, ServiceCidr, View};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, Relation, UsableRange};

use super::capped_list::CappedList;

/// The effect of deleting a ServiceCIDR. No address is allocated from it after the DELETE, whether or not the
/// deletion completes; this can't be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionImpact {
    /// The IPAddresses for which kube-controller-manager keeps its finalizer: those with the labels of
    /// kube-apiserver's allocator that no other ServiceCIDR contains.
    pub blocking: CappedList<Allocation>,
    /// The IPAddresses that would be in no usable range. Their Services keep working, but kube-apiserver reports
    /// ClusterIPOutOfRange for them and no longer protects the addresses.
    pub stranded: CappedList<Allocation>,
    /// Whether it has the finalizer: without it, it is deleted immediately.
    pub is_protected: bool,
    /// The IP families that would have no allocatable address.
    pub exhausted: Vec<IpFamily>,
}

impl DeletionImpact {
    /// Whether kube-controller-manager would remove its finalizer now, ten seconds after the DELETE.
    #[must_use]
    pub fn completes(&self) -> bool {
        !self.is_protected || self.blocking.count == 0
    }
}

/// The effect of deleting a ServiceCIDR; `None` if none has this name.
#[must_use]
pub fn deletion_impact_by_name(inventory: &Inventory, name: &str) -> Option<DeletionImpact> {
    inventory.service_cidr(name).map(|service_cidr| deletion_impact(inventory, service_cidr))
}

/// The effect of deleting a ServiceCIDR that the inventory may not contain yet.
#[must_use]
pub fn deletion_impact(inventory: &Inventory, service_cidr: &ServiceCidr) -> DeletionImpact {
    let own = &service_cidr.cidrs;
    let before = inventory.view_with(std::slice::from_ref(service_cidr), &[]);
    let gone = [service_cidr.name.clone()];
    let after = inventory.view_with(&[], &gone);
    let others: Vec<Cidr> = after.cidrs().map(|(_, cidr)| cidr).collect();
    let mut removal = DeletionImpact {
        blocking: CappedList::default(),
        stranded: CappedList::default(),
        is_protected: service_cidr.has_finalizer,
        exhausted: Vec::new(),
    };
    // Upstream first checks whether every CIDR has a parent, whatever the state of that parent.
    let has_parents = own
        .iter()
        .all(|cidr| others.iter().any(|other| matches!(other.relation(*cidr), Relation::Same | Relation::Contains)));
    for family in IpFamily::ALL {
        let of_family =
            |cidrs: &[Cidr]| RangeSet::union(family, cidrs.iter().filter_map(|cidr| contained_addresses(*cidr)));
        if !has_parents {
            let only_here = of_family(own).difference(&of_family(&others));
            removal.blocking.extend(allocations_in(&before, &only_here).filter(|allocation| allocation.is_managed));
        }
        let (was, will_be) = (before.usable(family), after.usable(family));
        // Of all its ranges, even if it is terminating already and nothing is allocated from it.
        let own =
            RangeSet::union(family, own.iter().filter_map(|cidr| UsableRange::for_cidr(*cidr)).map(UsableRange::range));
        removal.stranded.extend(allocations_in(&before, &own.difference(&will_be)));
        if was.count() > 0 && will_be.count() == 0 {
            removal.exhausted.push(family);
        }
    }
    removal
}

/// The IPAddresses in some ranges, ascending.
fn allocations_in<'a>(view: &View<'a>, ranges: &RangeSet) -> impl Iterator<Item = Allocation> + use<'a> {
    let addresses = view.addresses();
    ranges.ranges().to_vec().into_iter().flat_map(|range| addresses.list(range))
}

/// The addresses that upstream counts as contained in a CIDR (`PrefixContainsIP`): all except the network address and
/// the IPv4 broadcast address, including IPv6 prefixes shorter than /64.
fn contained_addresses(cidr: Cidr) -> Option<AddressRange> {
    let whole = AddressRange::from(cidr);
    let last = match cidr.family() {
        IpFamily::IPv4 => whole.last().checked_sub(1)?,
        IpFamily::IPv6 => whole.last(),
    };
    AddressRange::new(cidr.family(), whole.first().checked_add(1)?, last)
}
