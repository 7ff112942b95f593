//! `View`: an inventory, or what it would be after some changes. It borrows and copies nothing.

use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, UsableRange};

use super::{AllocationStore, ConfiguredFamilies, DeclaredNetwork, ServiceCidr, UnusableReason};

/// An inventory, or what it would be after some changes.
#[derive(Clone, Debug)]
pub struct View<'a> {
    pub(super) service_cidrs: Vec<&'a ServiceCidr>,
    pub(super) families: ConfiguredFamilies,
    pub(super) addresses: &'a AllocationStore,
    pub(super) networks: &'a [DeclaredNetwork],
}

impl<'a> View<'a> {
    /// The ServiceCIDRs, by name.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &'a ServiceCidr> + '_ {
        self.service_cidrs.iter().copied()
    }

    /// Every CIDR of every ServiceCIDR: by name, then in the order of `spec.cidrs`.
    pub fn cidrs(&self) -> impl Iterator<Item = (&'a ServiceCidr, Cidr)> + '_ {
        self.service_cidrs().flat_map(|service_cidr| service_cidr.cidrs.iter().map(move |cidr| (service_cidr, *cidr)))
    }

    /// The configured families.
    #[must_use]
    pub fn families(&self) -> &ConfiguredFamilies {
        &self.families
    }

    /// The IPAddresses.
    #[must_use]
    pub fn addresses(&self) -> &'a AllocationStore {
        self.addresses
    }

    /// The declared networks.
    #[must_use]
    pub fn networks(&self) -> &'a [DeclaredNetwork] {
        self.networks
    }

    /// Why a CIDR of a ServiceCIDR has no allocatable addresses; `None` if it has some.
    #[must_use]
    pub fn unusable_reason(&self, service_cidr: &ServiceCidr, cidr: Cidr) -> Option<UnusableReason> {
        UnusableReason::for_cidr(&self.families, service_cidr.readiness, cidr)
    }

    /// The ranges from which kube-apiserver allocates: of every ready ServiceCIDR, every CIDR whose family is
    /// configured and for which an allocator is created. May contain the same range twice.
    #[must_use]
    pub fn allocatable_ranges(&self) -> Vec<UsableRange> {
        self.cidrs()
            .filter(|(service_cidr, cidr)| self.unusable_reason(service_cidr, *cidr).is_none())
            .filter_map(|(_, cidr)| UsableRange::for_cidr(cidr))
            .collect()
    }

    /// The allocatable ranges, each once, because equal CIDRs share one allocator.
    #[must_use]
    pub fn distinct_ranges(&self) -> Vec<UsableRange> {
        let mut ranges = self.allocatable_ranges();
        ranges.sort_unstable_by_key(|range| range.cidr());
        ranges.dedup();
        ranges
    }

    /// Every address that kube-apiserver can allocate, each once.
    #[must_use]
    pub fn usable(&self, family: IpFamily) -> RangeSet {
        RangeSet::union(family, self.allocatable_ranges().into_iter().map(UsableRange::range))
    }

    /// The number of IPAddresses in a set of ranges.
    #[must_use]
    pub fn used(&self, ranges: &RangeSet) -> u128 {
        ranges.ranges().iter().map(|range| self.used_in(*range)).sum()
    }

    /// The number of IPAddresses in a range.
    #[must_use]
    pub fn used_in(&self, range: AddressRange) -> u128 {
        self.addresses.count_in(range)
    }
}
