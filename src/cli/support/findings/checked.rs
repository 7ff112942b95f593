//! `CheckedObject`: the outcome and the findings of one ServiceCIDR.

use std::rc::Rc;

use crate::api::{CheckFinding, CheckResult};
use crate::diagnostic::Diagnostic;
use crate::policy::{Alternative, Exemption, Finding, RuleId, ValidationAction, ValidationActions, Verdict};
use crate::text::escape_line;

/// The findings of one ServiceCIDR.
pub(in crate::cli) struct CheckedObject {
    /// The name of its file.
    pub file: Rc<str>,
    /// Line and column, if known.
    pub at: Option<(u64, u64)>,
    /// The name, safe to print.
    pub name: String,
    /// Whether it has allocatable addresses; only for a stored ServiceCIDR.
    pub state: Option<&'static str>,
    /// Why it is exempt from the rules.
    pub exemption: Option<Exemption>,
    /// The findings.
    pub found: Vec<CheckedFinding>,
}

/// A finding of one ServiceCIDR.
pub(in crate::cli) struct CheckedFinding {
    pub rule: RuleId,
    pub actions: ValidationActions,
    pub field: String,
    /// The message without its field.
    pub message: String,
    pub alternative: Option<Alternative>,
    /// The human-readable message, with its position.
    pub diagnostic: Diagnostic,
}

/// The outcome for one ServiceCIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Denied,
    Warned,
    Exempt,
    Allowed,
}

/// The severity of one finding.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Denied,
    Warned,
    Audited,
}

impl CheckedFinding {
    /// The findings of a verdict. `place` returns the position of a field.
    pub fn all(verdict: &Verdict, place: impl Fn(&str, String) -> Diagnostic) -> Vec<Self> {
        verdict.findings.iter().map(|finding| Self::one(verdict, finding, &place)).collect()
    }

    fn one(verdict: &Verdict, finding: &Finding, place: impl Fn(&str, String) -> Diagnostic) -> Self {
        let violation = &finding.violation;
        let field = violation.field();
        let of_field = |alternative: &&Alternative| field == format!("spec.cidrs[{}]", alternative.index);
        // One per CIDR: with the first finding that it resolves.
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

impl CheckedObject {
    pub(super) fn outcome(&self) -> Outcome {
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

    pub(super) fn level(&self, found: &CheckedFinding) -> Level {
        if found.actions.deny() && self.exemption.is_none() {
            Level::Denied
        } else if found.actions.warn() {
            Level::Warned
        } else {
            Level::Audited
        }
    }

    pub(super) fn source(&self) -> String {
        place(&self.file, self.found.first().map_or(self.at, |found| found.diagnostic.at))
    }

    pub(super) fn document(&self) -> CheckResult {
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

impl CheckedFinding {
    /// The message of the finding, and the alternative to its CIDR.
    pub(super) fn with_hint(&self, sentence: &str) -> String {
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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Warned => "warned",
            Self::Exempt => "exempt",
            Self::Allowed => "allowed",
        }
    }
}

pub(super) fn place(file: &str, at: Option<(u64, u64)>) -> String {
    let file = escape_line(file);
    at.map_or(file.clone(), |(line, column)| format!("{file}:{line}:{column}"))
}

pub(super) fn actions(actions: ValidationActions) -> Vec<String> {
    let all = [
        (actions.deny(), ValidationAction::Deny),
        (actions.warn(), ValidationAction::Warn),
        (actions.audit(), ValidationAction::Audit),
    ];
    all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, action)| action.to_string()).collect()
}
