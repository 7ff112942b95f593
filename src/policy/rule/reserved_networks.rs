//! reserved-networks: a CIDR that a request adds must not touch networks that aren't for Services.

use crate::inventory::{Change, DeclaredNetwork, Inventory, NodeNetwork};
use crate::net::{Cidr, CidrMap};
use crate::policy::violation::{Conflict, ConflictOwner, Conflicts};
use crate::policy::{Preset, ValidationActions, Violation};

/// A CIDR that a request adds must not touch networks that aren't for Services. kube-proxy in mode
/// nftables drops traffic to any address of a ServiceCIDR that isn't a ClusterIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedNetworks {
    /// The declared networks and those of the presets.
    fixed: CidrMap<ConflictOwner>,
    /// What of the nodes is reserved too.
    pub discover: Vec<NodeNetwork>,
    /// What follows from a CIDR that touches one.
    pub actions: ValidationActions,
}

impl ReservedNetworks {
    /// The rule over declared networks, presets and what is discovered.
    #[must_use]
    pub fn new(
        declared: &[DeclaredNetwork],
        presets: &[Preset],
        discover: Vec<NodeNetwork>,
        actions: ValidationActions,
    ) -> Self {
        let mut fixed = CidrMap::default();
        for DeclaredNetwork { name, cidr, description } in declared {
            fixed.insert(*cidr, ConflictOwner::Declared { name: name.clone(), description: description.clone() });
        }
        for preset in presets {
            for (text, source) in preset.networks() {
                // Canonical, every one: the tests of `Preset` hold that.
                if let Ok(cidr) = text.parse::<Cidr>() {
                    fixed.insert(cidr, ConflictOwner::Preset { preset: *preset, source });
                }
            }
        }
        Self { fixed, discover, actions }
    }

    /// The declared networks and those of the presets, by address.
    pub fn fixed(&self) -> impl Iterator<Item = (Cidr, &ConflictOwner)> {
        self.fixed.iter()
    }

    /// A violation for each added CIDR that touches a declared network or one of a preset.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        violations(change, |cidr| {
            self.fixed
                .overlapping(cidr)
                .map(|(other, relation, neighbour)| Conflict { relation, cidr: other, neighbour: neighbour.clone() })
                .collect()
        })
    }

    /// A violation for each added CIDR that touches what nodes hold.
    pub(in crate::policy) fn check_discovered(&self, inventory: &Inventory, change: &Change) -> Vec<Violation> {
        violations(change, |cidr| {
            inventory
                .overlapping_nodes(cidr)
                .filter(|(network, ..)| self.discover.contains(network))
                .map(|(network, node, other, relation)| Conflict {
                    relation,
                    cidr: other,
                    neighbour: ConflictOwner::Node { network, node: node.to_owned() },
                })
                .collect()
        })
    }
}

fn violations(change: &Change, conflicts: impl Fn(Cidr) -> Vec<Conflict>) -> Vec<Violation> {
    change
        .cidrs()
        .filter_map(|(index, cidr)| {
            Some(Violation::Reserved { index, cidr, conflicts: Conflicts::of(conflicts(cidr))? })
        })
        .collect()
}
