//! `ManifestError`: why a stream of manifests can't be read to its end.

use thiserror::Error;

use crate::diagnostic::Diagnostic;

/// Why a stream could not be read to its end.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It can't be read.
    #[error("{}: {error}", crate::text::escape_line(.source_name))]
    Read {
        /// The file.
        source_name: String,
        /// Why.
        error: std::io::Error,
    },
    /// A document of it isn't one that holds objects.
    #[error(transparent)]
    Invalid(Box<Diagnostic>),
}
