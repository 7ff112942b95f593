//! `init`: drafts a policy from a cluster.

use crate::config;

use crate::cli::exit::Exit;
use crate::cli::support::input::{InventoryArgs, ReadNodes};
use crate::cli::support::output;

/// Draft a policy from a cluster: its ServiceCIDRs, IP families, Nodes and networks that look reserved.
///
/// Each line of the draft names its origin. Every validation action is Warn: the draft denies nothing. Names of
/// objects appear only in comments.
///
/// Exit code: 0 success, 2 invalid input, 3 cluster or I/O error.
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
