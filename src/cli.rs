//! The commands: arguments, outcome, exit code.

mod certs;
mod check;
mod dev;
mod explain;
mod export;
mod findings;
mod input;
mod output;
mod overlaps;
mod policy;
mod probe;
mod report;
mod scan;
mod serve;
mod simulate;
mod sources;
mod table;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Guards the ServiceCIDRs of a Kubernetes cluster: a validating admission webhook, and a report of what is left.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer AdmissionReviews of kube-apiserver over TLS
    Serve(serve::Args),
    /// Report what is usable, used and free, now or before and after changes
    Report(report::Args),
    /// List every pair of CIDRs that share addresses
    Overlaps(overlaps::Args),
    /// Find out whether more Services fit
    Simulate(simulate::Args),
    /// Explain a ServiceCIDR or an address
    Explain(explain::Args),
    /// Judge manifests by a policy before they are applied
    Check(check::Args),
    /// Judge what a cluster already holds by a policy
    Scan(scan::Args),
    Probe(probe::Args),
    Export(export::Args),
    /// Write a private CA and a serving certificate, for trying and for tests
    Certs(certs::Args),
    /// Print the JSON Schema of the policy file
    Schema,
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

/// Runs a command. Exit codes: 0 clean, 1 denied or findings, 2 usage or input, 3 cluster or I/O.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    let outcome = match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Report(args) => report::run(&args),
        Command::Overlaps(args) => overlaps::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Certs(args) => certs::run(&args),
        Command::Schema => {
            output::data(&crate::config::schema());
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
