//! `ValidationActions`: the consequences of a violation, named as in ValidatingAdmissionPolicyBinding.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

/// The consequence of a violation.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum ValidationAction {
    /// The request is denied. Not together with Warn.
    Deny,
    /// The request is allowed and the client gets a warning. Not together with Deny.
    Warn,
    /// The audit event of the request contains the violation.
    Audit,
}

/// One or more validation actions. Deny and Warn exclude each other, as in Kubernetes: the client would get the same
/// message twice.
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

/// Why a list of validation actions is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ValidationActionsError {
    /// The list is empty.
    #[error("needs at least one of Deny, Warn, Audit")]
    Empty,
    /// The list contains an action twice.
    #[error("names {0} twice")]
    Duplicate(ValidationAction),
    /// The list contains both Deny and Warn.
    #[error("can't contain both Deny and Warn: the client would get the same message twice")]
    DenyWithWarn,
}

impl ValidationActions {
    /// Deny only: the default.
    pub const DENY: Self = Self { response: Some(Response::Deny), audit: false };

    /// Warn only.
    pub const WARN: Self = Self { response: Some(Response::Warn), audit: false };

    /// The same actions, with Warn in place of Deny.
    #[must_use]
    pub fn downgrade_to_warn(self) -> Self {
        Self { response: self.response.map(|_| Response::Warn), ..self }
    }

    /// The union of both: Deny wins over Warn, and Audit is kept.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let denies = self.deny() || other.deny();
        let response = if denies { Some(Response::Deny) } else { self.response.or(other.response) };
        Self { response, audit: self.audit || other.audit }
    }

    /// The actions of a list.
    ///
    /// # Errors
    /// If the list is empty, or contains an action twice or both Deny and Warn.
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

    /// Whether the request is denied.
    #[must_use]
    pub fn deny(self) -> bool {
        self.response == Some(Response::Deny)
    }

    /// Whether the client gets a warning.
    #[must_use]
    pub fn warn(self) -> bool {
        self.response == Some(Response::Warn)
    }

    /// Whether the audit event contains the violation.
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
