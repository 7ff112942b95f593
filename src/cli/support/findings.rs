//! The findings of `check` and `scan`, and their output.

mod checked;
mod github;
mod sarif;
mod table;

use std::collections::HashSet;

use crate::api::CheckReport;

use crate::cli::exit::Exit;
use crate::cli::support::output;
use crate::cli::support::output::Encoding;
use crate::cli::support::output_args::{OutputArgs, OutputFormat};
use crate::text::escape_line;
use checked::Outcome;
pub(in crate::cli) use checked::{CheckedFinding, CheckedObject};

/// The output of findings, and the exit code for warnings.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    output: OutputArgs<FindingsFormat>,

    /// The exit code if there are warnings and no denials
    #[arg(long, value_name = "N", default_value_t = 0)]
    warn_exit_code: u8,
}

/// The output formats of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FindingsFormat {
    /// Human-readable: one line per ServiceCIDR, then each finding with its position
    Table,
    /// One line per finding
    Wide,
    /// Machine-readable
    Json,
    /// Machine-readable, as YAML
    Yaml,
    /// The denied objects, as TYPE/NAME for kubectl
    Name,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands: GitHub Actions annotates the lines of a pull request
    Github,
}

/// A name that is safe for terminals and readable by programs: a valid Kubernetes name is unchanged.
pub(in crate::cli) fn name(text: &str) -> String {
    escape_line(text)
}

/// The kind of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum ReportKind {
    Check,
    Scan,
}

impl OutputFormat for FindingsFormat {
    fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Json => Some(Encoding::Json),
            Self::Yaml => Some(Encoding::Yaml),
            Self::Table | Self::Wide | Self::Name | Self::Sarif | Self::Github => None,
        }
    }
}

/// Prints the findings, and returns the exit code.
pub(in crate::cli) fn print_and_exit(args: &Args, kind: ReportKind, all: &[CheckedObject]) -> Result<(), Exit> {
    match (args.output.encoding(), args.output.format) {
        (Some(encoding), _) => report(kind, all, encoding)?,
        (None, FindingsFormat::Wide) => output::print(&table::wide(all, args.output.header())),
        (None, FindingsFormat::Name) => output::print(&names(all)),
        (None, FindingsFormat::Sarif) => output::print(&sarif::log(all)?),
        (None, FindingsFormat::Github) => output::print(&github::commands(all)),
        (None, _) => output::print(&table::narrow(all, args.output.header())),
    }
    let message = summary(all);
    let has = |outcome| all.iter().any(|checked| checked.outcome() == outcome);
    if has(Outcome::Denied) {
        Err(Exit::findings(message))
    } else if has(Outcome::Warned) && args.warn_exit_code != 0 {
        Err(Exit::Findings { code: args.warn_exit_code, message })
    } else {
        output::message(&message);
        Ok(())
    }
}

fn report(kind: ReportKind, all: &[CheckedObject], encoding: Encoding) -> Result<(), Exit> {
    let report = CheckReport { results: all.iter().map(CheckedObject::document).collect() };
    match kind {
        ReportKind::Check => output::document("CheckReport", report, encoding),
        ReportKind::Scan => output::document("ScanReport", report, encoding),
    }
}

fn names(all: &[CheckedObject]) -> String {
    let denied = all.iter().filter(|checked| checked.outcome() == Outcome::Denied);
    let mut seen = HashSet::new();
    let names = denied.map(|checked| checked.name.as_str()).filter(|name| seen.insert(*name));
    names.flat_map(|name| ["servicecidr.networking.k8s.io/", name, "\n"]).collect()
}

fn summary(all: &[CheckedObject]) -> String {
    let outcomes = [Outcome::Denied, Outcome::Warned, Outcome::Exempt, Outcome::Allowed];
    let counts = outcomes.map(|outcome| (all.iter().filter(|checked| checked.outcome() == outcome).count(), outcome));
    let parts = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, outcome)| format!("{count} {}", outcome.word())).collect();
    if parts.is_empty() { "no ServiceCIDR was evaluated".to_owned() } else { parts.join(", ") }
}
