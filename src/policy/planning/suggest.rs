//! `FreeCidrSearch`: the next free CIDRs that the policy allows and that overlap no known network.

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::inventory::{Inventory, Readiness, UnusableReason};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, Relation, UsableRange, address_bits};
use crate::policy::{Conflict, Conflicts, Policy};

use super::occupancy::{OccupiedRange, free, occupied_ranges};

/// The largest number of skipped ranges that are kept.
const LISTED: usize = 100;

/// The size to search for, and the ranges to search.
#[derive(Clone, Debug)]
pub struct FreeCidrSearch<'a> {
    policy: &'a Policy,
    inventory: &'a Inventory,
    family: IpFamily,
    prefix_len: u8,
    /// The ranges to search, even those that are too narrow. Each is within an allowed one.
    ranges: Vec<Cidr>,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestions {
    /// The suggested CIDRs, best first. They don't overlap each other.
    pub found: Vec<Cidr>,
    /// The skipped ranges, ascending by address: the first hundred.
    pub skipped: Vec<SkippedRange>,
    /// The number of further skipped ranges.
    pub more: usize,
    /// The widest aligned block that is still free in one range.
    pub largest_left: Option<Cidr>,
}

/// Consecutive blocks of the requested size that were skipped for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRange {
    /// From the first address of the first block to the last address of the last.
    pub range: AddressRange,
    /// Why the blocks were skipped.
    pub reason: SkipReason,
}

/// Why blocks were skipped. Its `Display` follows the blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The blocks overlap known networks.
    Taken(Conflicts),
    /// The blocks are free, but part of a block that should stay whole, or they come later.
    Free,
    /// The range is narrower than the requested size.
    Narrow {
        /// The requested prefix length.
        prefix_len: u8,
    },
}

/// Why a search is not possible.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// Neither the policy nor the caller names ranges.
    #[error("no range to search: the policy has no allowedRanges")]
    NoRanges,
    /// None of the ranges is of the family, or within an allowed one.
    #[error("no range to search: {0}")]
    NoneOfFamily(String),
    /// A suggestion would have no allocatable addresses.
    #[error("/{prefix_len} of {family} {sentence}", sentence = .reason.sentence())]
    Unusable {
        /// The IP family.
        family: IpFamily,
        /// The prefix length.
        prefix_len: u8,
        /// Why a CIDR of this size has no allocatable addresses.
        reason: UnusableReason,
    },
    /// The rule prefix-length of the policy denies the prefix length.
    #[error("/{prefix_len} is not allowed: an {family} ServiceCIDR has /{} to /{}", .admitted.start(), .admitted.end())]
    NotAdmitted {
        /// The IP family.
        family: IpFamily,
        /// The prefix length.
        prefix_len: u8,
        /// The allowed prefix lengths.
        admitted: RangeInclusive<u8>,
    },
    /// No CIDR has enough addresses.
    #[error("no allowed {family} CIDR has {services} addresses outside its static band")]
    TooMany {
        /// The IP family.
        family: IpFamily,
        /// The number of Services.
        services: u32,
    },
}

impl<'a> FreeCidrSearch<'a> {
    /// A search for CIDRs of a prefix length, within the allowed ranges of the policy and within `within`, unless
    /// that is empty.
    ///
    /// # Errors
    /// If there is no range to search, or if every CIDR of the requested size would be denied or have no allocatable
    /// addresses.
    pub fn new(
        policy: &'a Policy,
        inventory: &'a Inventory,
        family: IpFamily,
        prefix_len: u8,
        within: &[Cidr],
    ) -> Result<Self, SearchError> {
        let admitted = admitted(policy, family);
        if !admitted.contains(&prefix_len) {
            return Err(SearchError::NotAdmitted { family, prefix_len, admitted });
        }
        let ranges = ranges(policy, family, within)?;
        let host_bits = family.bits().saturating_sub(prefix_len);
        let reason = Cidr::from_base(family, 0, host_bits)
            .and_then(|any| UnusableReason::for_cidr(&inventory.families(), Readiness::Ready, any));
        match reason {
            Some(reason) => Err(SearchError::Unusable { family, prefix_len, reason }),
            None => Ok(Self { policy, inventory, family, prefix_len, ranges }),
        }
    }

    /// The longest allowed prefix length whose dynamic band has an address for each of some Services. The network and
    /// broadcast addresses are not ClusterIPs, and the static band is reserved for Services with a fixed ClusterIP.
    ///
    /// # Errors
    /// If no CIDR has enough addresses.
    pub fn prefix_len_for(policy: &Policy, family: IpFamily, services: u32) -> Result<u8, SearchError> {
        let is_large_enough = |prefix_len: &u8| {
            let block = Cidr::from_base(family, 0, family.bits().saturating_sub(*prefix_len));
            let band = block.and_then(UsableRange::for_cidr).and_then(UsableRange::dynamic_band);
            band.is_some_and(|band| band.count() >= u128::from(services))
        };
        admitted(policy, family).rev().find(is_large_enough).ok_or(SearchError::TooMany { family, services })
    }

    /// The first `count` suggestions, or as many as there are. Best fit: each is the start of the smallest free
    /// aligned block that is large enough; of equal blocks, the one with the lowest address.
    #[must_use]
    pub fn find(&self, count: usize) -> Suggestions {
        let host_bits = self.family.bits().saturating_sub(self.prefix_len);
        let wide_enough = self.ranges.iter().filter(|range| range.prefix_len() <= self.prefix_len);
        let ranges = RangeSet::union(self.family, wide_enough.map(|range| AddressRange::from(*range)));
        let mut left = free(self.policy, self.inventory, &ranges, self.family);
        let mut found = Vec::new();
        while found.len() < count
            && let Some(best) = left.best_fit(host_bits)
        {
            left = left.difference(&RangeSet::union(self.family, [AddressRange::from(best)]));
            found.push(best);
        }
        let mut skipped = self.taken(&ranges);
        let blocks = || left.ranges().iter().flat_map(|range| range.subnets());
        let free_blocks = blocks().filter(|block| block.host_bits() >= host_bits);
        skipped.extend(
            free_blocks.map(|block| SkippedRange { range: AddressRange::from(block), reason: SkipReason::Free }),
        );
        let narrow = self.ranges.iter().filter(|range| range.prefix_len() > self.prefix_len);
        let prefix_len = self.prefix_len;
        skipped.extend(narrow.map(|range| SkippedRange {
            range: AddressRange::from(*range),
            reason: SkipReason::Narrow { prefix_len },
        }));
        skipped.sort_by_key(|passed| passed.range);
        let more = skipped.len().saturating_sub(LISTED);
        skipped.truncate(LISTED);
        let largest_left = self.largest_left(&found);
        Suggestions { found, skipped, more, largest_left }
    }

    /// The widest aligned block that is free in one of the ranges, even a narrow one, apart from the suggestions.
    fn largest_left(&self, found: &[Cidr]) -> Option<Cidr> {
        let one = |cidr: &Cidr| RangeSet::union(self.family, [AddressRange::from(*cidr)]);
        let all = RangeSet::union(self.family, self.ranges.iter().map(|range| AddressRange::from(*range)));
        let found = RangeSet::union(self.family, found.iter().map(|cidr| AddressRange::from(*cidr)));
        let left = free(self.policy, self.inventory, &all, self.family).difference(&found);
        let blocks = self.ranges.iter().filter_map(|range| {
            let inside = left.intersection(&one(range));
            inside.ranges().iter().flat_map(|range| range.subnets()).min_by_key(|block| block.prefix_len())
        });
        blocks.min_by_key(|block| block.prefix_len())
    }

    /// The blocks that overlap known networks. A block that overlaps several is reported once.
    fn taken(&self, ranges: &RangeSet) -> Vec<SkippedRange> {
        let size_less_one = AddressRange::from(self.block(0)).last();
        let mut runs: Vec<(AddressRange, OccupiedRange<'_>)> = Vec::new();
        for obstacle in occupied_ranges(self.policy, self.inventory, self.family) {
            let touched = AddressRange::from(obstacle.cidr);
            let parts = ranges.ranges().iter().filter_map(|range| range.intersection(touched));
            let runs_of = parts.filter_map(|part| {
                AddressRange::new(self.family, part.first() & !size_less_one, part.last() | size_less_one)
            });
            runs.extend(runs_of.map(|run| (run, obstacle)));
        }
        // Sorted by address, then widest first.
        runs.sort_by_key(|(run, obstacle)| (run.first(), std::cmp::Reverse(run.last()), obstacle.cidr));
        let mut skipped: Vec<SkippedRange> = Vec::new();
        for (run, obstacle) in runs {
            // Continues after the last reported block, unless that ends with the family.
            let behind = skipped.last().map_or(Some(0), |before| before.range.last().checked_add(1));
            let rest = behind.and_then(|behind| AddressRange::new(self.family, run.first().max(behind), run.last()));
            match (rest, skipped.last_mut()) {
                (Some(rest), _) => {
                    let relation = self.block(rest.first()).relation(obstacle.cidr);
                    // A block within another network has the same owner for every block of the run.
                    let relation = if rest.count() > size_less_one + 1 { Relation::Within } else { relation };
                    let hit = Conflict { relation, cidr: obstacle.cidr, neighbour: obstacle.neighbour() };
                    skipped.push(SkippedRange {
                        range: rest,
                        reason: SkipReason::Taken(Conflicts { first: vec![hit], more: 0 }),
                    });
                }
                (None, Some(SkippedRange { reason: SkipReason::Taken(hits), .. })) => hits.more += 1,
                (None, _) => {}
            }
        }
        skipped
    }

    /// The block of the requested size at an address.
    fn block(&self, first: u128) -> Cidr {
        let host_bits = self.family.bits().saturating_sub(self.prefix_len);
        let free_blocks = Cidr::host(self.family.address(first));
        Cidr::from_base(self.family, first, host_bits).unwrap_or(free_blocks)
    }
}

impl SkippedRange {
    /// The blocks as a CIDR if they are one, else as a range.
    #[must_use]
    pub fn named(&self) -> String {
        let mut blocks = self.range.subnets();
        match (blocks.next(), blocks.next()) {
            (Some(one), None) => one.to_string(),
            _ => self.range.to_string(),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(hits) => hits.fmt(f),
            Self::Free => f.write_str("is free, and not split"),
            Self::Narrow { prefix_len } => write!(f, "is narrower than /{prefix_len}"),
        }
    }
}

fn admitted(policy: &Policy, family: IpFamily) -> RangeInclusive<u8> {
    policy.prefix_length.as_ref().map_or(0..=family.bits(), |rule| rule.bounds_for(family))
}

/// The ranges to search: the allowed ranges of a family, limited to `within`.
fn ranges(policy: &Policy, family: IpFamily, within: &[Cidr]) -> Result<Vec<Cidr>, SearchError> {
    let mut requested: Vec<Cidr> = within.iter().copied().filter(|cidr| cidr.family() == family).collect();
    let none = |text: &str| Err(SearchError::NoneOfFamily(text.to_owned()));
    let Some(rule) = &policy.allowed_ranges else {
        return match (within, requested.as_slice()) {
            ([], _) => Err(SearchError::NoRanges),
            (_, []) => none(&format!("none is {family}")),
            _ => Ok(requested),
        };
    };
    let allowed: Vec<Cidr> = rule.ranges.of_family(family).collect();
    if allowed.is_empty() {
        return none(&format!("the policy allows none of {family}"));
    }
    if within.is_empty() {
        requested.clone_from(&allowed);
    }
    // Two CIDRs nest or are disjoint: their intersection is the narrower one.
    let shared = requested.iter().flat_map(|range| {
        allowed.iter().filter_map(|allowed| match range.relation(*allowed) {
            Relation::Same | Relation::Within => Some(*range),
            Relation::Contains => Some(*allowed),
            Relation::Disjoint => None,
        })
    });
    let mut shared: Vec<Cidr> = shared.collect();
    shared.sort_unstable_by_key(|range| (address_bits(range.first()), range.prefix_len()));
    shared.dedup();
    if shared.is_empty() { none("the policy allows none of the given ranges") } else { Ok(shared) }
}
