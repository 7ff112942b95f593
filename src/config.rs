//! The policy file: read, checked, and turned into a `Policy`.

mod diagnostic;
mod draft;
mod file;
mod loaded;
mod rules;

pub use crate::diagnostic::Diagnostic;
pub use draft::draft;
pub use file::schema;
pub(crate) use loaded::read;
pub use loaded::{ConfigError, Loaded, MAX_POLICY_BYTES};
