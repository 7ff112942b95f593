//! reserved-networks: a CIDR that a request adds must not overlap non-Service networks.

use crate::inventory::{Change, DeclaredNetwork, Inventory, NodeNetwork};
use crate::net::{Cidr, CidrMap};
use crate::policy::violation::{Conflict, ConflictOwner, Conflicts};
use crate::policy::{Preset, ValidationActions, Violation};

/// An added CIDR must not overlap non-Service networks. kube-proxy in mode nftables drops traffic to any address of a
/// ServiceCIDR that is not a ClusterIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedNetworks {
    /// The declared networks and those of the presets.
    fixed: CidrMap<ConflictOwner>,
    /// The kinds of node networks that are reserved too.
    pub discover: Vec<NodeNetwork>,
    /// The actions on a CIDR that overlaps one.
    pub actions: ValidationActions,
}

impl ReservedNetworks {
    /// The rule for declared networks, presets and discovered networks.
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
                // All are canonical: the tests of `Preset` check that.
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

    /// A violation for each added CIDR that overlaps a declared network or one of a preset.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        violations(change, |cidr| {
            self.fixed
                .overlapping(cidr)
                .map(|(other, relation, neighbour)| Conflict { relation, cidr: other, neighbour: neighbour.clone() })
                .collect()
        })
    }

    /// A violation for each added CIDR that overlaps a network of a node.
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
