//! `ManifestError`: why a stream of manifests can't be read to its end.

use thiserror::Error;

use crate::diagnostic::Diagnostic;

/// Why a stream of manifests can't be read to its end.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The stream can't be read.
    #[error("{}: {error}", crate::text::escape_line(.source_name))]
    Read {
        /// The name of the file.
        source_name: String,
        /// The I/O error.
        error: std::io::Error,
    },
    /// A document contains no objects, or is invalid.
    #[error(transparent)]
    Invalid(Box<Diagnostic>),
}
