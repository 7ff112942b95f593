//! The commands: arguments, outcome, exit code.

mod certs;
mod check;
mod cluster;
mod complete;
mod dev;
mod explain;
mod export;
mod findings;
mod init;
mod input;
mod output;
mod overlaps;
mod plugin;
mod policy;
mod probe;
mod report;
mod scan;
mod schema;
mod serve;
mod simulate;
mod sources;
mod suggest;
mod table;

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use clap::{FromArgMatches as _, Parser, Subcommand};

use plugin::Called;

/// Guards the ServiceCIDRs of a Kubernetes cluster: a validating admission webhook, and a report of what is left.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What each does is said by its own arguments.
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
    Completion(complete::Args),
}

/// How a command failed.
#[derive(Debug)]
struct Failure {
    /// 1 findings, 2 usage or input, 3 cluster or I/O.
    code: u8,
    message: String,
    hint: Option<String>,
    /// Whether it is what was asked for, and no mistake.
    is_finding: bool,
}

/// Runs the program as it was called: by its own name, or as a plugin of kubectl. The first argument is that name.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let called = plugin::called(&arguments);
    if called == Called::ToComplete {
        complete::print(arguments.get(1..).unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    match Args::from_arg_matches(&plugin::command(called).get_matches_from(arguments)) {
        Ok(args) => run(args),
        Err(error) => error.exit(),
    }
}

/// Runs a command. Exit codes: 0 clean, 1 denied or findings, 2 usage or input, 3 cluster or I/O.
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
        Command::Completion(args) => complete::run(&args),
        Command::Schema(args) => {
            schema::run(&args);
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(finding) if finding.is_finding => {
            if !finding.message.is_empty() {
                output::talk(&finding.message);
            }
            ExitCode::from(finding.code)
        }
        Err(failure) => {
            output::failure(&failure.message, failure.hint.as_deref());
            ExitCode::from(failure.code)
        }
    }
}

impl Failure {
    /// Not a mistake: what was asked is so, and the exit code says it too.
    fn finding(said: impl Display) -> Self {
        Self { code: 1, message: format!("{said}"), hint: None, is_finding: true }
    }

    fn input(error: impl Display) -> Self {
        Self { code: 2, message: format!("{error:#}"), hint: None, is_finding: false }
    }

    fn io(error: impl Display) -> Self {
        Self { code: 3, message: format!("{error:#}"), hint: None, is_finding: false }
    }

    fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
