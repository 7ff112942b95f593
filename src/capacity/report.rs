//! `CapacityReport`: usable, used and free addresses, by ServiceCIDR and by family.
//!
//! All counts are computed from sorted ranges, without visiting addresses.

use crate::inventory::{CidrOwner, CidrOwnerKind, Inventory, Readiness, ServiceCidr, UnusableReason, View, overlaps};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, Relation, UsableRange};

use super::segments::{Segment, segments};

/// Usable, used and free addresses. Always contains both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityReport {
    /// The families: IPv4, then IPv6.
    pub families: Vec<FamilyCapacity>,
    /// Every CIDR of every ServiceCIDR: by name, then in the order of `spec.cidrs`.
    pub service_cidrs: Vec<CidrCapacity>,
}

/// The capacity of one family. Only allocatable ranges count, and addresses of nested and equal CIDRs count once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyCapacity {
    /// The IP family.
    pub family: IpFamily,
    /// Whether kube-apiserver allocates addresses of the family at all.
    pub is_configured: bool,
    /// The number of addresses that can become ClusterIPs.
    pub usable: u128,
    /// The number of usable addresses that have an IPAddress, whatever its parent.
    pub used: u128,
    /// The number of used addresses that are not ClusterIPs of kube-apiserver's allocator.
    pub foreign: u128,
    /// The addresses that are in the static band of every range that contains them: they are allocated dynamically
    /// last, whichever range the allocator tries first.
    pub static_everywhere: Band,
    /// The number of IPAddresses in no ServiceCIDR.
    pub outside_service_cidrs: u128,
    /// The number of IPAddresses that are in a ServiceCIDR, but in no usable CIDR.
    pub in_unusable_cidrs: u128,
}

/// The capacity of one CIDR of a ServiceCIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrCapacity {
    /// The name of the ServiceCIDR.
    pub name: String,
    /// The CIDR.
    pub cidr: Cidr,
    /// The state of the ServiceCIDR.
    pub readiness: Readiness,
    /// Why it has no allocatable addresses; `None` if it has some.
    pub unusable_reason: Option<UnusableReason>,
    /// The number of allocatable addresses: 0 if it is not usable.
    pub usable: u128,
    /// The number of IPAddresses among its allocatable addresses, or, if it is not usable, among those that it would
    /// have.
    pub used: u128,
    /// The number of addresses that can be allocated from this CIDR only.
    pub unique: u128,
    /// The static band of this CIDR.
    pub static_band: Band,
    /// The CIDRs that overlap it.
    pub overlaps: Vec<SharedWith>,
}

/// A number of addresses, and how many of them are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Band {
    /// The number of addresses.
    pub size: u128,
    /// The number of addresses that have an IPAddress.
    pub used: u128,
}

/// A CIDR that overlaps another, and the relation of the other to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedWith {
    /// The relation of the entry's CIDR to this one.
    pub relation: Relation,
    /// The kind of the owner of this CIDR.
    pub kind: CidrOwnerKind,
    /// The name of the owner.
    pub name: String,
    /// This CIDR.
    pub cidr: Cidr,
}

impl CapacityReport {
    /// The report of an inventory without changes.
    #[must_use]
    pub fn for_inventory(inventory: &Inventory) -> Self {
        Self::for_view(&inventory.view())
    }

    /// The report of a view.
    #[must_use]
    pub fn for_view(view: &View<'_>) -> Self {
        let entries: Vec<(&ServiceCidr, Cidr)> = view.cidrs().collect();
        let (owners, ranges) = owned_ranges(view);
        let by_family = IpFamily::ALL.map(|family| (family, segments(family, &ranges)));

        let mut unique = vec![0_u128; entries.len()];
        for segment in by_family.iter().flat_map(|(_, segments)| segments) {
            let owner = segment.only.and_then(|place| owners.get(place)).copied();
            if let Some(count) = owner.and_then(|owner| unique.get_mut(owner)) {
                *count += segment.range.count();
            }
        }
        let shared = shared_by(view, &entries);
        let service_cidrs = entries
            .iter()
            .zip(unique)
            .zip(shared)
            .map(|(((service_cidr, cidr), unique), overlaps)| entry(view, service_cidr, *cidr, unique, overlaps))
            .collect();
        let families = by_family.iter().map(|(family, segments)| of_family(view, *family, segments).0).collect();
        Self { families, service_cidrs }
    }

    /// The capacity of one family.
    #[must_use]
    pub fn family(&self, family: IpFamily) -> Option<&FamilyCapacity> {
        self.families.iter().find(|capacity| capacity.family == family)
    }
}

/// The allocatable ranges, with the index of each in the order of [`View::cidrs`].
fn owned_ranges(view: &View<'_>) -> (Vec<usize>, Vec<UsableRange>) {
    let all = view.cidrs().enumerate();
    all.filter(|(_, (service_cidr, cidr))| view.unusable_reason(service_cidr, *cidr).is_none())
        .filter_map(|(owner, (_, cidr))| Some((owner, UsableRange::for_cidr(cidr)?)))
        .unzip()
}

/// The overlaps of each entry. They come sorted by entry.
fn shared_by(view: &View<'_>, entries: &[(&ServiceCidr, Cidr)]) -> Vec<Vec<SharedWith>> {
    let all = overlaps(view);
    let of = |(service_cidr, cidr): &(&ServiceCidr, Cidr)| {
        let own = (*cidr, CidrOwner::ServiceCidr(&service_cidr.name));
        let from = all.partition_point(|overlap| (overlap.cidr, overlap.owner) < own);
        let shared = all.iter().skip(from).take_while(|overlap| (overlap.cidr, overlap.owner) == own);
        shared
            .map(|overlap| SharedWith {
                relation: overlap.relation,
                kind: overlap.other.kind(),
                name: overlap.other.name().to_owned(),
                cidr: overlap.other_cidr,
            })
            .collect()
    };
    entries.iter().map(of).collect()
}

fn entry(
    view: &View<'_>,
    service_cidr: &ServiceCidr,
    cidr: Cidr,
    unique: u128,
    overlaps: Vec<SharedWith>,
) -> CidrCapacity {
    let unusable_reason = view.unusable_reason(service_cidr, cidr);
    let range = UsableRange::for_cidr(cidr);
    let band = |band: AddressRange| Band { size: band.count(), used: view.used_in(band) };
    CidrCapacity {
        name: service_cidr.name.clone(),
        cidr,
        readiness: service_cidr.readiness,
        unusable_reason,
        usable: range.filter(|_| unusable_reason.is_none()).map_or(0, UsableRange::count),
        used: range.map_or(0, |range| view.used_in(range.range())),
        unique,
        static_band: range.and_then(UsableRange::static_band).map(band).unwrap_or_default(),
        overlaps,
    }
}

/// The capacity of a family, and its usable addresses.
fn of_family(view: &View<'_>, family: IpFamily, segments: &[Segment]) -> (FamilyCapacity, RangeSet) {
    let usable = RangeSet::union(family, segments.iter().map(|segment| segment.range));
    let protected =
        RangeSet::union(family, segments.iter().filter(|segment| segment.is_protected()).map(|segment| segment.range));
    let stored = view.cidrs().map(|(_, cidr)| AddressRange::from(cidr));
    let stored = RangeSet::union(family, stored);
    let used = view.used(&usable);
    let inside = view.used(&stored);
    let capacity = FamilyCapacity {
        family,
        is_configured: view.families().contains(family),
        usable: usable.count(),
        used,
        foreign: usable.ranges().iter().map(|range| view.addresses().count_foreign_in(*range)).sum(),
        static_everywhere: Band { size: protected.count(), used: view.used(&protected) },
        outside_service_cidrs: view.addresses().count(family) - inside,
        in_unusable_cidrs: inside - used,
    };
    (capacity, usable)
}

impl FamilyCapacity {
    /// Both families, each with its usable addresses. Cheaper than a whole report, which also has an entry for each
    /// CIDR.
    pub(super) fn all_with_usable(view: &View<'_>) -> [(Self, RangeSet); 2] {
        let (_, ranges) = owned_ranges(view);
        IpFamily::ALL.map(|family| of_family(view, family, &segments(family, &ranges)))
    }

    /// The number of free addresses.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.usable - self.used
    }

    /// The used share of the usable addresses, in percent: `None` without usable addresses.
    #[must_use]
    pub fn percent_used(&self) -> Option<f64> {
        percent(self.used, self.usable)
    }

    /// The free share of the usable addresses, in percent: `None` without usable addresses.
    #[must_use]
    pub fn percent_free(&self) -> Option<f64> {
        percent(self.free(), self.usable)
    }
}

impl CidrCapacity {
    /// The number of free addresses: 0 if the CIDR is not usable.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.usable.saturating_sub(self.used)
    }

    /// The number of its addresses that can also be allocated from another ServiceCIDR.
    #[must_use]
    pub fn shared(&self) -> u128 {
        self.usable - self.unique
    }

    /// The used share, in percent: `None` without usable addresses.
    #[must_use]
    pub fn percent_used(&self) -> Option<f64> {
        percent(self.used, self.usable)
    }
}

/// A share in percent: `None` of nothing. Only a full share is 100, even if the nearest `f64` of a smaller one is.
#[allow(clippy::cast_precision_loss, reason = "a percentage is rounded anyway")]
fn percent(part: u128, whole: u128) -> Option<f64> {
    let share = part as f64 * 100.0 / whole as f64;
    (whole > 0).then(|| if part < whole { share.min(100.0_f64.next_down()) } else { share })
}
