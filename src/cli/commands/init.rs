//! `init`: a first policy, drafted from what a cluster holds.

use crate::config;

use crate::cli::exit::Exit;
use crate::cli::support::input::{InventoryArgs, ReadNodes};
use crate::cli::support::output;

/// Draft a policy from what a cluster holds: its ServiceCIDRs, its IP families, its Nodes, what looks reserved.
///
/// Every line says where it comes from, and every validation action is Warn: the draft denies nothing. Names that a
/// person chose stand in comments alone.
///
/// Exit code: 2 for bad input, 3 if what is read can't be, else 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard init -f cluster.json > draft.yaml")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let state = args.inventory.read(None, ReadNodes::Yes)?;
    output::print(&config::draft(&state.inventory));
    state.ensure_complete()
}
