//! `CidrSet`: finds the member that covers a CIDR. Members are never merged.

use super::{Cidr, IpFamily, Relation};

/// A set of CIDRs that finds the member which covers another CIDR, in O(log n).
///
/// Adjacent members are not merged: neither half of a CIDR covers the whole.
///
/// ```
/// use servicecidr_guard::net::{Cidr, CidrSet};
///
/// let halves: CidrSet = ["10.96.0.0/17", "10.96.128.0/17"].into_iter().map(|c| c.parse().unwrap()).collect();
/// assert_eq!(halves.covering("10.96.128.0/24".parse()?), Some("10.96.128.0/17".parse()?));
/// assert_eq!(halves.covering("10.96.0.0/16".parse()?), None);
/// assert_eq!(CidrSet::default().covering("10.96.0.0/16".parse()?), None);
/// # Ok::<(), servicecidr_guard::net::CidrError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CidrSet {
    /// All members, in insertion order.
    members: Vec<Cidr>,
    /// The members that no other member contains, sorted. They are disjoint, so at most one covers a CIDR.
    widest: Vec<Cidr>,
}

impl CidrSet {
    /// The widest member that contains every address of `cidr`.
    #[must_use]
    pub fn covering(&self, cidr: Cidr) -> Option<Cidr> {
        let after = self.widest.partition_point(|member| *member <= cidr);
        // The order is address first, then prefix length: a member that covers `cidr` is equal to it or sorts
        // before it.
        let before = self.widest.get(after.checked_sub(1)?).copied()?;
        matches!(before.relation(cidr), Relation::Same | Relation::Contains).then_some(before)
    }

    /// The members, in insertion order.
    pub fn iter(&self) -> impl Iterator<Item = Cidr> + '_ {
        self.members.iter().copied()
    }

    /// The members of one family, in insertion order.
    pub fn of_family(&self, family: IpFamily) -> impl Iterator<Item = Cidr> + '_ {
        self.iter().filter(move |member| member.family() == family)
    }

    /// Whether the set has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl FromIterator<Cidr> for CidrSet {
    fn from_iter<I: IntoIterator<Item = Cidr>>(cidrs: I) -> Self {
        let members: Vec<Cidr> = cidrs.into_iter().collect();
        let mut sorted = members.clone();
        sorted.sort_unstable();
        let mut widest: Vec<Cidr> = Vec::with_capacity(sorted.len());
        for cidr in sorted {
            let is_covered = widest.last().is_some_and(|last| last.relation(cidr) != Relation::Disjoint);
            if !is_covered {
                widest.push(cidr);
            }
        }
        Self { members, widest }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr() -> impl Strategy<Value = Cidr> {
        // Few networks with all prefix lengths, so that members nest often.
        let v4 =
            (0u32..16, 0u8..=32).prop_map(|(n, length)| format!("{}/{length}", std::net::Ipv4Addr::from(n << 28 | n)));
        let v6 = (0u128..16, 0u8..=128)
            .prop_map(|(n, length)| format!("{}/{length}", std::net::Ipv6Addr::from(n << 124 | n)));
        prop_oneof![v4, v6].prop_map(|text| Cidr::parse_lenient(&text).unwrap())
    }

    proptest! {
        #[test]
        fn covering_matches_a_check_of_every_member(members in prop::collection::vec(cidr(), 0..24), query in cidr()) {
            let set: CidrSet = members.iter().copied().collect();
            let expected = members
                .iter()
                .copied()
                .filter(|member| matches!(member.relation(query), Relation::Same | Relation::Contains))
                .min_by_key(|member| member.prefix_len());
            prop_assert_eq!(set.covering(query), expected);
        }
    }
}
