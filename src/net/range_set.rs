//! `RangeSet`: a union of address ranges, each address counted once.

use super::{AddressRange, Cidr, IpFamily, number};

/// A set of addresses of one family, as disjoint ranges in ascending order that don't touch.
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
    /// The union of ranges, those of the other family left out.
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

    /// Its ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// How many addresses there are, at most [`u128::MAX`].
    #[must_use]
    pub fn count(&self) -> u128 {
        self.ranges.iter().fold(0, |sum: u128, range| sum.saturating_add(range.count()))
    }

    /// Whether an address, given as a number of this family, is in it.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        let after = self.ranges.partition_point(|range| range.first() <= number);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|range| number <= range.last())
    }

    /// The first address of the block of this many host bits, aligned as a CIDR is, that lies in it
    /// and begins nearest to `near`, where such a block begins too.
    #[must_use]
    pub fn nearest_block(&self, host_bits: u8, near: u128) -> Option<u128> {
        let less_one = match host_bits {
            128 => u128::MAX,
            bits => (1_u128 << bits) - 1,
        };
        let in_range = |range: &AddressRange| {
            let lowest = range.first().checked_add(less_one)? & !less_one;
            let highest = range.last().checked_sub(less_one)? & !less_one;
            (lowest <= highest).then(|| near.clamp(lowest, highest))
        };
        self.ranges.iter().filter_map(in_range).min_by_key(|first| first.abs_diff(near))
    }

    /// The block of this many host bits that breaks up the least: the lowest of the smallest aligned block that
    /// is in the set throughout, and of several such blocks the one with the lowest address.
    #[must_use]
    pub fn best_block(&self, host_bits: u8) -> Option<Cidr> {
        let blocks = self.ranges.iter().flat_map(|range| range.blocks());
        let best = blocks.filter(|block| block.host_bits() >= host_bits).min_by_key(|block| block.host_bits())?;
        Cidr::of_block(self.family, number(best.first()), host_bits)
    }

    /// Its addresses that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
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
                    left.extend(before.and_then(|last| AddressRange::new(self.family, part.first(), last)));
                    let after = cut.last().checked_add(1);
                    rest = after.and_then(|first| AddressRange::new(self.family, first, part.last()));
                }
            }
            left.extend(rest);
        }
        Self { family: self.family, ranges: left }
    }

    /// Its addresses that are in `other` too.
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
        fn sets_are_what_asking_every_address_gives(a in set(), b in set()) {
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
        fn the_nearest_block_is_the_one_that_trying_all_gives(set in set(), bits in 0_u8..5, near in 0_u128..80) {
            let size = 1 << bits;
            let near = near / size * size;
            let fits = |first: &u128| (*first..first + size).all(|number| set.contains(number));
            let slow = (0..80).filter(|first| first % size == 0).filter(fits).min_by_key(|first| first.abs_diff(near));
            let seen = set.nearest_block(bits, near);
            prop_assert_eq!(seen.map(|first| first.abs_diff(near)), slow.map(|first: u128| first.abs_diff(near)));
            prop_assert!(seen.is_none_or(|first| first % size == 0 && fits(&first)));
        }
    }

    proptest! {
        #[test]
        fn the_best_block_is_the_lowest_of_those_that_break_up_the_least(set in set(), bits in 0_u8..5) {
            let fits = |first: u128, bits: u8| (first..first + (1 << bits)).all(|number| set.contains(number));
            let widest = |first: u128| (bits..8).rev().find(|bits| fits(first >> bits << bits, *bits));
            let all = (0..128_u128).step_by(1 << bits).filter_map(|first| Some((widest(first)?, first)));
            let slow = all.min().map(|(_, first)| Cidr::of_block(IpFamily::IPv6, first, bits).unwrap());
            prop_assert_eq!(set.best_block(bits), slow);
        }
    }

    #[test]
    fn the_last_address_is_an_end_like_any_other() {
        let top = |first| AddressRange::new(IpFamily::IPv6, first, u128::MAX).unwrap();
        let set = RangeSet::union(IpFamily::IPv6, [top(u128::MAX), top(u128::MAX - 1)]);
        assert_eq!(set.ranges(), [top(u128::MAX - 1)]);
        assert_eq!(set.difference(&set).ranges(), []);
        assert!(set.contains(u128::MAX));
    }
}
