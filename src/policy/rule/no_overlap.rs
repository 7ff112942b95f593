//! no-overlap: a CIDR that a request adds should not overlap other ServiceCIDRs.

use crate::inventory::{Change, Inventory};
use crate::net::Relation;
use crate::policy::violation::Conflicts;
use crate::policy::{ValidationActions, Violation};

/// An added CIDR should not overlap other ServiceCIDRs. Kubernetes allows overlaps, and a wider ServiceCIDR around
/// another enlarges a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoOverlap {
    /// The relations to another CIDR that count as a violation.
    pub relations: Vec<Relation>,
    /// The actions on an overlap.
    pub actions: ValidationActions,
}

impl NoOverlap {
    /// A violation for each added CIDR that has such a relation to a CIDR of another ServiceCIDR.
    pub(in crate::policy) fn check(&self, inventory: &Inventory, change: &Change) -> Vec<Violation> {
        change
            .cidrs()
            .filter_map(|(index, cidr)| {
                let conflicts =
                    Conflicts::of_others(inventory, change, cidr, |relation| self.relations.contains(&relation))?;
                Some(Violation::Overlap { index, cidr, conflicts })
            })
            .collect()
    }
}
