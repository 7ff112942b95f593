//! The part of a draft with non-Service networks.

use crate::inventory::{Inventory, NodeNetwork};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet};
use crate::policy::Preset;
use crate::text::escape_name;

use super::yaml::{comment, line};

pub(super) fn reserved_networks(inventory: &Inventory) -> String {
    let has_nodes = inventory.nodes().next().is_some();
    let mut text = "# Non-Service networks.\n".to_owned();
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for (preset, why) in presets(inventory) {
        let networks = preset.networks().iter().filter_map(|(network, _)| network.parse::<Cidr>().ok());
        let hit = networks.flat_map(|network| inventory.overlapping(network).map(move |hit| (network, hit))).next();
        match hit {
            None => kept.push((preset, why)),
            Some((network, (name, cidr, _))) => {
                left_out.push(format!("{preset}: ServiceCIDR {} has {cidr} of {network}", escape_name(name)));
            }
        }
    }
    if kept.is_empty() && !has_nodes {
        return String::new();
    }
    comment(&mut text, "Omitted", &left_out);
    if has_nodes {
        pods(&mut text, inventory);
    } else {
        text.push_str("# No Node was read. To use Nodes, set discover: [nodePodCIDRs, nodeAddresses]\n");
    }
    text.push_str("reservedNetworks:\n");
    if !kept.is_empty() {
        text.push_str("  presets:\n");
        for (preset, why) in kept {
            line(&mut text, &format!("    - {preset}  # {why}"));
        }
    }
    if has_nodes {
        text.push_str("  discover:\n");
        text.push_str("    - nodePodCIDRs  # spec.podCIDRs of every Node\n");
        text.push_str("    - nodeAddresses  # status.addresses of every Node\n");
    }
    text.push_str("  validationActions: [Warn]\n");
    text
}

/// The presets that fit a cluster, each with the reason.
fn presets(inventory: &Inventory) -> Vec<(Preset, &'static str)> {
    let named = |is_so: fn(&str) -> bool| inventory.nodes().any(|node| is_so(&node.name));
    let mut presets = vec![
        (Preset::Loopback, "never valid for Services"),
        (Preset::LinkLocal, "never valid for Services"),
        (Preset::Multicast, "never valid for Services"),
        (Preset::Cgnat, "shared with carriers; some pod networks use it"),
    ];
    if named(|name| name.starts_with("aks-")) {
        presets.push((Preset::Aks, "a Node is named as AKS names them"));
    }
    if named(|name| name.ends_with(".compute.internal") || name.ends_with(".ec2.internal")) {
        presets.push((Preset::Eks, "a Node is named as EC2 names them"));
    }
    if named(|name| name.starts_with("gke-")) {
        presets.push((Preset::Gke, "a Node is named as GKE names them"));
    }
    presets
}

/// The pod CIDRs of the nodes, and their overlaps with ServiceCIDRs.
fn pods(text: &mut String, inventory: &Inventory) {
    let all = || inventory.nodes().flat_map(|node| node.pod_cidrs.iter().copied());
    let blocks = IpFamily::ALL.into_iter().flat_map(|family| {
        let union = RangeSet::union(family, all().map(AddressRange::from));
        union.ranges().iter().flat_map(|range| range.subnets()).collect::<Vec<_>>()
    });
    let blocks: Vec<String> = blocks.map(|cidr| cidr.to_string()).collect();
    comment(text, "Pod CIDRs of the Nodes", &blocks);
    if !blocks.is_empty() {
        text.push_str(
            "# Declare the whole pod network (kube-controller-manager's --cluster-cidr) to cover future Nodes:\n\
             # networks: [{name: pods, cidr: CIDR, description: Pods of this cluster}]\n",
        );
    }
    let mut hits = Vec::new();
    for service_cidr in inventory.service_cidrs() {
        for cidr in &service_cidr.cidrs {
            hits.extend(inventory.overlapping_nodes(*cidr).map(|(network, node, other, _)| {
                let what = match network {
                    NodeNetwork::PodCidr => format!("pods {other}"),
                    NodeNetwork::Address => format!("address {}", other.first()),
                };
                let (name, node) = (escape_name(&service_cidr.name), escape_name(node));
                format!("{cidr} of ServiceCIDR {name} overlaps {what} of Node {node}")
            }));
        }
    }
    comment(text, "Conflicts today", &hits);
}
