//! `allocation_probability`: how likely the next Service without a `clusterIP` gets one certain address.

use std::net::IpAddr;

use crate::inventory::View;
use crate::net::{AddressRange, UsableRange, address_bits};

/// The probability that the next Service without a `clusterIP` gets an address, from 0 to 1.
///
/// kube-apiserver tries the ranges of the family in random order, every order with the same probability, and
/// allocates from the first that isn't full. It starts at a random address of the dynamic band, or of the static band
/// if the dynamic one is full, and goes up to the first free address. So an address with many used addresses right
/// below it is more likely.
#[must_use]
pub fn allocation_probability(view: &View<'_>, address: IpAddr) -> f64 {
    let mut ranges = view.distinct_ranges();
    let family = crate::net::IpFamily::from(address);
    let is_free = |range: &AddressRange| view.used_in(*range) < range.count();
    ranges.retain(|range| range.range().family() == family && is_free(&range.range()));
    let is_taken =
        AddressRange::new(family, address_bits(address), address_bits(address)).is_none_or(|one| view.used_in(one) > 0);
    if ranges.is_empty() || is_taken {
        return 0.0;
    }
    // An empty sum would be -0.0.
    let sum = ranges
        .iter()
        .filter_map(|range| probability_in_range(view, *range, address))
        .fold(0.0, |sum, chance| sum + chance);
    sum / as_f64(ranges.len() as u128)
}

/// The probability within this range; `None` if the address can't be allocated from it.
fn probability_in_range(view: &View<'_>, range: UsableRange, address: IpAddr) -> Option<f64> {
    let bands = [range.dynamic_band(), range.static_band()];
    let band = bands.into_iter().flatten().find(|band| view.used_in(*band) < band.count())?;
    if !band.contains(address) {
        return None;
    }
    // The starts that lead to it: itself, and the used addresses right below, with wrap-around.
    let number = address_bits(address);
    let below = number.checked_sub(1).map_or(0, |last| allocated_run_length(view, band, last));
    let around = if number - below == band.first() { allocated_run_length(view, band, band.last()) } else { 0 };
    Some(as_f64(1 + below + around) / as_f64(band.count()))
}

/// The number of used addresses without a gap, up to and including `last`.
fn allocated_run_length(view: &View<'_>, band: AddressRange, last: u128) -> u128 {
    let is_taken_from = |first: u128| {
        AddressRange::new(band.family(), first, last).is_some_and(|part| view.used_in(part) == part.count())
    };
    if last < band.first() || !is_taken_from(last) {
        return 0;
    }
    // The lowest address from which all are used, by binary search.
    let (mut low, mut high) = (band.first(), last);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_taken_from(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    last - low + 1
}

#[allow(clippy::cast_precision_loss, reason = "a likelihood is for people")]
fn as_f64(count: u128) -> f64 {
    count as f64
}
