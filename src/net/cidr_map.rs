//! `CidrMap`: values by CIDR, with a search for overlapping CIDRs.

use std::collections::BTreeMap;

use super::{Cidr, IpFamily, Relation};

/// A multimap from CIDRs to values that finds the CIDRs which overlap another without a scan of all entries.
///
/// ```
/// use servicecidr_guard::net::{Cidr, CidrMap, Relation};
///
/// let mut map = CidrMap::default();
/// map.insert("10.96.0.0/16".parse()?, "wide");
/// map.insert("10.96.0.0/24".parse()?, "narrow");
/// map.insert("10.97.0.0/16".parse()?, "elsewhere");
/// let found: Vec<_> = map.overlapping("10.96.0.0/20".parse()?).map(|(_, relation, value)| (relation, *value)).collect();
/// assert_eq!(found, [(Relation::Within, "wide"), (Relation::Contains, "narrow")]);
/// # Ok::<(), servicecidr_guard::net::CidrError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrMap<T> {
    /// Sorted by address, then widest first: the CIDRs within a CIDR follow it.
    values: BTreeMap<Cidr, Vec<T>>,
    /// The number of CIDRs of each prefix length. Only these lengths are searched for a containing CIDR.
    lengths: BTreeMap<(IpFamily, u8), usize>,
}

impl<T> Default for CidrMap<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), lengths: BTreeMap::new() }
    }
}

impl<T> CidrMap<T> {
    /// The CIDRs that overlap `cidr`, the relation of `cidr` to each, and their values. The CIDRs that contain it
    /// come first, widest first, then the CIDRs within it. Takes O(log n) for each prefix length in the map, plus
    /// the number of results.
    pub fn overlapping(&self, cidr: Cidr) -> impl Iterator<Item = (Cidr, Relation, &T)> {
        let containing = self
            .lengths
            .range((cidr.family(), 0)..=(cidr.family(), cidr.prefix_len()))
            .filter_map(move |((_, length), _)| self.values.get_key_value(&cidr.supernet(*length)));
        let within = self.values.range(cidr..=cidr.last_host()).filter(move |(other, _)| **other != cidr);
        containing
            .chain(within)
            .flat_map(move |(other, values)| values.iter().map(move |value| (*other, cidr.relation(*other), value)))
    }

    /// Adds a value to a CIDR and keeps its other values.
    pub fn insert(&mut self, cidr: Cidr, value: T) {
        let values = self.values.entry(cidr).or_default();
        if values.is_empty() {
            *self.lengths.entry((cidr.family(), cidr.prefix_len())).or_default() += 1;
        }
        values.push(value);
    }

    /// Removes the values of a CIDR for which `is_kept` is false.
    pub fn retain(&mut self, cidr: Cidr, is_kept: impl FnMut(&T) -> bool) {
        let Some(values) = self.values.get_mut(&cidr) else { return };
        values.retain(is_kept);
        if !values.is_empty() {
            return;
        }
        self.values.remove(&cidr);
        let length = (cidr.family(), cidr.prefix_len());
        if let Some(count) = self.lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length);
            }
        }
    }

    /// Every CIDR with its values, sorted by address, then widest first.
    pub fn iter(&self) -> impl Iterator<Item = (Cidr, &T)> {
        self.values.iter().flat_map(|(cidr, values)| values.iter().map(move |value| (*cidr, value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr() -> impl Strategy<Value = Cidr> {
        // Few networks with all prefix lengths, so that members nest often. Includes the last address of both families.
        let v4 = (0u32..16, 0u8..=32).prop_map(|(n, length)| {
            format!("{}/{length}", std::net::Ipv4Addr::from(n << 28 | n | (n / 15 * u32::MAX)))
        });
        let v6 = (0u128..16, 0u8..=128).prop_map(|(n, length)| {
            format!("{}/{length}", std::net::Ipv6Addr::from(n << 124 | n | (n / 15 * u128::MAX)))
        });
        prop_oneof![v4, v6].prop_map(|text| Cidr::parse_lenient(&text).unwrap())
    }

    proptest! {
        #[test]
        fn overlapping_matches_a_check_of_every_member(
            members in prop::collection::vec((cidr(), any::<bool>()), 0..24),
            query in cidr(),
        ) {
            let mut map = CidrMap::default();
            for (place, (member, _)) in members.iter().enumerate() {
                map.insert(*member, place);
            }
            for (place, (member, is_kept)) in members.iter().enumerate() {
                map.retain(*member, |value| *is_kept || *value != place);
            }
            let kept = members.iter().enumerate().filter(|(_, (_, is_kept))| *is_kept);
            let mut expected: Vec<_> = kept
                .map(|(place, (member, _))| (*member, query.relation(*member), place))
                .filter(|(_, relation, _)| *relation != Relation::Disjoint)
                .collect();
            expected.sort_by_key(|(member, _, place)| (*member, *place));
            let mut seen: Vec<_> = map.overlapping(query).map(|(member, relation, place)| (member, relation, *place)).collect();
            let is_wide_first = seen.windows(2).all(|pair| pair[0].0 <= pair[1].0);
            prop_assert!(is_wide_first);
            seen.sort_by_key(|(member, _, place)| (*member, *place));
            prop_assert_eq!(seen, expected);
        }
    }
}
