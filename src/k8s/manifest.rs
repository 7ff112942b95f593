//! Manifests: ServiceCIDRs to apply, and recorded AdmissionReviews, with the source position of each value. Read
//! document by document: a stream of any length needs the memory of one.

mod document;
mod error;
mod object;
mod splitter;
mod yaml;

use std::io::Read;

use crate::diagnostic::Diagnostic;

pub use document::ManifestDocument;
pub use error::ManifestError;
pub use object::{Manifest, ManifestKind, ServiceCidrManifest, SourceSpans, Version};
pub use splitter::MAX_DOCUMENT;

use splitter::{DocumentSplitter, Problem};

/// Reads a stream to its end and passes on its objects, those of lists one by one. JSON if it begins with a brace,
/// else YAML.
///
/// # Errors
/// If the stream is neither, contains a document that is too large, or can't be read. The objects before the error
/// are valid.
pub fn read_manifests<E: From<ManifestError>>(
    source_name: &str,
    reader: impl Read,
    each: &mut dyn FnMut(Manifest<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |error| ManifestError::Read { source_name: source_name.to_owned(), error };
    let mut documents = DocumentSplitter::new(reader).map_err(unreadable)?;
    loop {
        let document = match documents.next_document() {
            Ok(Some(document)) => document,
            Ok(None) => return Ok(()),
            Err(Problem::Read(error)) => return Err(unreadable(error).into()),
            Err(Problem::At { at, message }) => {
                return Err(ManifestError::Invalid(Box::new(Diagnostic::bare(source_name, at, message))).into());
            }
        };
        let text = ManifestDocument::read(source_name, document).map_err(ManifestError::Invalid)?;
        object::each(&text, each)?;
    }
}
