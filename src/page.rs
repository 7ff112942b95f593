//! The web page: the data that it shows, and the self-contained file.

mod html;
mod summary;
mod tree;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{Blocks, Count, Entry, FamilyDocument};
use crate::capacity::{AllocationAudit, CapacityReport, CidrCapacity};
use crate::inventory::Inventory;
use crate::policy::Policy;

use tree::AddressSpace;

pub(crate) use html::{Origin, html};
pub(crate) use summary::{anomalies, headline};

/// The number of overlaps of a CIDR that are listed.
const MAX_LISTED_OVERLAPS: usize = 4;

/// `kind: CapacityPage`: the numbers of a `CapacityReport`, and the layout of the address space.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageDocument {
    /// The headline.
    summary: String,
    /// Anomalies, one sentence each.
    notes: Vec<String>,
    families: Vec<FamilyDocument>,
    #[serde(rename = "serviceCIDRs")]
    entries: Vec<Row>,
    free_blocks: Vec<Blocks>,
    /// The layout of the address space, by family.
    spaces: Vec<AddressSpace>,
}

/// A CIDR of a ServiceCIDR, with the first four of its overlaps.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    entry: Entry,
    overlap_count: Count,
}

impl PageDocument {
    /// The page for an inventory and a policy.
    pub fn new(
        inventory: &Inventory,
        policy: Option<&Policy>,
        report: &CapacityReport,
        survey: &AllocationAudit,
    ) -> Self {
        let row = |entry: &CidrCapacity| Row {
            entry: Entry::with_overlaps(entry, MAX_LISTED_OVERLAPS),
            overlap_count: Count(entry.overlaps.len() as u128),
        };
        Self {
            summary: headline(report),
            notes: anomalies(report, survey),
            families: report.families.iter().map(FamilyDocument::new).collect(),
            entries: report.service_cidrs.iter().map(row).collect(),
            free_blocks: survey.free_blocks.iter().map(Blocks::new).collect(),
            spaces: tree::spaces(inventory, policy, report),
        }
    }
}
