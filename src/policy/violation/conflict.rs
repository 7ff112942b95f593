//! `Conflicts`: what a CIDR shares addresses with: the first few, and how many more there are.

use std::fmt;

use crate::inventory::{Change, Inventory, NodeNetwork};
use crate::net::{Cidr, Relation};
use crate::policy::Preset;
use crate::text::{escape_name, escape_truncated};

/// How many a sentence lists before it says how many more there are.
const LISTED: usize = 4;

/// One CIDR that another shares addresses with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// How the other lies to it.
    pub relation: Relation,
    /// It.
    pub cidr: Cidr,
    /// Whose it is.
    pub neighbour: ConflictOwner,
}

/// Whose a CIDR is that another shares addresses with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictOwner {
    /// A ServiceCIDR's.
    ServiceCidr {
        /// Its name.
        name: String,
    },
    /// A network's that the policy declares.
    Declared {
        /// Its name.
        name: String,
        /// What it is; may be empty.
        description: String,
    },
    /// A network's of a preset.
    Preset {
        /// The preset.
        preset: Preset,
        /// What it is and who says so.
        source: &'static str,
    },
    /// A node's.
    Node {
        /// Its pods' or its own.
        network: NodeNetwork,
        /// The name of the node.
        node: String,
    },
}

/// What a CIDR shares addresses with: at least one, the first four by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// The first four.
    pub first: Vec<Conflict>,
    /// How many more there are.
    pub more: usize,
}

/// The first few ranges of a list, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeList {
    first: Vec<Cidr>,
    more: usize,
}

impl Conflicts {
    /// The CIDRs of ServiceCIDRs that share addresses with one that a change adds, as far as the relation
    /// is one that counts; never those of the ServiceCIDR itself.
    pub(in crate::policy) fn of_others(
        inventory: &Inventory,
        change: &Change,
        cidr: Cidr,
        counts: impl Fn(Relation) -> bool,
    ) -> Option<Self> {
        let others = inventory.overlapping(cidr);
        let others = others.filter(|(name, _, relation)| *name != change.name && counts(*relation));
        Self::of(others.map(|(name, other, relation)| Conflict {
            relation,
            cidr: other,
            neighbour: ConflictOwner::ServiceCidr { name: name.to_owned() },
        }))
    }

    /// The hits of an iterator; `None` where it has none.
    pub(in crate::policy) fn of(conflicts: impl IntoIterator<Item = Conflict>) -> Option<Self> {
        let mut conflicts = conflicts.into_iter();
        let first: Vec<Conflict> = conflicts.by_ref().take(LISTED).collect();
        (!first.is_empty()).then(|| Self { first, more: conflicts.count() })
    }
}

impl RangeList {
    pub(super) fn of(mut ranges: impl Iterator<Item = Cidr>) -> Self {
        let first = ranges.by_ref().take(LISTED).collect();
        Self { first, more: ranges.count() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

impl fmt::Display for Conflicts {
    /// As what a CIDR does: `contains 10.96.0.0/28 of ServiceCIDR kubernetes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.first, self.more, " and ")?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and overlaps {more} more"),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.relation {
            Relation::Same => "is the same as ",
            Relation::Contains => "contains ",
            Relation::Within => "is within ",
            Relation::Disjoint => "is apart from ",
        })?;
        let cidr = self.cidr;
        match &self.neighbour {
            ConflictOwner::ServiceCidr { name } => write!(f, "{cidr} of ServiceCIDR {}", escape_name(name)),
            ConflictOwner::Declared { name, description } => {
                write!(f, "{cidr} of declared network {}", escape_name(name))?;
                match description.as_str() {
                    "" => Ok(()),
                    description => write!(f, " ({})", escape_truncated(description)),
                }
            }
            ConflictOwner::Preset { preset, source } => write!(f, "{cidr} of preset {preset} ({source})"),
            ConflictOwner::Node { network: NodeNetwork::PodCidr, node } => {
                write!(f, "{cidr} of the pods of discovered node {}", escape_name(node))
            }
            ConflictOwner::Node { network: NodeNetwork::Address, node } => {
                write!(f, "{} of discovered node {}", cidr.first(), escape_name(node))
            }
        }
    }
}

impl fmt::Display for RangeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.first, self.more, " or ")?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " or one of {more} more"),
        }
    }
}

/// The first few of a list, with `conjunction` before the last if no more follow.
fn joined(f: &mut fmt::Formatter<'_>, first: &[impl fmt::Display], more: usize, conjunction: &str) -> fmt::Result {
    for (position, item) in first.iter().enumerate() {
        let is_last = position + 1 == first.len() && more == 0;
        let separator = match position {
            0 => "",
            _ if is_last => conjunction,
            _ => ", ",
        };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}
