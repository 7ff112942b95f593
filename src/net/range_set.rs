//! `RangeSet`: the union of address ranges, with each address counted once.

use super::family::block_mask;
use super::{AddressRange, Cidr, IpFamily, address_bits};

/// A set of addresses of one family: ascending ranges with gaps between them.
///
/// ```
/// use servicecidr_guard::net::{AddressRange, IpFamily, RangeSet};
///
/// let range = |first, last| AddressRange::new(IpFamily::IPv4, first, last).unwrap();
/// let set = RangeSet::union(IpFamily::IPv4, [range(1, 5), range(4, 8), range(9, 9), range(20, 21)]);
/// assert_eq!(set.ranges(), [range(1, 9), range(20, 21)]);
/// assert_eq!(set.count(), 11);
/// let less = set.difference(&RangeSet::union(IpFamily::IPv4, [range(0, 2), range(5, 20)]));
/// assert_eq!(less.ranges(), [range(3, 4), range(21, 21)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet {
    family: IpFamily,
    ranges: Vec<AddressRange>,
}

impl RangeSet {
    /// The union of ranges. Ranges of the other family are ignored.
    #[must_use]
    pub fn union(family: IpFamily, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        let mut all: Vec<AddressRange> = ranges.into_iter().filter(|range| range.family() == family).collect();
        all.sort_unstable();
        let mut ranges: Vec<AddressRange> = Vec::with_capacity(all.len());
        for range in all {
            match ranges.last_mut() {
                Some(before) if range.first() <= before.last().saturating_add(1) => {
                    let last = before.last().max(range.last());
                    *before = AddressRange::new(family, before.first(), last).unwrap_or(*before);
                }
                _ => ranges.push(range),
            }
        }
        Self { family, ranges }
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// The number of addresses, at most [`u128::MAX`].
    #[must_use]
    pub fn count(&self) -> u128 {
        self.ranges.iter().fold(0, |sum: u128, range| sum.saturating_add(range.count()))
    }

    /// Whether the set contains an address, passed as a number within the family.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        let after = self.ranges.partition_point(|range| range.first() <= number);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|range| number <= range.last())
    }

    /// The first address of the free block of this size closest to `near`: aligned as a CIDR and entirely in the
    /// set. `near` must be aligned too.
    #[must_use]
    pub fn closest_fit(&self, host_bits: u8, near: u128) -> Option<u128> {
        let mask = block_mask(host_bits);
        let in_range = |range: &AddressRange| {
            let lowest = range.first().checked_add(mask)? & !mask;
            let highest = range.last().checked_sub(mask)? & !mask;
            (lowest <= highest).then(|| near.clamp(lowest, highest))
        };
        self.ranges.iter().filter_map(in_range).min_by_key(|first| first.abs_diff(near))
    }

    /// The block of this size that fragments the set least. It is the first block of the smallest aligned block
    /// that is large enough and entirely in the set. Ties go to the lowest address.
    #[must_use]
    pub fn best_fit(&self, host_bits: u8) -> Option<Cidr> {
        let subnets = self.ranges.iter().flat_map(|range| range.subnets());
        let best = subnets.filter(|block| block.host_bits() >= host_bits).min_by_key(|block| block.host_bits())?;
        Cidr::from_base(self.family, address_bits(best.first()), host_bits)
    }

    /// The addresses of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut remaining = Vec::new();
        let mut cuts = other.ranges.iter().peekable();
        for range in &self.ranges {
            let mut rest = Some(*range);
            while let (Some(part), Some(cut)) = (rest, cuts.peek()) {
                if cut.last() < part.first() {
                    cuts.next();
                } else if cut.first() > part.last() {
                    break;
                } else {
                    let before = cut.first().checked_sub(1);
                    remaining.extend(before.and_then(|last| AddressRange::new(self.family, part.first(), last)));
                    let after = cut.last().checked_add(1);
                    rest = after.and_then(|first| AddressRange::new(self.family, first, part.last()));
                }
            }
            remaining.extend(rest);
        }
        Self { family: self.family, ranges: remaining }
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.difference(&self.difference(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = RangeSet> {
        let range = (0_u128..64, 0_u128..8)
            .prop_map(|(first, more)| AddressRange::new(IpFamily::IPv6, first, first + more).unwrap());
        prop::collection::vec(range, 0..8).prop_map(|ranges| RangeSet::union(IpFamily::IPv6, ranges))
    }

    proptest! {
        #[test]
        fn difference_and_intersection_match_a_check_of_every_address(a in set(), b in set()) {
            let (minus, both) = (a.difference(&b), a.intersection(&b));
            for number in 0..80 {
                prop_assert_eq!(minus.contains(number), a.contains(number) && !b.contains(number));
                prop_assert_eq!(both.contains(number), a.contains(number) && b.contains(number));
            }
            prop_assert_eq!(a.count(), (0..80).filter(|number| a.contains(*number)).count() as u128);
            prop_assert!(a.ranges().windows(2).all(|pair| pair[0].last() + 1 < pair[1].first()));
        }
    }

    proptest! {
        #[test]
        fn closest_fit_matches_an_exhaustive_search(set in set(), bits in 0_u8..5, near in 0_u128..80) {
            let size = 1 << bits;
            let near = near / size * size;
            let fits = |first: &u128| (*first..first + size).all(|number| set.contains(number));
            let expected = (0..80).filter(|first| first % size == 0).filter(fits).min_by_key(|first| first.abs_diff(near));
            let seen = set.closest_fit(bits, near);
            prop_assert_eq!(seen.map(|first| first.abs_diff(near)), expected.map(|first: u128| first.abs_diff(near)));
            prop_assert!(seen.is_none_or(|first| first % size == 0 && fits(&first)));
        }
    }

    proptest! {
        #[test]
        fn best_fit_matches_an_exhaustive_search(set in set(), bits in 0_u8..5) {
            let fits = |first: u128, bits: u8| (first..first + (1 << bits)).all(|number| set.contains(number));
            let widest = |first: u128| (bits..8).rev().find(|bits| fits(first >> bits << bits, *bits));
            let all = (0..128_u128).step_by(1 << bits).filter_map(|first| Some((widest(first)?, first)));
            let expected = all.min().map(|(_, first)| Cidr::from_base(IpFamily::IPv6, first, bits).unwrap());
            prop_assert_eq!(set.best_fit(bits), expected);
        }
    }

    #[test]
    fn range_can_end_at_last_address() {
        let top = |first| AddressRange::new(IpFamily::IPv6, first, u128::MAX).unwrap();
        let set = RangeSet::union(IpFamily::IPv6, [top(u128::MAX), top(u128::MAX - 1)]);
        assert_eq!(set.ranges(), [top(u128::MAX - 1)]);
        assert_eq!(set.difference(&set).ranges(), []);
        assert!(set.contains(u128::MAX));
    }
}
