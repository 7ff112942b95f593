//! `ConfigError`: why a policy file can't be loaded.

use thiserror::Error;

use crate::diagnostic::Diagnostic;

/// The largest policy file, in bytes.
pub const MAX_POLICY_BYTES: u64 = 1024 * 1024;

/// Why a policy file can't be loaded.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{path}: {error}")]
    Read {
        /// The path, as the user gave it.
        path: String,
        /// The I/O error.
        error: std::io::Error,
    },
    /// The file is larger than [`MAX_POLICY_BYTES`].
    #[error("{path}: larger than {MAX_POLICY_BYTES} bytes: not a policy file")]
    TooLarge {
        /// The path, as the user gave it.
        path: String,
    },
    /// The file is not a valid policy.
    #[error(transparent)]
    Invalid(Box<Diagnostic>),
}
