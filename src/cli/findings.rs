//! What `check` and `scan` found, and how they print it.

mod github;
mod sarif;
mod table;

use std::collections::HashSet;
use std::rc::Rc;

use crate::api::{CheckFinding, CheckReport, CheckResult};
use crate::diagnostic::Diagnostic;
use crate::policy::{Alternative, Exemption, Finding, RuleId, ValidationAction, ValidationActions, Verdict};
use crate::text::escape_line;

use super::output::Encoding;
use super::table::Header;
use super::{Failure, output};

/// How findings are printed, and what warnings make of the exit code.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// How to print the result
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,

    /// Print tables without their header
    #[arg(long)]
    no_headers: bool,

    /// The exit code where something is warned of and nothing denied
    #[arg(long, value_name = "N", default_value_t = 0)]
    warn_exit_code: u8,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: a line a ServiceCIDR, then each finding with its place
    Table,
    /// A line a finding
    Wide,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// The names of what is denied, as kubectl takes them
    Name,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, which GitHub Actions shows at the lines of a pull request
    Github,
}

/// What was found in one ServiceCIDR.
pub(super) struct Judged {
    /// The file that it stands in.
    pub file: Rc<str>,
    /// Line and column, where it has any.
    pub at: Option<(u64, u64)>,
    /// Its name, safe to print.
    pub name: String,
    /// Whether it gives addresses, of one that is stored.
    pub state: Option<&'static str>,
    /// Why no rule may deny it.
    pub exemption: Option<Exemption>,
    /// What was found.
    pub found: Vec<Found>,
}

/// One finding.
pub(super) struct Found {
    pub rule: RuleId,
    pub actions: ValidationActions,
    pub field: String,
    /// The sentence without its field.
    pub message: String,
    pub alternative: Option<Alternative>,
    /// The same for people, with its place.
    pub diagnostic: Diagnostic,
}

/// What follows for one ServiceCIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Denied,
    Warned,
    Exempt,
    Allowed,
}

/// What follows from one finding.
#[derive(Clone, Copy)]
enum Level {
    Denied,
    Warned,
    Audited,
}

impl Found {
    /// The findings of a verdict. `place` puts the sentence about a field where it belongs.
    pub fn all(verdict: &Verdict, place: impl Fn(&str, String) -> Diagnostic) -> Vec<Self> {
        verdict.findings.iter().map(|finding| Self::one(verdict, finding, &place)).collect()
    }

    fn one(verdict: &Verdict, finding: &Finding, place: impl Fn(&str, String) -> Diagnostic) -> Self {
        let violation = &finding.violation;
        let field = violation.field();
        let of_field = |alternative: &&Alternative| field == format!("spec.cidrs[{}]", alternative.index);
        // One a CIDR: with the first finding that it answers.
        let is_first = verdict.findings.iter().find(|other| other.actions.deny() && other.violation.field() == field);
        let is_first = is_first.is_some_and(|first| std::ptr::eq(first, finding));
        let alternative = verdict.alternatives.iter().find(of_field).copied().filter(|_| is_first);
        let mut diagnostic = place(&field, violation.to_string());
        diagnostic.hint = alternative.map(|alternative| alternative.to_string());
        Self {
            rule: violation.rule(),
            actions: finding.actions,
            message: violation.message(),
            field,
            alternative,
            diagnostic,
        }
    }
}

impl Judged {
    fn outcome(&self) -> Outcome {
        let any = |action: fn(ValidationActions) -> bool| self.found.iter().any(|found| action(found.actions));
        if self.exemption.is_none() && any(ValidationActions::deny) {
            Outcome::Denied
        } else if any(ValidationActions::warn) {
            Outcome::Warned
        } else if self.exemption == Some(Exemption::DefaultServiceCidr) {
            Outcome::Exempt
        } else {
            Outcome::Allowed
        }
    }

    fn level(&self, found: &Found) -> Level {
        if found.actions.deny() && self.exemption.is_none() {
            Level::Denied
        } else if found.actions.warn() {
            Level::Warned
        } else {
            Level::Audited
        }
    }

    fn source(&self) -> String {
        place(&self.file, self.found.first().map_or(self.at, |found| found.diagnostic.at))
    }

    fn document(&self) -> CheckResult {
        CheckResult {
            source: self.source(),
            name: self.name.clone(),
            state: self.state,
            allowed: self.outcome() != Outcome::Denied,
            exemption: self.exemption.map(Exemption::id),
            findings: self.found.iter().map(|found| found.document(&self.file)).collect(),
        }
    }
}

impl Found {
    /// A sentence of this finding, and what could stand in place of its CIDR.
    fn with_hint(&self, sentence: &str) -> String {
        match &self.diagnostic.hint {
            Some(hint) => format!("{sentence}; {hint}"),
            None => sentence.to_owned(),
        }
    }

    fn document(&self, file: &str) -> CheckFinding {
        CheckFinding {
            rule: self.rule.as_str(),
            actions: actions(self.actions),
            field: self.field.clone(),
            message: self.message.clone(),
            source: place(file, self.diagnostic.at),
            alternative: self.alternative.map(|alternative| alternative.cidr.to_string()),
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Warned => "warned",
            Self::Exempt => "exempt",
            Self::Allowed => "allowed",
        }
    }
}

/// A name that a program can take back and a terminal can take: one that Kubernetes takes stands as it is.
pub(super) fn name(text: &str) -> String {
    escape_line(text)
}

/// What was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Manifests,
    Cluster,
}

/// Prints what was found, and ends as that asks for.
pub(super) fn end(args: &Args, judged: Of, all: &[Judged]) -> Result<(), Failure> {
    let header = Header::unless(args.no_headers);
    match args.output {
        Format::Table => output::data(&table::narrow(all, header)),
        Format::Wide => output::data(&table::wide(all, header)),
        Format::Json => report(judged, all, Encoding::Json)?,
        Format::Yaml => report(judged, all, Encoding::Yaml)?,
        Format::Name => output::data(&names(all)),
        Format::Sarif => output::data(&sarif::log(all)?),
        Format::Github => output::data(&github::commands(all)),
    }
    let said = summary(all);
    let has = |outcome| all.iter().any(|judged| judged.outcome() == outcome);
    if has(Outcome::Denied) {
        Err(Failure::finding(said))
    } else if has(Outcome::Warned) && args.warn_exit_code != 0 {
        Err(Failure::finding(said).with_code(args.warn_exit_code))
    } else {
        output::talk(&said);
        Ok(())
    }
}

fn report(judged: Of, all: &[Judged], encoding: Encoding) -> Result<(), Failure> {
    let report = CheckReport { results: all.iter().map(Judged::document).collect() };
    match judged {
        Of::Manifests => output::document("CheckReport", report, encoding),
        Of::Cluster => output::document("ScanReport", report, encoding),
    }
}

fn names(all: &[Judged]) -> String {
    let denied = all.iter().filter(|judged| judged.outcome() == Outcome::Denied);
    let mut seen = HashSet::new();
    let names = denied.map(|judged| judged.name.as_str()).filter(|name| seen.insert(*name));
    names.flat_map(|name| ["servicecidr.networking.k8s.io/", name, "\n"]).collect()
}

fn summary(all: &[Judged]) -> String {
    let outcomes = [Outcome::Denied, Outcome::Warned, Outcome::Exempt, Outcome::Allowed];
    let counts = outcomes.map(|outcome| (all.iter().filter(|judged| judged.outcome() == outcome).count(), outcome));
    let said = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = said.map(|(count, outcome)| format!("{count} {}", outcome.word())).collect();
    if said.is_empty() { "no ServiceCIDR was judged".to_owned() } else { said.join(", ") }
}

fn place(file: &str, at: Option<(u64, u64)>) -> String {
    let file = escape_line(file);
    at.map_or(file.clone(), |(line, column)| format!("{file}:{line}:{column}"))
}

fn actions(actions: ValidationActions) -> Vec<String> {
    let all = [
        (actions.deny(), ValidationAction::Deny),
        (actions.warn(), ValidationAction::Warn),
        (actions.audit(), ValidationAction::Audit),
    ];
    all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, action)| action.to_string()).collect()
}
