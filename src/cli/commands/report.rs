//! `report`: capacity now, or before and after changes.

mod table;

use std::str::FromStr;

use crate::capacity::{AllocationAudit, CapacityReport, forecast};
use crate::inventory::{Change, Inventory, Operation, PendingChanges};
use crate::net::Cidr;
use crate::policy::Policy;

use crate::api::{ForecastDocument, Report};
use crate::cli::exit::Exit;
use crate::cli::support::input::{InventoryWithPolicyArgs, ReadNodes};
use crate::cli::support::output;
use crate::cli::support::output::{Encoding, TableWidth};
use crate::cli::support::output_args::{OutputArgs, OutputFormat};
use crate::page::{Origin, PageDocument, html};
use crate::text::percent;
use table::Style;

/// Report IP capacity: usable, used and free addresses, now or before and after changes.
///
/// An address is used if an IPAddress exists for it, whatever its parent. Addresses of nested and equal CIDRs are
/// counted once. ServiceCIDRs that are not ready, terminating or without allocatable addresses don't count.
///
/// Exit code: 0 success, 1 less is free than --fail-below, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard report -f cluster.json
  servicecidr-guard report -f cluster.json -o html > page.html
  servicecidr-guard report -f cluster.json --add team-a=10.97.0.0/24 --fail-below 5%
  kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json | servicecidr-guard report -f -")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: InventoryWithPolicyArgs,

    #[command(flatten)]
    output: OutputArgs<ReportFormat>,

    /// Also print table rows of IP families that the cluster doesn't have
    #[arg(long)]
    all_families: bool,

    /// Preview the creation of this ServiceCIDR, or the addition of these CIDRs to it; repeatable
    #[arg(long, value_name = "NAME=CIDR[,CIDR]")]
    add: Vec<Addition>,

    /// Preview the deletion of this ServiceCIDR; repeatable
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,

    /// Warn if less than this share of a configured family is free, for example 20%
    #[arg(long, value_name = "PERCENT")]
    warn_below: Option<Share>,

    /// Exit with code 1 if less than this share of a configured family is free, for example 5%
    #[arg(long, value_name = "PERCENT")]
    fail_below: Option<Share>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ReportFormat {
    /// Human-readable
    Table,
    /// Human-readable, with more columns
    Wide,
    /// Machine-readable; counts are decimal strings, because they can exceed 2^64
    Json,
    /// Machine-readable, as YAML
    Yaml,
    /// A web page that draws the address space: one self-contained file
    Html,
}

impl OutputFormat for ReportFormat {
    const HELP: &'static str = "How to print the report";

    fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Table | Self::Wide | Self::Html => None,
            Self::Json => Some(Encoding::Json),
            Self::Yaml => Some(Encoding::Yaml),
        }
    }
}

/// `NAME=CIDR[,CIDR]`.
#[derive(Clone, Debug)]
struct Addition {
    name: String,
    cidrs: Vec<String>,
}

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug)]
struct Share(f64);

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    // The web page shows pod CIDRs too.
    let nodes = if args.output.format == ReportFormat::Html { ReadNodes::Yes } else { ReadNodes::No };
    let (state, policy) = args.source.read(nodes)?;
    let inventory = &state.inventory;
    let changes = changes(inventory, &args.add, &args.remove)?;
    let reported = if changes.is_empty() {
        let report = CapacityReport::for_inventory(inventory);
        args.print(inventory, policy.as_ref(), &report)?;
        report
    } else {
        let forecast = forecast(inventory, &changes);
        let before = CapacityReport::for_inventory(inventory);
        let after = CapacityReport::for_view(&PendingChanges::from_changes(inventory, &changes).view(inventory));
        let document = || ForecastDocument::new(&before, &after, &forecast);
        match (args.output.encoding(), args.output.format) {
            (Some(encoding), _) => output::document("CapacityForecast", document(), encoding)?,
            (None, ReportFormat::Html) => {
                return Err(Exit::input("-o html shows the current state: drop --add and --remove")
                    .with_hint("the web page of a running webhook previews changes"));
            }
            (None, _) => output::print(&table::before_and_after(&args.style(), &after, &forecast)),
        }
        after
    };
    state.ensure_complete()?;
    args.check_thresholds(&reported)
}

impl Args {
    fn print(&self, inventory: &Inventory, policy: Option<&Policy>, report: &CapacityReport) -> Result<(), Exit> {
        let survey = AllocationAudit::for_inventory(inventory);
        match (self.output.encoding(), self.output.format) {
            (Some(encoding), _) => output::document("CapacityReport", Report::new(report, Some(&survey)), encoding)?,
            (None, ReportFormat::Html) => {
                let page = PageDocument::new(inventory, policy, report, &survey);
                let (page, _) = html(&page, Origin::File).map_err(Exit::io)?;
                output::print(&page);
            }
            (None, _) => output::print(&table::now(&self.style(), report, &survey)),
        }
        Ok(())
    }

    /// How tables are printed.
    fn style(&self) -> Style {
        let is_wide = self.output.format == ReportFormat::Wide;
        let width = if is_wide { TableWidth::Unlimited } else { TableWidth::of_terminal() };
        Style { header: self.output.header(), width, all_families: self.all_families }
    }

    /// Checks `--warn-below` and `--fail-below`.
    fn check_thresholds(&self, report: &CapacityReport) -> Result<(), Exit> {
        let mut failed = Vec::new();
        for family in report.families.iter().filter(|family| family.is_configured) {
            let free = family.percent_free().unwrap_or(0.0);
            let said = format!("{}: {} of the addresses free", family.family, percent(Some(free)));
            match (self.fail_below, self.warn_below) {
                (Some(limit), _) if free < limit.0 => failed.push(format!("{said}, less than {}%", limit.0)),
                (_, Some(limit)) if free < limit.0 => {
                    output::message(&format!("warning: {said}, less than {}%", limit.0));
                }
                _ => {}
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(Exit::findings(failed.join("; "))) }
    }
}

fn changes(inventory: &Inventory, add: &[Addition], remove: &[String]) -> Result<Vec<Change>, Exit> {
    let mut changes = Vec::new();
    for addition in add {
        if remove.contains(&addition.name) {
            return Err(Exit::input(format!("--add and --remove both name {}", addition.name)));
        }
        let old: Vec<String> = inventory
            .service_cidr(&addition.name)
            .map(|current| current.cidrs.iter().map(Cidr::to_string).collect())
            .unwrap_or_default();
        let operation = if old.is_empty() { Operation::Create } else { Operation::Update };
        let new: Vec<String> = old.iter().chain(&addition.cidrs).cloned().collect();
        let change = Change::diff(operation, &addition.name, &old, &new);
        if let Some(fault) = change.errors.first() {
            let violation = crate::policy::Violation::Invalid(fault.clone());
            return Err(Exit::input(format!("--add {}: {violation}", addition.name)));
        }
        changes.push(change);
    }
    for name in remove {
        if inventory.service_cidr(name).is_none() {
            return Err(Exit::input(format!("--remove {name}: no such ServiceCIDR was read")));
        }
        changes.push(Change::diff(Operation::Delete, name, &[], &[]));
    }
    Ok(changes)
}

impl FromStr for Addition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, cidrs) = text.split_once('=').ok_or("write it as NAME=CIDR or NAME=CIDR,CIDR")?;
        if name.is_empty() || cidrs.is_empty() {
            return Err("write it as NAME=CIDR or NAME=CIDR,CIDR".to_owned());
        }
        Ok(Self { name: name.to_owned(), cidrs: cidrs.split(',').map(str::to_owned).collect() })
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| "write it as 20%".to_owned())?;
        if (0.0..=100.0).contains(&number) { Ok(Self(number)) } else { Err("from 0% to 100%".to_owned()) }
    }
}
