//! `removal`: what deleting a ServiceCIDR does: what kube-controller-manager will do, and what is left
//! without a range.

use crate::inventory::{Allocation, Inventory, ServiceCidr, View};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, Relation, UsableRange};

use super::capped_list::CappedList;

/// What deleting a ServiceCIDR does. From the DELETE on, it gives no address, whatever becomes of it; that
/// can't be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionImpact {
    /// What keeps kube-controller-manager from taking its finalizer off: IPAddresses with the labels of
    /// kube-apiserver's allocator that no other ServiceCIDR holds.
    pub blocking: CappedList<Allocation>,
    /// IPAddresses that would lie in no range that gives addresses. Services keep working, but
    /// their addresses are reported as ClusterIPOutOfRange and not protected any more.
    pub stranded: CappedList<Allocation>,
    /// Whether the finalizer protects it at all: without, it is gone at once.
    pub is_protected: bool,
    /// The families that would be left without any address to give.
    pub exhausted: Vec<IpFamily>,
}

impl DeletionImpact {
    /// Whether kube-controller-manager lets it go as things are, ten seconds after the DELETE.
    #[must_use]
    pub fn completes(&self) -> bool {
        !self.is_protected || self.blocking.count == 0
    }
}

/// What deleting a ServiceCIDR does; `None` if there is none of that name.
#[must_use]
pub fn deletion_impact_by_name(inventory: &Inventory, name: &str) -> Option<DeletionImpact> {
    inventory.service_cidr(name).map(|service_cidr| deletion_impact(inventory, service_cidr))
}

/// What deleting a ServiceCIDR does that the inventory may not have seen yet.
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
    // Upstream asks first whether every CIDR has a parent, whatever that parent's state.
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
        // Of all its ranges, also when it is terminating already and gives nothing.
        let own =
            RangeSet::union(family, own.iter().filter_map(|cidr| UsableRange::for_cidr(*cidr)).map(UsableRange::range));
        removal.stranded.extend(allocations_in(&before, &own.difference(&will_be)));
        if was.count() > 0 && will_be.count() == 0 {
            removal.exhausted.push(family);
        }
    }
    removal
}

/// The IPAddresses of some ranges, ascending.
fn allocations_in<'a>(view: &View<'a>, ranges: &RangeSet) -> impl Iterator<Item = Allocation> + use<'a> {
    let addresses = view.addresses();
    ranges.ranges().to_vec().into_iter().flat_map(|range| addresses.list(range))
}

/// The addresses that upstream takes to be in a CIDR (`PrefixContainsIP`): all but the network address
/// and, of IPv4, the broadcast address; of IPv6 prefixes shorter than /64 too.
fn contained_addresses(cidr: Cidr) -> Option<AddressRange> {
    let whole = AddressRange::from(cidr);
    let last = match cidr.family() {
        IpFamily::IPv4 => whole.last().checked_sub(1)?,
        IpFamily::IPv6 => whole.last(),
    };
    AddressRange::new(cidr.family(), whole.first().checked_add(1)?, last)
}
