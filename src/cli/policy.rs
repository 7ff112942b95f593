//! The policy file of a command.

use std::path::Path;

use crate::config::{ConfigError, Loaded};

use super::{Failure, output};

/// Reads a policy file. What is odd in it is said on stderr.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let loaded = Loaded::from_file(path).map_err(|error| match error {
        ConfigError::Read { .. } => Failure::io(error),
        ConfigError::TooLarge { .. } | ConfigError::Invalid(_) => Failure::input(error),
    })?;
    for note in &loaded.notes {
        output::talk(&format!("note: {note:#}"));
    }
    Ok(loaded)
}
