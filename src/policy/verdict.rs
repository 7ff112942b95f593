//! `Verdict`: what was found, and whether the request is allowed.

use super::{Alternative, ValidationActions, Violation};

/// The outcome of [`evaluate`](super::evaluate).
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why the rules did not apply, if they didn't.
    pub exemption: Option<Exemption>,
    /// What was found, most severe kind of rule first.
    pub findings: Vec<Finding>,
    /// What could stand in place of CIDRs that are refused for where they lie.
    pub alternatives: Vec<Alternative>,
}

/// One violation, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What follows.
    pub actions: ValidationActions,
    /// What is violated.
    pub violation: Violation,
}

/// Why no rule may deny a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// It is about the ServiceCIDR `kubernetes`.
    DefaultServiceCidr,
    /// It can only change the status.
    Status,
    /// It leaves `spec.cidrs` as it is.
    Unchanged,
}

impl Verdict {
    /// Nothing found: the rules don't apply.
    pub fn exempt(exemption: Exemption) -> Self {
        Self { exemption: Some(exemption), findings: Vec::new(), alternatives: Vec::new() }
    }

    /// Whether the request is let through: no finding denies it, or none may.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.denials().next().is_none()
    }

    /// The violations that the request is refused for.
    pub fn denials(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::deny).filter(|_| self.exemption.is_none())
    }

    /// The violations that its sender is warned of.
    pub fn warnings(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::warn)
    }

    /// The violations that the audit event names.
    pub fn audits(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::audit)
    }

    fn with(&self, action: fn(ValidationActions) -> bool) -> impl Iterator<Item = &Violation> {
        self.findings.iter().filter(move |finding| action(finding.actions)).map(|finding| &finding.violation)
    }
}

impl Exemption {
    /// Its name in the log.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::DefaultServiceCidr => "default-service-cidr",
            Self::Status => "status",
            Self::Unchanged => "unchanged",
        }
    }
}
