//! no-overlap: a CIDR that a request adds should share no address with other ServiceCIDRs.

use crate::inventory::{Change, Inventory};
use crate::net::Relation;
use crate::policy::violation::Conflicts;
use crate::policy::{ValidationActions, Violation};

/// A CIDR that a request adds should share no address with other ServiceCIDRs. Kubernetes allows it,
/// and a range is made larger that way: by a wider ServiceCIDR around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoOverlap {
    /// How the new CIDR must not lie to another.
    pub relations: Vec<Relation>,
    /// What follows from one.
    pub actions: ValidationActions,
}

impl NoOverlap {
    /// A violation for each added CIDR that lies so to a CIDR of another ServiceCIDR.
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
