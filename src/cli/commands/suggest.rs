//! `suggest`: the next free CIDRs for a ServiceCIDR.

mod manifest;
mod table;

use std::path::PathBuf;

use clap::ArgGroup;
use schemars::JsonSchema;
use serde::Serialize;

use crate::inventory::Inventory;
use crate::net::{AddressRange, Cidr, IpFamily, UsableRange};
use crate::policy::{FreeCidrSearch, Policy, SearchError, Suggestions};

use crate::api::Count;
use crate::cli::exit::Exit;
use crate::cli::support::input::{InventoryArgs, ReadNodes};
use crate::cli::support::output::Encoding;
use crate::cli::support::output_args::{OutputArgs, OutputFormat};
use crate::cli::support::{output, policy};

/// Suggest the next free CIDRs for a ServiceCIDR: within the allowed ranges, without overlaps with ServiceCIDRs, declared
/// networks, presets, and the networks of nodes.
///
/// Best fit: each suggestion is the start of the smallest free aligned block that is large enough; of equal blocks, the
/// one with the lowest address. Suggestions don't overlap each other.
///
/// Exit code: 0 all found, 1 fewer found than requested, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("size").required(true), after_help = "\
Examples:
  servicecidr-guard suggest --prefix-length 24 --policy policy.yaml -f cluster.json
  servicecidr-guard suggest --for-services 1000 --within 10.96.0.0/16 -f cluster.json -o wide
  servicecidr-guard suggest --prefix-length 26 --policy policy.yaml -f cluster.json --name team-a -o manifest")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,

    /// The prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=128), group = "size")]
    prefix_length: Option<u8>,

    /// Use the longest prefix length with room for N Services in the dynamic band: without the static band, which
    /// is for Services with a fixed ClusterIP, and without the network and broadcast addresses. 1 to
    /// 4,294,967,295
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        group = "size"
    )]
    for_services: Option<u32>,

    /// IPv4 or IPv6 [default: the family of the cluster; IPv4 if it has both]
    #[arg(long, value_enum)]
    family: Option<IpFamily>,

    /// Number of suggestions, 1 to 1,000
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,

    /// A policy file, for its allowed ranges, reserved and declared networks and prefix lengths
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Search only this range, as far as the policy's allowed ranges contain it; repeatable
    #[arg(long, value_name = "CIDR")]
    within: Vec<Cidr>,

    /// The name of the ServiceCIDR of -o manifest; further ones get the suffix -2, -3, … [default: derived from
    /// the CIDR]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    output: OutputArgs<SuggestionFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SuggestionFormat {
    /// Human-readable
    Table,
    /// With the reason for each block that was skipped
    Wide,
    /// Machine-readable; counts are decimal strings, because they can exceed 2^64
    Json,
    /// Machine-readable, as YAML
    Yaml,
    /// Only the CIDRs, one per line
    Name,
    /// ServiceCIDRs, ready for `kubectl apply -f -`
    Manifest,
}

/// `kind: SuggestionList`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct SuggestionList {
    items: Vec<SuggestedCidr>,
    skipped: Vec<SkippedRangeDocument>,
    /// The number of further skipped ranges.
    skipped_more: usize,
    /// The widest aligned block that is still free.
    largest_left: Option<String>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SuggestedCidr {
    cidr: String,
    family: &'static str,
    usable: Count,
    /// The number of usable addresses in the static band.
    static_band: Count,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SkippedRangeDocument {
    first: String,
    last: String,
    reason: String,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let policy = match &args.policy {
        Some(path) => policy::load(path)?.policy,
        None => Policy::default(),
    };
    let state = args.inventory.read(Some(&policy), ReadNodes::Yes)?;
    let family = args.family.unwrap_or_else(|| default_family(&state.inventory));
    let search = args.search(&policy, &state.inventory, family)?;
    let suggestions = search.find(usize::from(args.count));
    match (args.output.encoding(), args.output.format) {
        (Some(encoding), _) => output::document("SuggestionList", SuggestionList::new(&suggestions), encoding)?,
        (None, SuggestionFormat::Wide) => output::print(&table::wide(&suggestions, args.output.header())),
        (None, SuggestionFormat::Name) => {
            let names: Vec<String> = suggestions.found.iter().map(ToString::to_string).collect();
            output::lines(&names);
        }
        (None, SuggestionFormat::Manifest) => {
            output::print(&manifest::manifest(&suggestions.found, args.name.as_deref(), &state.inventory)?);
        }
        (None, _) => output::print(&table::suggestions(&suggestions, args.output.header())),
    }
    if policy.deny_all.as_ref().is_some_and(|rule| rule.actions.deny()) {
        output::message("note: the policy's denyAll denies every new ServiceCIDR");
    }
    state.ensure_complete()?;
    fail_if_short(&suggestions, usize::from(args.count), family)
}

impl Args {
    fn search<'a>(
        &self,
        policy: &'a Policy,
        inventory: &'a Inventory,
        family: IpFamily,
    ) -> Result<FreeCidrSearch<'a>, Exit> {
        let prefix_len = match (self.prefix_length, self.for_services) {
            (Some(prefix_len), _) => Ok(prefix_len),
            (None, services) => FreeCidrSearch::prefix_len_for(policy, family, services.unwrap_or(1)),
        };
        let search = prefix_len.and_then(|len| FreeCidrSearch::new(policy, inventory, family, len, &self.within));
        search.map_err(|error| {
            let hint = match &error {
                SearchError::NoRanges => Some("set --within CIDR, or allowedRanges in the policy".to_owned()),
                SearchError::Unusable { .. } => Some("choose another with --family and --prefix-length".to_owned()),
                SearchError::NoneOfFamily(_) | SearchError::NotAdmitted { .. } | SearchError::TooMany { .. } => None,
            };
            let failure = Exit::input(error);
            match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        })
    }
}

/// Fewer suggestions than requested are a finding.
fn fail_if_short(suggestions: &Suggestions, requested: usize, family: IpFamily) -> Result<(), Exit> {
    let found = suggestions.found.len();
    if found == requested {
        return Ok(());
    }
    let largest = match suggestions.largest_left {
        Some(largest) => format!("the largest free block is {largest}"),
        None => format!("no {family} address is free"),
    };
    Err(Exit::findings(format!("{found} of {requested} found: in the searched ranges, {largest}")))
}

impl SuggestionList {
    fn new(suggestions: &Suggestions) -> Self {
        let suggested = |cidr: &Cidr| {
            let usable = UsableRange::for_cidr(*cidr);
            SuggestedCidr {
                cidr: cidr.to_string(),
                family: cidr.family().as_str(),
                usable: Count(usable.map_or(0, UsableRange::count)),
                static_band: Count(usable.and_then(UsableRange::static_band).map_or(0, AddressRange::count)),
            }
        };
        let passed = suggestions.skipped.iter().map(|passed| SkippedRangeDocument {
            first: passed.range.first_address().to_string(),
            last: passed.range.last_address().to_string(),
            reason: passed.reason.to_string(),
        });
        Self {
            items: suggestions.found.iter().map(suggested).collect(),
            skipped: passed.collect(),
            skipped_more: suggestions.more,
            largest_left: suggestions.largest_left.map(|cidr| cidr.to_string()),
        }
    }
}

impl OutputFormat for SuggestionFormat {
    const HELP: &'static str = "How to print them";

    fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Table | Self::Wide | Self::Name | Self::Manifest => None,
            Self::Json => Some(Encoding::Json),
            Self::Yaml => Some(Encoding::Yaml),
        }
    }
}

fn default_family(inventory: &Inventory) -> IpFamily {
    if inventory.families().contains(IpFamily::IPv4) { IpFamily::IPv4 } else { IpFamily::IPv6 }
}
