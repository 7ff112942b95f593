//! The sentence of every violation, as the user reads it.

use std::fmt::{self, Formatter};

use crate::capacity::CappedList;
use crate::inventory::{Allocation, Freshness, Operation, ValidationError};
use crate::net::Cidr;
use crate::text::{Quoted, escape_truncated};

use super::{RangeList, Violation};

/// How many IPAddresses a sentence names before it says how many more there are.
const NAMED: usize = 10;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field())?;
        match self {
            Self::Invalid(fault) => invalid(fault, f),
            Self::DefaultServiceCidr { operation } => default_service_cidr(*operation, f),
            Self::Unknown { rule, needed, freshness, max } => {
                write!(f, "{} can't judge this: the {} ", rule.as_str(), needed.plural())?;
                match freshness {
                    Freshness::Absent => write!(f, "are not read: start with --inventory"),
                    Freshness::Syncing => write!(f, "are not read yet: the log of the webhook says how far it is"),
                    Freshness::Age(age) => {
                        write!(f, "were last seen {} s ago, more than {} s", age.as_secs(), max.as_secs())
                    }
                }
            }
            Self::Denied { operation, name } => {
                let which = service_cidr(name);
                write!(f, "{which} may not be {}: the policy denies it for all but `kubernetes`", done(*operation))
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
            Self::Unusable { cidr, idle, .. } => write!(f, "{cidr} {}", idle.sentence()),
            Self::Blocked { name, addresses } => {
                write!(f, "the deletion of {} won't end while ", service_cidr(name))?;
                write!(f, "{} in no other ServiceCIDR: {}", are(addresses.count), Listed(addresses))
            }
            Self::Stranded { name, addresses, is_protected } => {
                let who = if *is_protected { "kube-controller-manager lets it go" } else { "it has no finalizer" };
                write!(f, "the deletion of {} strands ", service_cidr(name))?;
                write!(f, "{}, for {who}: {}", counted(addresses.count), Listed(addresses))
            }
            Self::Exhausted { name, family } => {
                let which = service_cidr(name);
                write!(f, "{which} is the last that gives {family} addresses: no Service gets one from the DELETE on")
            }
        }
    }
}

fn default_service_cidr(operation: Operation, f: &mut Formatter<'_>) -> fmt::Result {
    match operation {
        Operation::Delete => write!(
            f,
            "`kubernetes` is being deleted: it gives no address from now on, and kube-apiserver makes it anew from \
             its flags once it is gone"
        ),
        Operation::Create | Operation::Update => write!(
            f,
            "`kubernetes` is being changed: kube-apiserver says in an event when it differs from its flags, and \
             never changes it back"
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

fn invalid(fault: &ValidationError, f: &mut Formatter<'_>) -> fmt::Result {
    match fault {
        ValidationError::Missing { .. } => write!(f, "is missing: send a whole ServiceCIDR"),
        ValidationError::Unreadable { problem, .. } => write!(f, "{problem}: send a whole ServiceCIDR"),
        ValidationError::NoCidrs => write!(f, "holds no CIDR: write one, or one of each IP family"),
        ValidationError::TooManyCidrs { count } => {
            write!(f, "holds {count} CIDRs: write one, or one of each IP family")
        }
        ValidationError::SameFamily => write!(f, "holds two CIDRs of one IP family: write one, or one of each"),
        ValidationError::Malformed { text, error, .. } => write!(f, "{} {error}", Quoted(text)),
        ValidationError::Version { text } => {
            write!(f, "{} has no ServiceCIDR: write networking.k8s.io/v1", Quoted(text))
        }
        ValidationError::NoName => write!(f, "is missing: write a name or a generateName"),
        ValidationError::Name { text, .. } => write!(
            f,
            "{} is no name: use lower-case letters, digits, `-` and `.`, with a letter or digit at each end",
            Quoted(text)
        ),
        ValidationError::Immutable { text, .. } => {
            write!(f, "{} can't take the place of what is stored: make another ServiceCIDR for it", Quoted(text))
        }
        ValidationError::ImmutableList => {
            write!(f, "can't be changed so: all that can be is a second CIDR, of the other IP family, behind the first")
        }
    }
}

fn service_cidr(name: &str) -> String {
    match name {
        "" => "a ServiceCIDR without a name".to_owned(),
        name => format!("ServiceCIDR {}", Quoted(name)),
    }
}

fn done(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "created",
        Operation::Update => "changed",
        Operation::Delete => "deleted",
    }
}

fn counted(count: u128) -> String {
    match count {
        1 => "1 IPAddress".to_owned(),
        count => format!("{count} IPAddresses"),
    }
}

fn are(count: u128) -> String {
    match count {
        1 => "1 IPAddress is".to_owned(),
        count => format!("{count} IPAddresses are"),
    }
}

/// The first ten IPAddresses with who holds them, and how many more there are.
struct Listed<'a>(&'a CappedList<Allocation>);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let CappedList { count, first } = self.0;
        let shown = first.iter().take(NAMED);
        for (position, allocation) in shown.enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let holder = allocation.parent.to_string();
            write!(f, "{separator}{} ({})", allocation.address, escape_truncated(&holder))?;
        }
        match count.saturating_sub(first.len().min(NAMED) as u128) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
