//! The CIDRs of one family as a tree: each within the narrowest one that contains it, with its position there as a
//! fraction.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::{CapacityReport, CidrCapacity};
use crate::inventory::{Inventory, Node, NodeNetwork, UnusableReason, View};
use crate::net::{AddressRange, Cidr, IpFamily, RangeSet, UsableRange};
use crate::policy::{ConflictOwner, Policy, ReservedNetworks};

/// The number of parts of the histogram of a range: fewer if there are many ranges.
const HISTOGRAM_PARTS: u32 = 64;
const SMALL_HISTOGRAM_PARTS: u32 = 16;
const MANY_RANGES: usize = 200;
/// The largest number of pod blocks that are drawn.
const MAX_POD_CIDRS: usize = 256;

/// The known address space of one family.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressSpace {
    family: &'static str,
    /// The CIDRs. The outermost is first, and a parent is before its children.
    blocks: Vec<Block>,
}

/// A known CIDR, or the one that contains all known ones.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    cidr: String,
    /// The index of the parent; null for the outermost.
    parent: Option<usize>,
    /// The start and the width, as fractions of the parent. For drawing.
    start: f64,
    width: f64,
    /// The number of host bits.
    host_bits: u8,
    /// The roles of the CIDR. Empty for the outermost if it only contains the others.
    uses: Vec<BlockRole>,
    /// The size of the static band as a fraction of the CIDR. Only of a ServiceCIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    static_band: Option<f64>,
    /// The number of IPAddresses in each of some equal parts. Only of a ServiceCIDR.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<u64>,
}

/// A role of a CIDR.
#[derive(Clone, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockRole {
    /// `ServiceCIDR`, `allowed range`, `declared network`, `reserved network` or `pods`.
    kind: &'static str,
    /// The name of the ServiceCIDR or the network.
    name: String,
    /// The state of a ServiceCIDR: `Ready`, or why it has no allocatable addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// The index of the CIDR among those of the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
}

/// Both families.
pub(super) fn spaces(inventory: &Inventory, policy: Option<&Policy>, report: &CapacityReport) -> Vec<AddressSpace> {
    let view = inventory.view();
    let parts = if report.service_cidrs.len() > MANY_RANGES { SMALL_HISTOGRAM_PARTS } else { HISTOGRAM_PARTS };
    let space = |family| space(family, inventory, policy, report, &view, parts);
    IpFamily::ALL.into_iter().filter_map(space).collect()
}

fn space(
    family: IpFamily,
    inventory: &Inventory,
    policy: Option<&Policy>,
    report: &CapacityReport,
    view: &View<'_>,
    parts: u32,
) -> Option<AddressSpace> {
    let mut all: BTreeMap<Cidr, Vec<BlockRole>> = BTreeMap::new();
    let put = |all: &mut BTreeMap<Cidr, Vec<BlockRole>>, cidr: Cidr, what: BlockRole| {
        if cidr.family() == family {
            all.entry(cidr).or_default().push(what);
        }
    };
    for (row, entry) in report.service_cidrs.iter().enumerate() {
        let state = Some(entry.unusable_reason.map_or(entry.readiness.as_str(), UnusableReason::as_str));
        put(&mut all, entry.cidr, BlockRole { kind: "ServiceCIDR", name: entry.name.clone(), state, row: Some(row) });
    }
    let plain = |kind, name: String| BlockRole { kind, name, state: None, row: None };
    for range in policy.iter().flat_map(|policy| &policy.allowed_ranges).flat_map(|rule| rule.ranges.iter()) {
        put(&mut all, range, plain("allowed range", String::new()));
    }
    // The drawing is centred on these; the others are drawn where they overlap it.
    let outermost = all.keys().copied().reduce(common)?;
    for network in view.networks() {
        put(&mut all, network.cidr, plain("declared network", network.name.clone()));
    }
    for (cidr, neighbour) in
        policy.iter().flat_map(|policy| &policy.reserved_networks).flat_map(ReservedNetworks::fixed)
    {
        if let ConflictOwner::Preset { preset, .. } = neighbour {
            put(&mut all, cidr, plain("reserved network", preset.to_string()));
        }
    }
    for cidr in pods(inventory, family) {
        put(&mut all, cidr, plain("pods", String::new()));
    }
    all.retain(|cidr, _| AddressRange::from(*cidr).intersection(AddressRange::from(outermost)).is_some());
    // A CIDR that contains everything is the background.
    let outermost = all.keys().copied().reduce(common).unwrap_or(outermost);
    all.entry(outermost).or_default();
    let rows: Vec<&CidrCapacity> = report.service_cidrs.iter().collect();
    Some(AddressSpace { family: family.as_str(), blocks: blocks(all, &rows, view, parts) })
}

/// The pod CIDRs of all nodes, merged into as few blocks as possible; none if there are too many to draw.
fn pods(inventory: &Inventory, family: IpFamily) -> Vec<Cidr> {
    let all = inventory.nodes().flat_map(Node::networks).filter(|(_, network)| *network == NodeNetwork::PodCidr);
    let union = RangeSet::union(family, all.map(|(cidr, _)| AddressRange::from(cidr)));
    let blocks: Vec<Cidr> = union.ranges().iter().flat_map(|range| range.subnets()).take(MAX_POD_CIDRS + 1).collect();
    if blocks.len() > MAX_POD_CIDRS { Vec::new() } else { blocks }
}

/// The narrowest CIDR that contains both.
fn common(one: Cidr, other: Cidr) -> Cidr {
    let is_shared = |length: &u8| one.supernet(*length) == other.supernet(*length);
    let longest = one.prefix_len().min(other.prefix_len());
    (0..=longest).rev().find(is_shared).map_or(one, |length| one.supernet(length))
}

fn blocks(all: BTreeMap<Cidr, Vec<BlockRole>>, rows: &[&CidrCapacity], view: &View<'_>, parts: u32) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::with_capacity(all.len());
    // The blocks around it, the outermost first.
    let mut around: Vec<(usize, AddressRange)> = Vec::new();
    for (cidr, uses) in all {
        let range = AddressRange::from(cidr);
        while around.last().is_some_and(|(_, outer)| outer.intersection(range).is_none()) {
            around.pop();
        }
        let (parent, start, width) = match around.last() {
            Some((parent, outer)) => {
                (Some(*parent), share(range.first() - outer.first(), *outer), share_of(range, *outer))
            }
            None => (None, 0.0, 1.0),
        };
        let is_service_cidr = uses.iter().any(|one| one.row.is_some());
        let entry = uses.iter().find_map(|one| rows.get(one.row?));
        let band =
            entry.filter(|entry| entry.unusable_reason.is_none()).and_then(|entry| UsableRange::for_cidr(entry.cidr));
        let band = band.and_then(UsableRange::static_band).map(|band| share_of(band, range));
        around.push((blocks.len(), range));
        blocks.push(Block {
            cidr: cidr.to_string(),
            parent,
            start,
            width,
            host_bits: cidr.host_bits(),
            uses,
            static_band: band,
            parts: if is_service_cidr { counts(range, view, parts) } else { Vec::new() },
        });
    }
    blocks
}

/// The number of IPAddresses in each of some parts of a range; fewer parts if it has fewer addresses.
fn counts(range: AddressRange, view: &View<'_>, parts: u32) -> Vec<u64> {
    let parts = u128::from(parts).min(range.count());
    let each = (range.count() / parts).max(1);
    let part = |number: u128| {
        let first = range.first() + number * each;
        let last = if number + 1 == parts { range.last() } else { first + (each - 1) };
        AddressRange::new(range.family(), first, last)
    };
    (0..parts).filter_map(part).map(|part| u64::try_from(view.used_in(part)).unwrap_or(u64::MAX)).collect()
}

fn share_of(part: AddressRange, whole: AddressRange) -> f64 {
    share(part.count(), whole)
}

/// For drawing: a float is exact enough.
#[allow(clippy::cast_precision_loss, reason = "a pixel is wider")]
fn share(count: u128, whole: AddressRange) -> f64 {
    count as f64 / whole.count() as f64
}
