//! `schema`: the JSON Schemas of the policy file and of the results.

use clap::builder::PossibleValuesParser;
use schemars::Schema;

use super::explain::{AddressExplanation, ServiceCidrExplanation};
use super::overlaps::OverlapList;
use super::simulate::Simulation;
use super::suggest::SuggestionList;
use crate::api::{CheckReport, ForecastDocument, PreviewResponse, Report, schema};
use crate::cli::support::output;
use crate::page::PageDocument;

/// The kind of the policy file, in addition to the results.
const POLICY: &str = "Policy";

/// A function that generates the schema of a kind.
type Make = fn(&str) -> Schema;

/// Every kind of result, and its schema.
const RESULTS: [(&str, Make); 11] = [
    ("AddressExplanation", schema::<AddressExplanation>),
    ("CapacityForecast", schema::<ForecastDocument>),
    ("CapacityPage", schema::<PageDocument>),
    ("CapacityReport", schema::<Report>),
    ("ChangePreview", schema::<PreviewResponse>),
    ("CheckReport", schema::<CheckReport>),
    ("OverlapList", schema::<OverlapList>),
    ("ScanReport", schema::<CheckReport>),
    ("ServiceCIDRExplanation", schema::<ServiceCidrExplanation<'_>>),
    ("Simulation", schema::<Simulation>),
    ("SuggestionList", schema::<SuggestionList>),
];

/// Print the JSON Schema (2020-12) of the policy file, or of what a command prints with -o json.
///
/// Exit code: 0 success, 2 invalid input.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard schema > policy.schema.json
  servicecidr-guard schema CapacityReport")]
pub(in crate::cli) struct Args {
    /// The kind of document
    #[arg(value_name = "KIND", default_value = POLICY, value_parser = kinds())]
    kind: String,
}

pub(in crate::cli) fn run(args: &Args) {
    let of_result = RESULTS.iter().find(|(kind, _)| *kind == args.kind);
    output::print(&match of_result {
        Some((kind, schema)) => format!("{:#}\n", schema(kind).as_value()),
        None => crate::config::schema(),
    });
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new([POLICY].into_iter().chain(RESULTS.map(|(kind, _)| kind)))
}
