//! The commands: arguments, outcome, exit code.

mod commands;
mod exit;
mod support;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use commands::{
    certs, check, completion, explain, export, init, overlaps, probe, report, scan, schema, serve, simulate, suggest,
};
use support::plugin::{self, Invocation};
use support::{complete, output};

/// Guards the ServiceCIDRs of a Kubernetes cluster: a validating admission webhook, and capacity reports.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands. Each has its own arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Report(report::Args),
    Overlaps(overlaps::Args),
    Simulate(simulate::Args),
    Explain(explain::Args),
    Suggest(suggest::Args),
    Init(init::Args),
    Check(check::Args),
    Scan(scan::Args),
    Probe(probe::Args),
    Export(export::Args),
    Certs(certs::Args),
    Schema(schema::Args),
    Completion(completion::Args),
}

/// Runs the program under its name, or as a plugin of kubectl. The first argument is that name.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let invocation = plugin::invocation(&arguments);
    let command = plugin::command(Args::command(), invocation);
    if invocation == Invocation::KubectlCompletion {
        complete::print(command, arguments.get(1..).unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    match Args::from_arg_matches(&command.get_matches_from(arguments)) {
        Ok(args) => run(args),
        Err(error) => error.exit(),
    }
}

/// Runs a command. Exit codes: 0 success, 1 denied or findings, 2 usage or input, 3 cluster or I/O.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    let outcome = match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Report(args) => report::run(&args),
        Command::Overlaps(args) => overlaps::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Suggest(args) => suggest::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Certs(args) => certs::run(&args),
        Command::Completion(args) => completion::run(&args, Args::command()),
        Command::Schema(args) => {
            schema::run(&args);
            Ok(())
        }
    };
    output::exit_code(outcome)
}
