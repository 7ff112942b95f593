//! `Exit`: why a command ends with another exit code than 0.

use std::fmt::Display;

/// Why a command ends with another exit code than 0.
#[derive(Debug)]
pub(super) enum Exit {
    /// The command did its work and found something: code 1, or what the user chose.
    Findings {
        /// The exit code.
        code: u8,
        /// The summary for standard error; nothing is printed if it is empty.
        message: String,
    },
    /// The command failed.
    Error {
        /// 2 for usage or input, 3 for the cluster or I/O.
        code: u8,
        /// What went wrong.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
}

impl Exit {
    /// Findings, with exit code 1.
    pub fn findings(message: impl Display) -> Self {
        Self::Findings { code: 1, message: message.to_string() }
    }

    /// An error in the arguments or in a file: exit code 2.
    pub fn input(error: impl Display) -> Self {
        Self::Error { code: 2, message: format!("{error:#}"), hint: None }
    }

    /// An error of the cluster or of I/O: exit code 3.
    pub fn io(error: impl Display) -> Self {
        Self::Error { code: 3, message: format!("{error:#}"), hint: None }
    }

    /// The same error with a hint. Findings have none.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Error { code, message, hint: _ } => Self::Error { code, message, hint: Some(hint.into()) },
            Self::Findings { .. } => self,
        }
    }
}
