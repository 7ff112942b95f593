//! `simulate`: simulates whether more Services fit.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::{AllocateError, Allocator};
use crate::net::{AddressRange, IpFamily};

use crate::api::Count;
use crate::cli::exit::Exit;
use crate::cli::support::input;
use crate::cli::support::output;
use crate::cli::support::table::{Align, Table};
use crate::text::{plural, thousands};

/// Simulate the allocation of ClusterIPs for more Services, as kube-apiserver allocates.
///
/// kube-apiserver tries its ranges in random order and starts at a random address. The seed replaces that
/// randomness: the same seed gives the same addresses. How many Services fit doesn't depend on it.
///
/// Exit code: 0 all fit, 1 not all fit, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard simulate -f cluster.json --services 100
  servicecidr-guard simulate -f cluster.json --services 300 -o json")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    input: input::Args,

    /// Number of Services to create, 1 to 1,000,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    services: u32,

    /// The IP families of each Service
    #[arg(long, value_enum, default_value = "IPv4")]
    family: FamilySelection,

    /// Seed for the order of ranges and the first address tried
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,
}

/// The IP families of each Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FamilySelection {
    Single(IpFamily),
    Dual,
}

/// `kind: Simulation`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Simulation {
    services: u32,
    fit: u32,
    seed: u64,
    families: Vec<Outcome>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(serialize_with = "name")]
    #[schemars(with = "String")]
    family: IpFamily,
    allocated: u32,
    /// The number of these addresses that are in a static band.
    from_static_band: u32,
    first: Option<String>,
    last: Option<String>,
    free_after: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let state = args.input.read()?;
    let simulation = simulate(args, &state.inventory.view());
    match args.input.output.encoding() {
        Some(encoding) => output::document("Simulation", &simulation, encoding)?,
        None => output::print(&text(args, &simulation)),
    }
    state.ensure_complete()?;
    if simulation.fit == simulation.services {
        return Ok(());
    }
    // The printed result has the number of Services that fit.
    Err(Exit::findings(""))
}

fn simulate(args: &Args, view: &crate::inventory::View<'_>) -> Simulation {
    let bands: Vec<AddressRange> =
        view.allocatable_ranges().into_iter().filter_map(crate::net::UsableRange::static_band).collect();
    let mut allocator = Allocator::new(view, args.seed);
    let families = IpFamily::value_variants().iter().copied();
    let mut outcomes: Vec<Outcome> = families
        .filter(|family| [FamilySelection::Single(*family), FamilySelection::Dual].contains(&args.family))
        .map(|family| Outcome {
            family,
            allocated: 0,
            from_static_band: 0,
            first: None,
            last: None,
            free_after: Count(0),
            error: None,
        })
        .collect();
    let mut fit = 0;
    while fit < args.services {
        let mut allocated = Vec::new();
        for outcome in &mut outcomes {
            match allocator.allocate_next(outcome.family) {
                Ok(address) => allocated.push(address),
                Err(error) => outcome.error = Some(AllocateError::to_string(&error)),
            }
        }
        if allocated.len() < outcomes.len() {
            // A Service without one of its addresses is not created, and its other address is released.
            for address in allocated {
                allocator.release(address);
            }
            break;
        }
        fit += 1;
        for (outcome, address) in outcomes.iter_mut().zip(allocated) {
            outcome.allocated += 1;
            outcome.from_static_band += u32::from(bands.iter().any(|band| band.contains(address)));
            outcome.first.get_or_insert_with(|| address.to_string());
            outcome.last = Some(address.to_string());
        }
    }
    for outcome in &mut outcomes {
        let usable = view.usable(outcome.family);
        outcome.free_after = Count(usable.ranges().iter().map(|range| allocator.free_in(*range)).sum());
    }
    Simulation { services: args.services, fit, seed: args.seed, families: outcomes }
}

fn text(args: &Args, simulation: &Simulation) -> String {
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("ALLOCATED", Align::Right),
        ("FROM STATIC BAND", Align::Right),
        ("FREE AFTER", Align::Right),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
        ("THEN", Align::Left),
    ]);
    for outcome in &simulation.families {
        table.row([
            outcome.family.to_string(),
            thousands(u128::from(outcome.allocated)),
            thousands(u128::from(outcome.from_static_band)),
            thousands(outcome.free_after.0),
            outcome.first.clone().unwrap_or_else(|| "-".to_owned()),
            outcome.last.clone().unwrap_or_else(|| "-".to_owned()),
            outcome.error.clone().unwrap_or_default(),
        ]);
    }
    let (fit, wanted) = (u128::from(simulation.fit), u128::from(simulation.services));
    let last = if fit == wanted {
        format!("{} more {}", thousands(wanted), plural(wanted, "Service fits", "Services fit"))
    } else {
        format!("{} of {} more Services fit, then: range is full", thousands(fit), thousands(wanted))
    };
    format!("{}\n{last}\n", table.render(args.input.output.header()))
}

impl ValueEnum for FamilySelection {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Single(IpFamily::IPv4), Self::Single(IpFamily::IPv6), Self::Dual]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Single(family) => family.to_possible_value(),
            Self::Dual => Some(PossibleValue::new("dual").help("One of each")),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn name<S: serde::Serializer>(family: &IpFamily, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(family)
}
