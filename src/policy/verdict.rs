//! `Verdict`: the findings, and whether the request is allowed.

use super::{Alternative, ValidationActions, Violation};

/// The outcome of [`evaluate`](super::evaluate).
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why the request is exempt from the rules, if it is.
    pub exemption: Option<Exemption>,
    /// The findings, in the order of the rules.
    pub findings: Vec<Finding>,
    /// Allowed CIDRs to use instead of CIDRs whose location is denied.
    pub alternatives: Vec<Alternative>,
}

/// One violation, and the actions on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The actions.
    pub actions: ValidationActions,
    /// The violation.
    pub violation: Violation,
}

/// Why a request is exempt from the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// The request is for the ServiceCIDR `kubernetes`.
    DefaultServiceCidr,
    /// The request can only change the status.
    Status,
    /// The request doesn't change `spec.cidrs`.
    Unchanged,
}

impl Verdict {
    /// A verdict without findings, because the rules don't apply.
    pub fn exempt(exemption: Exemption) -> Self {
        Self { exemption: Some(exemption), findings: Vec::new(), alternatives: Vec::new() }
    }

    /// Whether the request is allowed: no finding denies it, or it is exempt.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.denials().next().is_none()
    }

    /// The violations with the action Deny.
    pub fn denials(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::deny).filter(|_| self.exemption.is_none())
    }

    /// The violations with the action Warn.
    pub fn warnings(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::warn)
    }

    /// The violations with the action Audit.
    pub fn audits(&self) -> impl Iterator<Item = &Violation> {
        self.with(ValidationActions::audit)
    }

    fn with(&self, action: fn(ValidationActions) -> bool) -> impl Iterator<Item = &Violation> {
        self.findings.iter().filter(move |finding| action(finding.actions)).map(|finding| &finding.violation)
    }
}

impl Exemption {
    /// The name in the log.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::DefaultServiceCidr => "default-service-cidr",
            Self::Status => "status",
            Self::Unchanged => "unchanged",
        }
    }
}
