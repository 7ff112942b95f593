//! `View`: an inventory as it is, or as it would be after some changes. Borrows, and copies nothing.

use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, UsableRange};

use super::{Addresses, Families, Idle, Network, ServiceCidr};

/// An inventory as it is, or as it would be after some changes.
#[derive(Clone, Debug)]
pub struct View<'a> {
    pub(super) service_cidrs: Vec<&'a ServiceCidr>,
    pub(super) families: Families,
    pub(super) addresses: &'a Addresses,
    pub(super) networks: &'a [Network],
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
    pub fn families(&self) -> &Families {
        &self.families
    }

    /// The IPAddresses.
    #[must_use]
    pub fn addresses(&self) -> &'a Addresses {
        self.addresses
    }

    /// The declared networks.
    #[must_use]
    pub fn networks(&self) -> &'a [Network] {
        self.networks
    }

    /// Why a CIDR of a ServiceCIDR gives no address, `None` if it does.
    #[must_use]
    pub fn idle(&self, service_cidr: &ServiceCidr, cidr: Cidr) -> Option<Idle> {
        Idle::of(&self.families, service_cidr.readiness, cidr)
    }

    /// The ranges from which kube-apiserver allocates: of every ServiceCIDR that is ready, every CIDR
    /// whose family is configured and for which an allocator can be made. May hold the same one twice.
    #[must_use]
    pub fn effective(&self) -> Vec<UsableRange> {
        self.cidrs()
            .filter(|(service_cidr, cidr)| self.idle(service_cidr, *cidr).is_none())
            .filter_map(|(_, cidr)| UsableRange::for_cidr(cidr))
            .collect()
    }

    /// Its allocators: the effective ranges, each once, because equal CIDRs share one.
    #[must_use]
    pub fn allocators(&self) -> Vec<UsableRange> {
        let mut ranges = self.effective();
        ranges.sort_unstable_by_key(|range| range.cidr());
        ranges.dedup();
        ranges
    }

    /// Every address that kube-apiserver can allocate, each once.
    #[must_use]
    pub fn usable(&self, family: IpFamily) -> RangeSet {
        RangeSet::union(family, self.effective().into_iter().map(UsableRange::range))
    }

    /// How many IPAddresses lie in a set of ranges.
    #[must_use]
    pub fn used(&self, ranges: &RangeSet) -> u128 {
        ranges.ranges().iter().map(|range| self.used_in(*range)).sum()
    }

    /// How many IPAddresses lie in a range.
    #[must_use]
    pub fn used_in(&self, range: AddressRange) -> u128 {
        self.addresses.count_in(range)
    }
}
