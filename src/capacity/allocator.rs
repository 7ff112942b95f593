//! `Allocator`: simulates how kube-apiserver allocates ClusterIPs.
//!
//! Upstream: pkg/registry/core/service/ipallocator, `ipallocator.go` (one range) and `cidrallocator.go` (all ranges
//! of a family).

use std::collections::BTreeSet;
use std::net::IpAddr;

use thiserror::Error;

use crate::inventory::View;
use crate::net::{AddressRange, IpFamily, UsableRange, address_bits};

use super::rng::SplitMix64;

/// Why kube-apiserver can't allocate, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AllocateError {
    /// No range of the family has a free address.
    #[error("range is full")]
    Full,
    /// The address has an IPAddress, whatever its parent.
    #[error("provided IP is already allocated")]
    Allocated,
    /// No ready range contains the address. The network address and the IPv4 broadcast address are not in a range.
    #[error("the provided network does not match the current range")]
    Mismatch,
}

/// Allocates without a change of the inventory: later calls treat the allocated addresses as used.
#[derive(Clone, Debug)]
pub struct Allocator<'a> {
    view: &'a View<'a>,
    ranges: Vec<UsableRange>,
    taken: BTreeSet<(IpFamily, u128)>,
    released: BTreeSet<(IpFamily, u128)>,
    random: SplitMix64,
}

impl<'a> Allocator<'a> {
    /// An allocator over the allocatable ranges of a view. Upstream tries the ranges in random order and starts at a
    /// random address of each; here the seed decides, so that the same seed allocates the same addresses.
    #[must_use]
    pub fn new(view: &'a View<'a>, seed: u64) -> Self {
        Self {
            view,
            ranges: view.distinct_ranges(),
            taken: BTreeSet::new(),
            released: BTreeSet::new(),
            random: SplitMix64::new(seed),
        }
    }

    /// Allocates any address of a family: in each range, first from the dynamic band, then from the static band.
    ///
    /// # Errors
    /// [`AllocateError::Full`].
    pub fn allocate_next(&mut self, family: IpFamily) -> Result<IpAddr, AllocateError> {
        let mut places: Vec<usize> = (0..self.ranges.len()).collect();
        self.random.shuffle(&mut places);
        for place in places {
            let Some(range) = self.ranges.get(place).copied().filter(|range| range.range().family() == family) else {
                continue;
            };
            for band in [range.dynamic_band(), range.static_band()].into_iter().flatten() {
                if let Some(found) = self.next_in(band) {
                    self.take(family, found);
                    return Ok(family.address(found));
                }
            }
        }
        Err(AllocateError::Full)
    }

    /// Allocates the address that a Service requests.
    ///
    /// # Errors
    /// [`AllocateError::Mismatch`] or [`AllocateError::Allocated`].
    pub fn allocate(&mut self, address: IpAddr) -> Result<(), AllocateError> {
        if !self.ranges.iter().any(|range| range.contains(address)) {
            return Err(AllocateError::Mismatch);
        }
        let (family, number) = (IpFamily::from(address), address_bits(address));
        if self.is_taken(family, number) {
            return Err(AllocateError::Allocated);
        }
        self.take(family, number);
        Ok(())
    }

    /// Releases an address. Returns whether it was allocated.
    pub fn release(&mut self, address: IpAddr) -> bool {
        let (family, number) = (IpFamily::from(address), address_bits(address));
        let was_taken = self.is_taken(family, number);
        if was_taken && !self.taken.remove(&(family, number)) {
            self.released.insert((family, number));
        }
        was_taken
    }

    /// The number of free addresses in a range.
    #[must_use]
    pub fn free_in(&self, range: AddressRange) -> u128 {
        range.count() - self.taken_in(range)
    }

    /// The first free address from a random start, with wrap-around.
    fn next_in(&mut self, band: AddressRange) -> Option<u128> {
        let start = band.first() + self.random.below(band.count());
        let upper = AddressRange::new(band.family(), start, band.last());
        let lower = start.checked_sub(1).and_then(|last| AddressRange::new(band.family(), band.first(), last));
        [upper, lower].into_iter().flatten().find_map(|part| self.first_free(part))
    }

    /// The first free address of a range, by binary search: the number of free addresses up to an address never
    /// decreases.
    fn first_free(&self, range: AddressRange) -> Option<u128> {
        if self.free_in(range) == 0 {
            return None;
        }
        let (mut low, mut high) = (range.first(), range.last());
        while low < high {
            let middle = low + (high - low) / 2;
            let is_there =
                AddressRange::new(range.family(), range.first(), middle).is_some_and(|part| self.free_in(part) > 0);
            if is_there {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low)
    }

    fn taken_in(&self, range: AddressRange) -> u128 {
        let family = range.family();
        let keys = (family, range.first())..=(family, range.last());
        let (taken, released) = (self.taken.range(keys.clone()).count(), self.released.range(keys).count());
        self.view.used_in(range) + taken as u128 - released as u128
    }

    fn is_taken(&self, family: IpFamily, number: u128) -> bool {
        AddressRange::new(family, number, number).is_some_and(|one| self.taken_in(one) > 0)
    }

    fn take(&mut self, family: IpFamily, number: u128) {
        if !self.released.remove(&(family, number)) {
            self.taken.insert((family, number));
        }
    }
}
