//! `chance`: how likely the next Service without a named ClusterIP takes one certain address.

use std::net::IpAddr;

use crate::inventory::View;
use crate::net::{AddressRange, UsableRange, address_bits};

/// How likely the next Service without a named ClusterIP takes an address, from 0 to 1.
///
/// kube-apiserver goes through the ranges of the family in any order, every order taken to be as likely,
/// and takes from the first that isn't full. There it begins anywhere in the dynamic band, in the static
/// one only when that is full, and goes up to the first free address. So an address is the likelier
/// to be taken the more taken ones lie right below it.
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
    // The sum of nothing would be -0.0.
    let sum = ranges
        .iter()
        .filter_map(|range| probability_in_range(view, *range, address))
        .fold(0.0, |sum, chance| sum + chance);
    sum / as_f64(ranges.len() as u128)
}

/// How likely it is when the allocator takes from this range; `None` where it can't.
fn probability_in_range(view: &View<'_>, range: UsableRange, address: IpAddr) -> Option<f64> {
    let bands = [range.dynamic_band(), range.static_band()];
    let band = bands.into_iter().flatten().find(|band| view.used_in(*band) < band.count())?;
    if !band.contains(address) {
        return None;
    }
    // The starts that lead to it: itself, and the taken ones right below, round about.
    let number = address_bits(address);
    let below = number.checked_sub(1).map_or(0, |last| allocated_run_length(view, band, last));
    let around = if number - below == band.first() { allocated_run_length(view, band, band.last()) } else { 0 };
    Some(as_f64(1 + below + around) / as_f64(band.count()))
}

/// How many addresses of a band, up to and with `last`, are taken without a gap.
fn allocated_run_length(view: &View<'_>, band: AddressRange, last: u128) -> u128 {
    let is_taken_from = |first: u128| {
        AddressRange::new(band.family(), first, last).is_some_and(|part| view.used_in(part) == part.count())
    };
    if last < band.first() || !is_taken_from(last) {
        return 0;
    }
    // The lowest place from which all are taken, found by halving.
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
