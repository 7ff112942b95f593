//! `Allocator`: dry-run allocation of ClusterIPs as kube-apiserver does it.
//!
//! Upstream: pkg/registry/core/service/ipallocator, `ipallocator.go` (one range) and
//! `cidrallocator.go` (all ranges of a family).

use std::collections::BTreeSet;
use std::net::IpAddr;

use thiserror::Error;

use crate::inventory::View;
use crate::net::{AddressRange, IpFamily, UsableRange, address_bits};

use super::rng::SplitMix64;

/// What kube-apiserver says when it can't allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AllocateError {
    /// No range of the family has a free address.
    #[error("range is full")]
    Full,
    /// The address has an IPAddress, whoever holds it.
    #[error("provided IP is already allocated")]
    Allocated,
    /// No range that is ready holds the address. The network address of a range isn't in it, nor is
    /// the broadcast address of IPv4.
    #[error("the provided network does not match the current range")]
    Mismatch,
}

/// Allocates without touching the inventory: what it gives is taken for its later answers.
#[derive(Clone, Debug)]
pub struct Allocator<'a> {
    view: &'a View<'a>,
    ranges: Vec<UsableRange>,
    taken: BTreeSet<(IpFamily, u128)>,
    released: BTreeSet<(IpFamily, u128)>,
    random: SplitMix64,
}

impl<'a> Allocator<'a> {
    /// An allocator over the effective ranges of a view. Upstream tries ranges in no particular order
    /// and begins anywhere in one; here the seed decides, so that the same seed gives the same.
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

    /// Allocates any address of a family. Range after range: its dynamic band, then its static band.
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

    /// Allocates the address that a Service asks for.
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

    /// Gives an address back. Whether it was taken.
    pub fn release(&mut self, address: IpAddr) -> bool {
        let (family, number) = (IpFamily::from(address), address_bits(address));
        let was_taken = self.is_taken(family, number);
        if was_taken && !self.taken.remove(&(family, number)) {
            self.released.insert((family, number));
        }
        was_taken
    }

    /// How many addresses of a range are free.
    #[must_use]
    pub fn free_in(&self, range: AddressRange) -> u128 {
        range.count() - self.taken_in(range)
    }

    /// The first free address from a random place on, round about.
    fn next_in(&mut self, band: AddressRange) -> Option<u128> {
        let start = band.first() + self.random.below(band.count());
        let upper = AddressRange::new(band.family(), start, band.last());
        let lower = start.checked_sub(1).and_then(|last| AddressRange::new(band.family(), band.first(), last));
        [upper, lower].into_iter().flatten().find_map(|part| self.first_free(part))
    }

    /// The first free address of a range. How many are free up to a place only grows with the place, so
    /// the first place where one is free is found by halving.
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
