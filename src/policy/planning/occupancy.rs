//! `Obstacle`: what is known that a new CIDR must not touch, and whose it is.

use crate::inventory::{DeclaredNetwork, Inventory, NodeNetwork};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet};
use crate::policy::{Neighbour, Policy, Preset, ReservedNetworks};

/// Something known that a new CIDR must not touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obstacle<'a> {
    pub cidr: Cidr,
    whose: Whose<'a>,
}

/// Whose it is, without a copy of its name.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    ServiceCidr(&'a str),
    Declared(&'a DeclaredNetwork),
    Preset(Preset, &'static str),
    Node(NodeNetwork, &'a str),
}

impl Obstacle<'_> {
    /// Whose it is, to be kept.
    pub fn neighbour(&self) -> Neighbour {
        match self.whose {
            Whose::ServiceCidr(name) => Neighbour::ServiceCidr { name: name.to_owned() },
            Whose::Declared(DeclaredNetwork { name, description, .. }) => {
                Neighbour::Declared { name: name.clone(), description: description.clone() }
            }
            Whose::Preset(preset, source) => Neighbour::Preset { preset, source },
            Whose::Node(network, node) => Neighbour::Node { network, node: node.to_owned() },
        }
    }
}

/// Everything known that a new CIDR of a family must not touch: the CIDRs of ServiceCIDRs, whatever their state; the
/// networks that the policy declares; those of its presets; what nodes hold, whether the policy discovers it or not.
pub(super) fn obstacles<'a>(
    policy: &'a Policy,
    inventory: &'a Inventory,
    family: IpFamily,
) -> impl Iterator<Item = Obstacle<'a>> {
    let service_cidrs = inventory.service_cidrs().flat_map(|it| it.cidrs.iter().map(move |cidr| (it, *cidr)));
    let service_cidrs = service_cidrs.map(|(it, cidr)| Obstacle { cidr, whose: Whose::ServiceCidr(&it.name) });
    let declared =
        policy.networks.iter().map(|network| Obstacle { cidr: network.cidr, whose: Whose::Declared(network) });
    let fixed = policy.reserved_networks.iter().flat_map(ReservedNetworks::fixed);
    let presets = fixed.filter_map(|(cidr, neighbour)| match neighbour {
        Neighbour::Preset { preset, source } => Some(Obstacle { cidr, whose: Whose::Preset(*preset, source) }),
        Neighbour::ServiceCidr { .. } | Neighbour::Declared { .. } | Neighbour::Node { .. } => None,
    });
    let nodes = inventory.nodes().flat_map(|node| node.networks().map(move |(cidr, network)| (node, cidr, network)));
    let nodes = nodes.map(|(node, cidr, network)| Obstacle { cidr, whose: Whose::Node(network, &node.name) });
    service_cidrs.chain(declared).chain(presets).chain(nodes).filter(move |obstacle| obstacle.cidr.family() == family)
}

/// What of some ranges is free of everything known.
pub(super) fn free(policy: &Policy, inventory: &Inventory, ranges: &RangeSet, family: IpFamily) -> RangeSet {
    let taken = obstacles(policy, inventory, family).map(|obstacle| AddressRange::from(obstacle.cidr));
    ranges.difference(&RangeSet::union(family, taken))
}
