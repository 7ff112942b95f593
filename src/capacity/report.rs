//! `CapacityReport`: what is usable, used and free, by ServiceCIDR and by family.
//!
//! Everything is counted by arithmetic on sorted ranges: no address is walked.

use crate::inventory::{CidrOwner, CidrOwnerKind, Inventory, Readiness, ServiceCidr, UnusableReason, View, overlaps};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, Relation, UsableRange};

use super::segments::{Segment, segments};

/// What is usable, used and free. Both families are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityReport {
    /// IPv4, then IPv6.
    pub families: Vec<FamilyCapacity>,
    /// Every CIDR of every ServiceCIDR: by name, then in the order of `spec.cidrs`.
    pub service_cidrs: Vec<CidrCapacity>,
}

/// One family: nested and equal CIDRs counted once, only effective ones counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyCapacity {
    /// The family.
    pub family: IpFamily,
    /// Whether kube-apiserver allocates of it at all.
    pub is_configured: bool,
    /// How many addresses can become ClusterIPs.
    pub usable: u128,
    /// How many of them have an IPAddress, whoever holds it.
    pub used: u128,
    /// How many of the used ones are not ClusterIPs from kube-apiserver's allocator.
    pub foreign: u128,
    /// The addresses that every range which gives them keeps in its static band: those that are
    /// taken dynamically last, wherever the allocator looks first.
    pub static_everywhere: Band,
    /// How many IPAddresses lie in no ServiceCIDR.
    pub outside_service_cidrs: u128,
    /// How many lie in a ServiceCIDR, but where none gives addresses.
    pub in_unusable_cidrs: u128,
}

/// One CIDR of a ServiceCIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrCapacity {
    /// The ServiceCIDR's name.
    pub name: String,
    /// The CIDR.
    pub cidr: Cidr,
    /// The ServiceCIDR's state.
    pub readiness: Readiness,
    /// Why it gives no address, if it gives none.
    pub unusable_reason: Option<UnusableReason>,
    /// How many addresses it gives: 0 where it is idle.
    pub usable: u128,
    /// How many IPAddresses lie among the addresses that it gives or, being idle, would give.
    pub used: u128,
    /// How many addresses it alone gives.
    pub unique: u128,
    /// Its own static band.
    pub static_band: Band,
    /// What it shares addresses with.
    pub overlaps: Vec<SharedWith>,
}

/// How many addresses, and how many of them have an IPAddress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Band {
    /// How many addresses.
    pub size: u128,
    /// How many of them are used.
    pub used: u128,
}

/// Another CIDR that shares addresses with one, and how the one lies to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedWith {
    /// How the CIDR lies to the other.
    pub relation: Relation,
    /// What the other belongs to.
    pub kind: CidrOwnerKind,
    /// Whose the other is.
    pub name: String,
    /// The other.
    pub cidr: Cidr,
}

impl CapacityReport {
    /// The report of an inventory as it is.
    #[must_use]
    pub fn for_inventory(inventory: &Inventory) -> Self {
        Self::for_view(&inventory.view())
    }

    /// The report of an inventory as it is or would be.
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

    /// One family's part.
    #[must_use]
    pub fn family(&self, family: IpFamily) -> Option<&FamilyCapacity> {
        self.families.iter().find(|capacity| capacity.family == family)
    }
}

/// The ranges that give addresses, and the place of each in the order of [`View::cidrs`].
fn owned_ranges(view: &View<'_>) -> (Vec<usize>, Vec<UsableRange>) {
    let all = view.cidrs().enumerate();
    all.filter(|(_, (service_cidr, cidr))| view.unusable_reason(service_cidr, *cidr).is_none())
        .filter_map(|(owner, (_, cidr))| Some((owner, UsableRange::for_cidr(cidr)?)))
        .unzip()
}

/// What each entry shares addresses with. The overlaps come sorted by what they are of.
fn shared_by(view: &View<'_>, entries: &[(&ServiceCidr, Cidr)]) -> Vec<Vec<SharedWith>> {
    let all = overlaps(view);
    let of = |(service_cidr, cidr): &(&ServiceCidr, Cidr)| {
        let own = (*cidr, CidrOwner::ServiceCidr(&service_cidr.name));
        let from = all.partition_point(|overlap| (overlap.cidr, overlap.holder) < own);
        let its = all.iter().skip(from).take_while(|overlap| (overlap.cidr, overlap.holder) == own);
        its.map(|overlap| SharedWith {
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
    let idle = view.unusable_reason(service_cidr, cidr);
    let range = UsableRange::for_cidr(cidr);
    let band = |band: AddressRange| Band { size: band.count(), used: view.used_in(band) };
    CidrCapacity {
        name: service_cidr.name.clone(),
        cidr,
        readiness: service_cidr.readiness,
        unusable_reason: idle,
        usable: range.filter(|_| idle.is_none()).map_or(0, UsableRange::count),
        used: range.map_or(0, |range| view.used_in(range.range())),
        unique,
        static_band: range.and_then(UsableRange::static_band).map(band).unwrap_or_default(),
        overlaps,
    }
}

/// What a family has, and its usable addresses.
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
    /// Both families, each with its usable addresses: cheaper than a whole report, which has what each CIDR
    /// has and shares.
    pub(super) fn all_with_usable(view: &View<'_>) -> [(Self, RangeSet); 2] {
        let (_, ranges) = owned_ranges(view);
        IpFamily::ALL.map(|family| of_family(view, family, &segments(family, &ranges)))
    }

    /// How many addresses are to be had.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.usable - self.used
    }

    /// The share of the usable addresses that is used, in percent: `None` without usable addresses.
    #[must_use]
    pub fn percent_used(&self) -> Option<f64> {
        percent(self.used, self.usable)
    }

    /// The share of the usable addresses that is free, in percent: `None` without usable addresses.
    #[must_use]
    pub fn percent_free(&self) -> Option<f64> {
        percent(self.free(), self.usable)
    }
}

impl CidrCapacity {
    /// How many addresses are to be had from it: 0 where it is idle.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.usable.saturating_sub(self.used)
    }

    /// How many of its addresses another ServiceCIDR gives too.
    #[must_use]
    pub fn shared(&self) -> u128 {
        self.usable - self.unique
    }

    /// How much of it is used, in percent; `None` where there is nothing to use.
    #[must_use]
    pub fn percent_used(&self) -> Option<f64> {
        percent(self.used, self.usable)
    }
}

/// A share in percent: `None` of nothing. Only a full share is 100, even if an `f64` can't tell it from one less.
#[allow(clippy::cast_precision_loss, reason = "a percentage is rounded anyway")]
fn percent(part: u128, whole: u128) -> Option<f64> {
    let share = part as f64 * 100.0 / whole as f64;
    (whole > 0).then(|| if part < whole { share.min(100.0_f64.next_down()) } else { share })
}
