//! `Violation`: what a rule found, and the sentence that the user reads. All such sentences are here.

use std::fmt;

use crate::inventory::{Fault, Operation};
use crate::net::{Cidr, CidrSet, IpFamily, Relation};

/// How many ranges a sentence lists before it says how many more there are.
const LISTED_RANGES: usize = 4;

/// What a rule found. Its `Display` is the sentence that the user reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Not a request that kube-apiserver sends: whatever the policy, this is denied.
    Invalid(Fault),
    /// deny-all: the policy denies the operation.
    Denied {
        /// What was asked for.
        operation: Operation,
        /// The name of the ServiceCIDR.
        name: String,
    },
    /// allowed-ranges: an added CIDR lies within none of the allowed ranges.
    OutsideAllowedRanges {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// The allowed ranges of its family that lie within it.
        narrower: RangeList,
        /// The allowed ranges of its family.
        allowed: RangeList,
    },
}

/// The first few ranges of a list, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeList {
    first: Vec<Cidr>,
    more: usize,
}

/// Somebody else's text, safe to print: in backticks, on one line, control and other invisible
/// characters escaped, and cut after 64 characters.
///
/// ```
/// use servicecidr_guard::policy::Excerpt;
///
/// assert_eq!(Excerpt("10.0.0.0/8").to_string(), "`10.0.0.0/8`");
/// assert_eq!(Excerpt("a\n\u{202e}b`").to_string(), "`a\\n\\u{202e}b\\u{60}`");
/// assert_eq!(Excerpt(&"x".repeat(65)).to_string(), format!("`{}…`", "x".repeat(64)));
/// ```
pub struct Excerpt<'a>(pub &'a str);

impl Violation {
    pub(super) fn outside(index: usize, cidr: Cidr, ranges: &CidrSet) -> Self {
        let allowed = RangeList::of(ranges.of_family(cidr.family()));
        let narrower = RangeList::of(ranges.iter().filter(|range| range.relation(cidr) == Relation::Within));
        Self::OutsideAllowedRanges { index, cidr, narrower, allowed }
    }

    /// The rule's id: stable, for machines.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid-request",
            Self::Denied { .. } => "deny-all",
            Self::OutsideAllowedRanges { .. } => "allowed-ranges",
        }
    }

    /// The field of the ServiceCIDR that is to blame.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Invalid(Fault::Missing { field } | Fault::Unreadable { field, .. }) => (*field).to_owned(),
            Self::Invalid(Fault::NoCidrs | Fault::TooManyCidrs { .. } | Fault::SameFamily) => "spec.cidrs".to_owned(),
            Self::Denied { .. } => "metadata.name".to_owned(),
            Self::Invalid(Fault::Malformed { index, .. }) | Self::OutsideAllowedRanges { index, .. } => {
                format!("spec.cidrs[{index}]")
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field())?;
        match self {
            Self::Invalid(fault) => invalid(fault, f),
            Self::Denied { operation, name } => {
                let verb = match operation {
                    Operation::Create => "created",
                    Operation::Update => "changed",
                    Operation::Delete => "deleted",
                };
                let which = match name.as_str() {
                    "" => "a ServiceCIDR without a name".to_owned(),
                    name => format!("ServiceCIDR {}", Excerpt(name)),
                };
                write!(f, "{which} may not be {verb}: the policy denies it for all but `kubernetes`")
            }
            Self::OutsideAllowedRanges { cidr, narrower, allowed, .. } => outside(*cidr, narrower, allowed, f),
        }
    }
}

fn outside(cidr: Cidr, narrower: &RangeList, allowed: &RangeList, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if allowed.first.is_empty() {
        let (family, other) = match cidr.family() {
            IpFamily::IPv4 => (IpFamily::IPv4, IpFamily::IPv6),
            IpFamily::IPv6 => (IpFamily::IPv6, IpFamily::IPv4),
        };
        write!(f, "{cidr} is not allowed: every allowed range is {other}, none is {family}")
    } else if narrower.first.is_empty() {
        write!(f, "{cidr} is outside the allowed ranges: use a CIDR within {allowed}")
    } else {
        write!(f, "{cidr} is wider than what is allowed: use a CIDR within {narrower}")
    }
}

fn invalid(fault: &Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fault {
        Fault::Missing { .. } => write!(f, "is missing: send a whole ServiceCIDR"),
        Fault::Unreadable { problem, .. } => write!(f, "{problem}: send a whole ServiceCIDR"),
        Fault::NoCidrs => write!(f, "holds no CIDR: write one, or one of each IP family"),
        Fault::TooManyCidrs { count } => write!(f, "holds {count} CIDRs: write one, or one of each IP family"),
        Fault::SameFamily => write!(f, "holds two CIDRs of one IP family: write one, or one of each"),
        Fault::Malformed { text, error, .. } => write!(f, "{} {error}", Excerpt(text)),
    }
}

impl RangeList {
    fn of(mut ranges: impl Iterator<Item = Cidr>) -> Self {
        let first = ranges.by_ref().take(LISTED_RANGES).collect();
        Self { first, more: ranges.count() }
    }
}

impl fmt::Display for RangeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.first.iter().enumerate() {
            let is_last = position + 1 == self.first.len() && self.more == 0;
            let separator = match position {
                0 => "",
                _ if is_last => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{range}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " or one of {more} more"),
        }
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        f.write_str("`")?;
        for character in self.0.chars().take(SHOWN) {
            match character {
                '`' => write!(f, "{}", character.escape_unicode())?,
                '\'' | '"' => write!(f, "{character}")?,
                _ => write!(f, "{}", character.escape_debug())?,
            }
        }
        f.write_str(if self.0.chars().nth(SHOWN).is_some() { "…`" } else { "`" })
    }
}
