//! `completion`: completion scripts for shells.

use clap::Command;
use clap_complete::Shell;

use crate::cli::exit::Exit;
use crate::cli::support::output;

/// Print the completion script for a shell.
///
/// kubectl completes `kubectl servicecidr` itself if `kubectl_complete-servicecidr` is on the PATH.
///
/// Exit code: 0 success, 2 invalid input.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard completion bash > servicecidr-guard.bash")]
pub(in crate::cli) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for `command`, which is the complete command line.
pub(in crate::cli) fn run(args: &Args, mut command: Command) -> Result<(), Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "servicecidr-guard", &mut script);
    output::print(&String::from_utf8(script).map_err(Exit::io)?);
    Ok(())
}
