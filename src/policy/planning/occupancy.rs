//! `OccupiedRange`: the known networks that a new CIDR must not overlap, and their owners.

use crate::inventory::{DeclaredNetwork, Inventory, NodeNetwork};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet};
use crate::policy::{ConflictOwner, Policy, Preset, ReservedNetworks};

/// A known network that a new CIDR must not overlap.
#[derive(Clone, Copy, Debug)]
pub(super) struct OccupiedRange<'a> {
    pub cidr: Cidr,
    whose: RangeOwner<'a>,
}

/// The owner of the network, borrowed.
#[derive(Clone, Copy, Debug)]
enum RangeOwner<'a> {
    ServiceCidr(&'a str),
    Declared(&'a DeclaredNetwork),
    Preset(Preset, &'static str),
    Node(NodeNetwork, &'a str),
}

impl OccupiedRange<'_> {
    /// The owner, as an owned value.
    pub fn neighbour(&self) -> ConflictOwner {
        match self.whose {
            RangeOwner::ServiceCidr(name) => ConflictOwner::ServiceCidr { name: name.to_owned() },
            RangeOwner::Declared(DeclaredNetwork { name, description, .. }) => {
                ConflictOwner::Declared { name: name.clone(), description: description.clone() }
            }
            RangeOwner::Preset(preset, source) => ConflictOwner::Preset { preset, source },
            RangeOwner::Node(network, node) => ConflictOwner::Node { network, node: node.to_owned() },
        }
    }
}

/// Every known network of a family that a new CIDR must not overlap: the CIDRs of ServiceCIDRs, whatever their state;
/// the networks that the policy declares; those of its presets; the networks of nodes, even if the policy doesn't
/// discover them.
pub(super) fn occupied_ranges<'a>(
    policy: &'a Policy,
    inventory: &'a Inventory,
    family: IpFamily,
) -> impl Iterator<Item = OccupiedRange<'a>> {
    let service_cidrs = inventory.service_cidrs().flat_map(|it| it.cidrs.iter().map(move |cidr| (it, *cidr)));
    let service_cidrs =
        service_cidrs.map(|(it, cidr)| OccupiedRange { cidr, whose: RangeOwner::ServiceCidr(&it.name) });
    let declared = policy
        .networks
        .iter()
        .map(|network| OccupiedRange { cidr: network.cidr, whose: RangeOwner::Declared(network) });
    let fixed = policy.reserved_networks.iter().flat_map(ReservedNetworks::fixed);
    let presets = fixed.filter_map(|(cidr, neighbour)| match neighbour {
        ConflictOwner::Preset { preset, source } => {
            Some(OccupiedRange { cidr, whose: RangeOwner::Preset(*preset, source) })
        }
        ConflictOwner::ServiceCidr { .. } | ConflictOwner::Declared { .. } | ConflictOwner::Node { .. } => None,
    });
    let nodes = inventory.nodes().flat_map(|node| node.networks().map(move |(cidr, network)| (node, cidr, network)));
    let nodes = nodes.map(|(node, cidr, network)| OccupiedRange { cidr, whose: RangeOwner::Node(network, &node.name) });
    service_cidrs.chain(declared).chain(presets).chain(nodes).filter(move |obstacle| obstacle.cidr.family() == family)
}

/// The parts of some ranges that overlap no known network.
pub(super) fn free(policy: &Policy, inventory: &Inventory, ranges: &RangeSet, family: IpFamily) -> RangeSet {
    let taken = occupied_ranges(policy, inventory, family).map(|obstacle| AddressRange::from(obstacle.cidr));
    ranges.difference(&RangeSet::union(family, taken))
}
