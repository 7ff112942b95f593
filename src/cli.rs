//! The commands: arguments, outcome, exit code.

mod certs;
mod dev;
mod output;
mod serve;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Guards the ServiceCIDRs of a Kubernetes cluster: a validating admission webhook.
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
    /// Write a private CA and a serving certificate, for trying and for tests
    Certs(certs::Args),
    /// Print the JSON Schema of the policy file
    Schema,
}

/// How a command failed.
#[derive(Debug)]
struct Failure {
    /// 2 usage or input, 3 cluster or I/O.
    code: u8,
    message: String,
    hint: Option<String>,
}

/// Runs a command. Exit codes: 0 clean, 2 usage or input, 3 cluster or I/O.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    let outcome = match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Certs(args) => certs::run(&args),
        Command::Schema => {
            output::data(&crate::config::schema());
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure.message, failure.hint.as_deref());
            ExitCode::from(failure.code)
        }
    }
}

impl Failure {
    fn input(error: impl Display) -> Self {
        Self { code: 2, message: format!("{error:#}"), hint: None }
    }

    fn io(error: impl Display) -> Self {
        Self { code: 3, message: format!("{error:#}"), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
