//! `overlaps`: every pair of overlapping CIDRs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::inventory::{Overlap, overlaps};

use crate::api::Count;
use crate::cli::exit::Exit;
use crate::cli::support::input;
use crate::cli::support::output;
use crate::cli::support::table::{Align, Table};
use crate::text::{plural, thousands};

/// List every pair of overlapping CIDRs: of ServiceCIDRs with each other and with the networks that the policy
/// declares.
///
/// Both directions of a pair of ServiceCIDRs are listed. Kubernetes allows ServiceCIDRs to overlap, which is how
/// a range is resized. An overlap with another network black-holes traffic.
///
/// Exit code: 0 no overlap, 1 an overlap, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard overlaps -f cluster.json
  servicecidr-guard overlaps -f cluster.json --policy policy.yaml -o json")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    input: input::Args,
}

/// `kind: OverlapList`.
#[derive(JsonSchema, Serialize)]
pub(in crate::cli) struct OverlapList {
    items: Vec<OverlapDocument>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct OverlapDocument {
    #[serde(rename = "serviceCIDR")]
    service_cidr: String,
    cidr: String,
    relation: String,
    other_kind: &'static str,
    other_name: String,
    other_cidr: String,
    shared: Count,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let state = args.input.read()?;
    let view = state.inventory.view();
    let found = overlaps(&view);
    match args.input.output.encoding() {
        Some(encoding) => {
            let items = found.iter().map(OverlapDocument::new).collect();
            output::document("OverlapList", OverlapList { items }, encoding)?;
        }
        None => output::print(&table(args, &found)),
    }
    state.ensure_complete()?;
    match found.len() as u128 {
        0 => Ok(()),
        count => Err(Exit::findings(format!("{} {}", thousands(count), plural(count, "overlap", "overlaps")))),
    }
}

impl OverlapDocument {
    fn new(overlap: &Overlap<'_>) -> Self {
        Self {
            service_cidr: overlap.owner.name().to_owned(),
            cidr: overlap.cidr.to_string(),
            relation: overlap.relation.to_string(),
            other_kind: overlap.other.kind().as_str(),
            other_name: overlap.other.name().to_owned(),
            other_cidr: overlap.other_cidr.to_string(),
            shared: Count(overlap.shared().count()),
        }
    }
}

fn table(args: &Args, found: &[Overlap<'_>]) -> String {
    let mut table = Table::new([
        ("SERVICECIDR", Align::Left),
        ("CIDR", Align::Left),
        ("RELATION", Align::Left),
        ("OTHER", Align::Left),
        ("CIDR", Align::Left),
        ("SHARED", Align::Right),
    ]);
    for overlap in found {
        table.row([
            overlap.owner.name().to_owned(),
            overlap.cidr.to_string(),
            overlap.relation.to_string(),
            format!("{} {}", overlap.other.kind(), overlap.other.name()),
            overlap.other_cidr.to_string(),
            thousands(overlap.shared().count()),
        ]);
    }
    if table.is_empty() { "no CIDRs overlap\n".to_owned() } else { table.render(args.input.output.header()) }
}
