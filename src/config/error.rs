//! `ConfigError`: why a policy file isn't loaded.

use thiserror::Error;

use crate::diagnostic::Diagnostic;

/// The largest policy file, in bytes.
pub const MAX_POLICY_BYTES: u64 = 1024 * 1024;

/// Why there is no policy.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{path}: {error}")]
    Read {
        /// Its path, as it was given.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file is larger than any policy.
    #[error("{path}: larger than {MAX_POLICY_BYTES} bytes: not a policy file")]
    TooLarge {
        /// Its path, as it was given.
        path: String,
    },
    /// The file doesn't hold a policy.
    #[error(transparent)]
    Invalid(Box<Diagnostic>),
}
