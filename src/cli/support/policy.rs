//! The policy file of a command.

use std::path::Path;

use crate::config::{ConfigError, Loaded};

use crate::cli::exit::Exit;
use crate::cli::support::output;

/// Reads a policy file. Its notes are printed on stderr.
pub(in crate::cli) fn load(path: &Path) -> Result<Loaded, Exit> {
    let loaded = Loaded::from_file(path).map_err(|error| match error {
        ConfigError::Read { .. } => Exit::io(error),
        ConfigError::TooLarge { .. } | ConfigError::Invalid(_) => Exit::input(error),
    })?;
    for note in &loaded.notes {
        output::message(&format!("note: {note:#}"));
    }
    Ok(loaded)
}
