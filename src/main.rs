//! The program: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use servicecidr_guard::cli;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
