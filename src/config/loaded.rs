//! `Loaded`: a valid policy file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::policy::{Policy, RuleId};

use super::diagnostic::parse_error;
use super::error::{ConfigError, MAX_POLICY_BYTES};
use super::file::PolicyFile;
use super::rules::RuleParser;
use crate::diagnostic::Diagnostic;

/// A policy, and notes for its author.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Ambiguous values that were read in the only possible way.
    pub notes: Vec<Diagnostic>,
}

impl Loaded {
    /// Reads a policy file, YAML or JSON.
    ///
    /// # Errors
    /// If the file can't be read, or is not a policy with at least one rule.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_bytes(&path.display().to_string(), &read(path)?)
    }

    /// Reads a policy from the bytes of a file named `source`.
    ///
    /// # Errors
    /// If the bytes are not a policy with at least one rule.
    pub fn from_bytes(source: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        let mut text = RuleParser { name: source, text: "", notes: Vec::new() };
        text.text = std::str::from_utf8(bytes).map_err(|error| text.whole(&format!("not text: {error}")))?;
        if text.text.trim().is_empty() {
            return Err(text.whole("empty: a policy needs at least one rule"));
        }
        // `yes` and `off` are not booleans: nobody expects what YAML 1.1 makes of words.
        let options = serde_saphyr::options! { strict_booleans: true };
        let file: PolicyFile = serde_saphyr::from_str_with_options(text.text, options)
            .map_err(|error| ConfigError::Invalid(Box::new(parse_error(source, text.text, &error))))?;
        let networks = text.networks(file.networks.unwrap_or_default())?;
        let policy = Policy {
            deny_all: file.deny_all.map(|rule| text.deny_all(&rule)).transpose()?,
            allowed_ranges: file.allowed_ranges.map(|rule| text.allowed_ranges(&rule)).transpose()?,
            prefix_length: file.prefix_length.map(|rule| text.prefix_length(&rule)).transpose()?,
            reserved_networks: file
                .reserved_networks
                .map(|rule| text.reserved_networks(&rule, &networks))
                .transpose()?,
            no_overlap: file.no_overlap.map(|rule| text.no_overlap(&rule)).transpose()?,
            usable: file.usable.map(|rule| text.usable(&rule)).transpose()?,
            deletion: file.deletion.map(|rule| text.deletion(&rule)).transpose()?,
            staleness: file.staleness.map(|rule| text.staleness(&rule)).transpose()?.unwrap_or_default(),
            warn_on: file.preview.and_then(|preview| preview.warn_on).unwrap_or_default(),
            ip_families: file.ip_families.map(|list| text.families(&list)).transpose()?,
            networks,
        };
        if policy.rules().is_empty() {
            let keys: Vec<&str> = RuleId::config_keys().collect();
            return Err(text.whole(&format!("no rule: set at least one of {}", keys.join(", "))));
        }
        Ok(Self { policy, notes: text.notes })
    }
}

/// Reads the bytes of a policy file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_POLICY_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| ConfigError::Read { path: named(), error })?;
    if bytes.len() as u64 > MAX_POLICY_BYTES {
        return Err(ConfigError::TooLarge { path: named() });
    }
    Ok(bytes)
}
