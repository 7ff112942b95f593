//! `explain`: one ServiceCIDR, or one address.

mod address;
mod service_cidr;

use std::net::IpAddr;

use crate::cli::exit::Exit;
use crate::cli::support::complete::SERVICE_CIDR_OR_IP;
use crate::cli::support::input;

pub(in crate::cli) use address::AddressExplanation;
pub(in crate::cli) use service_cidr::ServiceCidrExplanation;

/// Explain a ServiceCIDR: its addresses, its overlaps, the effect of deleting it, and why its deletion is stuck. Or an
/// address: which ServiceCIDRs contain it, in which band it is, and what uses it.
///
/// Exit code: 0 success, 2 invalid input or an unknown name, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard explain kubernetes -f cluster.json
  servicecidr-guard explain 10.96.0.10 -f cluster.json")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    input: input::Args,

    /// The name of a ServiceCIDR, or an IP address
    #[arg(value_name = SERVICE_CIDR_OR_IP)]
    what: String,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let state = args.input.read()?;
    // A ServiceCIDR may have an address as its name; then the name wins.
    match (state.inventory.service_cidr(&args.what), args.what.parse::<IpAddr>()) {
        (Some(service_cidr), _) => service_cidr::explain(&args.input, &state.inventory, service_cidr)?,
        (None, Ok(address)) => address::explain(&args.input, &state.inventory, address)?,
        (None, Err(_)) => {
            let names: Vec<&str> = state.inventory.service_cidrs().map(|it| it.name.as_str()).take(10).collect();
            return Err(Exit::input(format!("{}: neither an address nor a ServiceCIDR that was read", args.what))
                .with_hint(format!("known ServiceCIDRs: {}", names.join(", "))));
        }
    }
    state.ensure_complete()
}
