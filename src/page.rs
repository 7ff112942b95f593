//! The page: what it shows of a cluster, as data, and as one self-contained file.

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

/// How many overlaps of a CIDR are named.
const MAX_LISTED_OVERLAPS: usize = 4;

/// `kind: CapacityPage`: the numbers of a `CapacityReport`, and where everything lies.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageDocument {
    /// The line that matters.
    summary: String,
    /// What is odd, each a sentence.
    notes: Vec<String>,
    families: Vec<FamilyDocument>,
    #[serde(rename = "serviceCIDRs")]
    entries: Vec<Row>,
    free_blocks: Vec<Blocks>,
    /// Where everything lies, by family.
    spaces: Vec<AddressSpace>,
}

/// A CIDR of a ServiceCIDR. Of what it overlaps, the first four.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    entry: Entry,
    overlap_count: Count,
}

impl PageDocument {
    /// What is known of a cluster, and what a policy says of it.
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
