//! `init`: a first policy, drafted from what a cluster holds.

use crate::config;

use super::input::{Holdings, Nodes};
use super::{Failure, output};

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
pub(super) struct Args {
    #[command(flatten)]
    holdings: Holdings,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let state = args.holdings.read(None, Nodes::Wanted)?;
    output::data(&config::draft(&state.inventory));
    state.end()
}
