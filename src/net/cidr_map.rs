//! `CidrMap`: values by CIDR, and which CIDRs share addresses with another.

use std::collections::BTreeMap;

use super::{Cidr, IpFamily, Relation};

/// Values by CIDR; answers which CIDRs share addresses with another, without walking the rest.
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
    /// Sorted by address, the wider first: what lies within a CIDR follows it.
    values: BTreeMap<Cidr, Vec<T>>,
    /// How many CIDRs there are of each prefix length: only these can hold another.
    lengths: BTreeMap<(IpFamily, u8), usize>,
}

impl<T> Default for CidrMap<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), lengths: BTreeMap::new() }
    }
}

impl<T> CidrMap<T> {
    /// The CIDRs that share addresses with `cidr`, how `cidr` lies to each, and their values: first
    /// those that hold it, the widest first, then those within it. O(log n) for each prefix length
    /// there is, and the answers themselves.
    pub fn overlapping(&self, cidr: Cidr) -> impl Iterator<Item = (Cidr, Relation, &T)> {
        let around = self
            .lengths
            .range((cidr.family(), 0)..=(cidr.family(), cidr.prefix_len()))
            .filter_map(move |((_, length), _)| self.values.get_key_value(&cidr.widened(*length)));
        let within = self.values.range(cidr..=cidr.last_address()).filter(move |(other, _)| **other != cidr);
        around
            .chain(within)
            .flat_map(move |(other, values)| values.iter().map(move |value| (*other, cidr.relation(*other), value)))
    }

    /// Puts a value at a CIDR, beside those that are there.
    pub fn insert(&mut self, cidr: Cidr, value: T) {
        let values = self.values.entry(cidr).or_default();
        if values.is_empty() {
            *self.lengths.entry((cidr.family(), cidr.prefix_len())).or_default() += 1;
        }
        values.push(value);
    }

    /// Takes the values at a CIDR out that aren't to be kept.
    pub fn retain(&mut self, cidr: Cidr, is_kept: impl FnMut(&T) -> bool) {
        let Some(values) = self.values.get_mut(&cidr) else { return };
        values.retain(is_kept);
        if !values.is_empty() {
            return;
        }
        self.values.remove(&cidr);
        let of_length = (cidr.family(), cidr.prefix_len());
        if let Some(count) = self.lengths.get_mut(&of_length) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&of_length);
            }
        }
    }

    /// Every CIDR with its values, by address, the wider first.
    pub fn iter(&self) -> impl Iterator<Item = (Cidr, &T)> {
        self.values.iter().flat_map(|(cidr, values)| values.iter().map(move |value| (*cidr, value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr() -> impl Strategy<Value = Cidr> {
        // Few networks and all lengths, so that members nest often; the last address of both families too.
        let v4 = (0u32..16, 0u8..=32).prop_map(|(n, length)| {
            format!("{}/{length}", std::net::Ipv4Addr::from(n << 28 | n | (n / 15 * u32::MAX)))
        });
        let v6 = (0u128..16, 0u8..=128).prop_map(|(n, length)| {
            format!("{}/{length}", std::net::Ipv6Addr::from(n << 124 | n | (n / 15 * u128::MAX)))
        });
        prop_oneof![v4, v6].prop_map(|text| Cidr::lenient(&text).unwrap())
    }

    proptest! {
        #[test]
        fn overlapping_is_what_asking_every_member_gives(
            members in prop::collection::vec((cidr(), any::<bool>()), 0..24),
            asked in cidr(),
        ) {
            let mut map = CidrMap::default();
            for (place, (member, _)) in members.iter().enumerate() {
                map.insert(*member, place);
            }
            for (place, (member, is_kept)) in members.iter().enumerate() {
                map.retain(*member, |value| *is_kept || *value != place);
            }
            let kept = members.iter().enumerate().filter(|(_, (_, is_kept))| *is_kept);
            let mut slow: Vec<_> = kept
                .map(|(place, (member, _))| (*member, asked.relation(*member), place))
                .filter(|(_, relation, _)| *relation != Relation::Disjoint)
                .collect();
            slow.sort_by_key(|(member, _, place)| (*member, *place));
            let mut seen: Vec<_> = map.overlapping(asked).map(|(member, relation, place)| (member, relation, *place)).collect();
            let is_wide_first = seen.windows(2).all(|pair| pair[0].0 <= pair[1].0);
            prop_assert!(is_wide_first);
            seen.sort_by_key(|(member, _, place)| (*member, *place));
            prop_assert_eq!(seen, slow);
        }
    }
}
