//! The message of every violation.

use std::fmt::{self, Formatter};

use crate::capacity::CappedList;
use crate::inventory::{Allocation, Freshness, Operation, ValidationError};
use crate::net::Cidr;
use crate::text::{Quoted, escape_truncated};

use super::{RangeList, Violation};

/// The number of IPAddresses that a message lists.
const MAX_LISTED_ADDRESSES: usize = 10;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field())?;
        match self {
            Self::Invalid(error) => invalid(error, f),
            Self::DefaultServiceCidr { operation } => default_service_cidr(*operation, f),
            Self::Unknown { rule, needed, freshness, max } => {
                write!(f, "{} can't be evaluated: the {} ", rule.as_str(), needed.plural())?;
                match freshness {
                    Freshness::Absent => write!(f, "are not read: start with --inventory"),
                    Freshness::Syncing => write!(f, "are still syncing (see the webhook log)"),
                    Freshness::Age(age) => {
                        write!(
                            f,
                            "were last confirmed {} s ago, more than the limit of {} s",
                            age.as_secs(),
                            max.as_secs()
                        )
                    }
                }
            }
            Self::Denied { operation, name } => {
                let which = service_cidr(name);
                write!(
                    f,
                    "{which} may not be {}: the policy denies it for all but `kubernetes`",
                    past_tense(*operation)
                )
            }
            Self::OutsideAllowedRanges { cidr, narrower, allowed, .. } => outside(*cidr, narrower, allowed, f),
            Self::PrefixLength { cidr, admitted, .. } => {
                let (family, length) = (cidr.family(), cidr.prefix_len());
                let (shortest, longest) = (admitted.start(), admitted.end());
                if length < *shortest {
                    write!(f, "{cidr} is too wide: an {family} ServiceCIDR has at least /{shortest}")
                } else {
                    write!(f, "{cidr} is too narrow: an {family} ServiceCIDR has at most /{longest}")
                }
            }
            Self::Reserved { cidr, conflicts, .. } => write!(f, "{cidr} {conflicts}: traffic there would be lost"),
            Self::Overlap { cidr, conflicts, .. } => write!(f, "{cidr} {conflicts}"),
            Self::Unusable { cidr, reason, .. } => write!(f, "{cidr} {}", reason.sentence()),
            Self::Blocked { name, addresses } => {
                write!(f, "deleting {} will hang: ", service_cidr(name))?;
                write!(f, "{} in no other ServiceCIDR: {}", count_with_verb(addresses.count), AddressList(addresses))
            }
            Self::Stranded { name, addresses, is_protected } => {
                let why =
                    if *is_protected { "kube-controller-manager does not wait for it" } else { "it has no finalizer" };
                write!(f, "deleting {} leaves ", service_cidr(name))?;
                write!(f, "{} in no usable range, because {why}: {}", count(addresses.count), AddressList(addresses))
            }
            Self::Exhausted { name, family } => {
                let which = service_cidr(name);
                write!(
                    f,
                    "{which} is the last usable {family} range: once it is deleted, no {family} ClusterIP can be allocated"
                )
            }
        }
    }
}

fn default_service_cidr(operation: Operation, f: &mut Formatter<'_>) -> fmt::Result {
    match operation {
        Operation::Delete => write!(
            f,
            "`kubernetes` is being deleted: no address is allocated from it from now on, and kube-apiserver creates it \
             again from its flags"
        ),
        Operation::Create | Operation::Update => write!(
            f,
            "`kubernetes` is being changed: kube-apiserver emits an event when it differs from its flags, but does not \
             restore it"
        ),
    }
}

fn outside(cidr: Cidr, narrower: &RangeList, allowed: &RangeList, f: &mut Formatter<'_>) -> fmt::Result {
    if allowed.is_empty() {
        let family = cidr.family();
        let other = family.other();
        write!(f, "{cidr} is not allowed: every allowed range is {other}, none is {family}")
    } else if narrower.is_empty() {
        write!(f, "{cidr} is outside the allowed ranges: use a CIDR within {allowed}")
    } else {
        write!(f, "{cidr} is wider than what is allowed: use a CIDR within {narrower}")
    }
}

fn invalid(error: &ValidationError, f: &mut Formatter<'_>) -> fmt::Result {
    match error {
        ValidationError::Missing { .. } => write!(f, "is missing: send a whole ServiceCIDR"),
        ValidationError::Unreadable { problem, .. } => write!(f, "{problem}: send a whole ServiceCIDR"),
        ValidationError::NoCidrs => write!(f, "has no CIDR: set one, or one of each IP family"),
        ValidationError::TooManyCidrs { count } => {
            write!(f, "has {count} CIDRs: set one, or one of each IP family")
        }
        ValidationError::SameFamily => write!(f, "has two CIDRs of one IP family: set one, or one of each"),
        ValidationError::Malformed { text, error, .. } => write!(f, "{} {error}", Quoted(text)),
        ValidationError::Version { text } => {
            write!(f, "{} has no kind ServiceCIDR: use networking.k8s.io/v1", Quoted(text))
        }
        ValidationError::NoName => write!(f, "is missing: set a name or a generateName"),
        ValidationError::Name { text, .. } => write!(
            f,
            "{} is not a valid name: use lower-case letters, digits, `-` and `.`, with a letter or digit at each end",
            Quoted(text)
        ),
        ValidationError::Immutable { text, .. } => {
            write!(f, "{} can't replace the stored CIDR: create another ServiceCIDR for it", Quoted(text))
        }
        ValidationError::ImmutableList => {
            write!(f, "can't be changed like this: the only change is to append a CIDR of the other IP family")
        }
    }
}

fn service_cidr(name: &str) -> String {
    match name {
        "" => "a ServiceCIDR without a name".to_owned(),
        name => format!("ServiceCIDR {}", Quoted(name)),
    }
}

fn past_tense(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "created",
        Operation::Update => "changed",
        Operation::Delete => "deleted",
    }
}

fn count(count: u128) -> String {
    match count {
        1 => "1 IPAddress".to_owned(),
        count => format!("{count} IPAddresses"),
    }
}

fn count_with_verb(count: u128) -> String {
    match count {
        1 => "1 IPAddress is".to_owned(),
        count => format!("{count} IPAddresses are"),
    }
}

/// The first ten IPAddresses with their parents, and the number of the others.
struct AddressList<'a>(&'a CappedList<Allocation>);

impl fmt::Display for AddressList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let CappedList { count, first } = self.0;
        let shown = first.iter().take(MAX_LISTED_ADDRESSES);
        for (position, allocation) in shown.enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let parent = allocation.parent.to_string();
            write!(f, "{separator}{} ({})", allocation.address, escape_truncated(&parent))?;
        }
        match count.saturating_sub(first.len().min(MAX_LISTED_ADDRESSES) as u128) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
