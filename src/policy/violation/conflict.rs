//! `Conflicts`: the CIDRs that overlap a CIDR: the first few, and the number of the others.

use std::fmt;

use crate::inventory::{Change, Inventory, NodeNetwork};
use crate::net::{Cidr, Relation};
use crate::policy::Preset;
use crate::text::{escape_name, escape_truncated};

/// The number of conflicts that a message lists.
const LISTED: usize = 4;

/// A CIDR that overlaps the checked one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The relation of the checked CIDR to `cidr`.
    pub relation: Relation,
    /// The conflicting CIDR.
    pub cidr: Cidr,
    /// The owner of the conflicting CIDR.
    pub neighbour: ConflictOwner,
}

/// The owner of a conflicting CIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictOwner {
    /// A ServiceCIDR.
    ServiceCidr {
        /// The name of the ServiceCIDR.
        name: String,
    },
    /// A network that the policy declares.
    Declared {
        /// The name of the network.
        name: String,
        /// The description of the network; may be empty.
        description: String,
    },
    /// A network of a preset.
    Preset {
        /// The preset.
        preset: Preset,
        /// The use of the network and its source.
        source: &'static str,
    },
    /// A network of a node.
    Node {
        /// The kind of network: pod CIDR or address.
        network: NodeNetwork,
        /// The name of the node.
        node: String,
    },
}

/// The CIDRs that overlap a CIDR: at least one, of which the first four are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// The first four conflicts.
    pub first: Vec<Conflict>,
    /// The number of further conflicts.
    pub more: usize,
}

/// The first few ranges of a list, and the number of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeList {
    first: Vec<Cidr>,
    more: usize,
}

impl Conflicts {
    /// The CIDRs of ServiceCIDRs that overlap one that a change adds, if the relation is one of `relations`; never
    /// those of the ServiceCIDR itself.
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

    /// The conflicts of an iterator; `None` if it is empty.
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
    /// As a predicate: `contains 10.96.0.0/28 of ServiceCIDR kubernetes`.
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

/// The first items of a list, with `conjunction` before the last if it ends the list.
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
