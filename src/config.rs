//! The policy file: parsed, validated, and converted to a `Policy`.

mod diagnostic;
mod draft;
mod error;
mod file;
mod loaded;
mod rules;

pub use crate::diagnostic::Diagnostic;
pub use draft::draft;
pub use error::{ConfigError, MAX_POLICY_BYTES};
pub use file::schema;
pub use loaded::Loaded;
pub(crate) use loaded::read;
