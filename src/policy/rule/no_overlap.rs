//! no-overlap: a CIDR that a request adds should share no address with other ServiceCIDRs.

use crate::inventory::{Change, Inventory};
use crate::net::Relation;
use crate::policy::violation::{Hit, Hits, Neighbour};
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
                let others = inventory
                    .overlapping(cidr)
                    .filter(|(name, _, relation)| *name != change.name && self.relations.contains(relation));
                let hits = others.map(|(name, other, relation)| Hit {
                    relation,
                    cidr: other,
                    neighbour: Neighbour::ServiceCidr { name: name.to_owned() },
                });
                Some(Violation::Overlap { index, cidr, hits: Hits::of(hits)? })
            })
            .collect()
    }
}
