//! `ValidationActions`: what follows from a violation, in the words of ValidatingAdmissionPolicyBinding.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

/// What follows from a violation.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum ValidationAction {
    /// The request is refused. Not together with Warn.
    Deny,
    /// The request is let through and its sender sees a warning. Not together with Deny.
    Warn,
    /// The violation stands in the audit event of the request.
    Audit,
}

/// One or more validation actions. Deny and Warn don't go together, as in Kubernetes: the sender
/// would read the same sentence twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidationActions {
    response: Option<Response>,
    audit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Response {
    Deny,
    Warn,
}

/// Why a list of validation actions says nothing definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ValidationActionsError {
    /// No action.
    #[error("needs at least one of Deny, Warn, Audit")]
    Empty,
    /// An action twice.
    #[error("names {0} twice")]
    Duplicate(ValidationAction),
    /// Deny beside Warn.
    #[error("can't contain both Deny and Warn: the client would get the same message twice")]
    DenyWithWarn,
}

impl ValidationActions {
    /// Deny alone: the default.
    pub const DENY: Self = Self { response: Some(Response::Deny), audit: false };

    /// Warn alone.
    pub const WARN: Self = Self { response: Some(Response::Warn), audit: false };

    /// The same, but that a warning takes the place of a denial.
    #[must_use]
    pub fn downgrade_to_warn(self) -> Self {
        Self { response: self.response.map(|_| Response::Warn), ..self }
    }

    /// What follows from either: the harsher answer, and the audit event if one of them asks for it.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let denies = self.deny() || other.deny();
        let response = if denies { Some(Response::Deny) } else { self.response.or(other.response) };
        Self { response, audit: self.audit || other.audit }
    }

    /// The actions of a list.
    ///
    /// # Errors
    /// If the list is empty, holds one twice, or Deny beside Warn.
    pub fn new(actions: &[ValidationAction]) -> Result<Self, ValidationActionsError> {
        let count = |wanted| actions.iter().filter(|action| **action == wanted).count();
        for action in [ValidationAction::Deny, ValidationAction::Warn, ValidationAction::Audit] {
            if count(action) > 1 {
                return Err(ValidationActionsError::Duplicate(action));
            }
        }
        let response = match (count(ValidationAction::Deny), count(ValidationAction::Warn)) {
            (0, 0) => None,
            (_, 0) => Some(Response::Deny),
            (0, _) => Some(Response::Warn),
            _ => return Err(ValidationActionsError::DenyWithWarn),
        };
        let audit = count(ValidationAction::Audit) > 0;
        if response.is_none() && !audit {
            return Err(ValidationActionsError::Empty);
        }
        Ok(Self { response, audit })
    }

    /// Whether the request is refused.
    #[must_use]
    pub fn deny(self) -> bool {
        self.response == Some(Response::Deny)
    }

    /// Whether its sender is warned.
    #[must_use]
    pub fn warn(self) -> bool {
        self.response == Some(Response::Warn)
    }

    /// Whether the audit event says so.
    #[must_use]
    pub fn audit(self) -> bool {
        self.audit
    }
}

impl fmt::Display for ValidationAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        })
    }
}
