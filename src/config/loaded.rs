//! `Loaded`: a policy file that was read and found good.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_saphyr::Spanned;
use thiserror::Error;

use crate::inventory::{Network, Operation};
use crate::net::{Cidr, CidrSet};
use crate::policy::{AllowedRanges, DenyAll, Policy, ValidationAction, ValidationActions};

use super::Diagnostic;
use super::file::{ActionFile, AllowedRangesFile, DenyAllFile, NetworkFile, PolicyFile};

/// The largest policy file, in bytes.
pub const MAX_POLICY_BYTES: u64 = 1024 * 1024;

/// A policy, and what its author should know about the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The rules.
    pub policy: Policy,
    /// What is odd and has been taken as the only thing it can mean.
    pub notes: Vec<Diagnostic>,
}

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

impl Loaded {
    /// Reads a policy file, YAML or JSON.
    ///
    /// # Errors
    /// If it can't be read or doesn't hold a policy with at least one rule.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_bytes(&path.display().to_string(), &read(path)?)
    }

    /// Reads a policy from the bytes of a file named `source`.
    ///
    /// # Errors
    /// If they don't hold a policy with at least one rule.
    pub fn from_bytes(source: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Text { source, text },
            Err(error) => return Err(Text { source, text: "" }.whole(&format!("not text: {error}"))),
        };
        if text.text.trim().is_empty() {
            return Err(text.whole("empty: a policy needs at least one rule"));
        }
        let options = serde_saphyr::options! { strict_booleans: true };
        let file: PolicyFile = serde_saphyr::from_str_with_options(text.text, options)
            .map_err(|error| ConfigError::Invalid(Box::new(Diagnostic::of(source, text.text, &error))))?;
        let mut notes = Vec::new();
        let policy = Policy {
            allowed_ranges: file.allowed_ranges.map(|rule| text.allowed_ranges(&rule, &mut notes)).transpose()?,
            deny_all: file.deny_all.map(|rule| text.deny_all(&rule)).transpose()?,
            ip_families: file.ip_families.map(|list| text.each_once("ipFamilies", &list)).transpose()?,
            networks: text.networks(file.networks.unwrap_or_default(), &mut notes)?,
        };
        if policy.is_empty() {
            return Err(text.whole("no rule: set allowedRanges, denyAll or both"));
        }
        Ok(Self { policy, notes })
    }
}

/// The bytes of a policy file.
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

struct Text<'a> {
    source: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn allowed_ranges(
        &self,
        rule: &AllowedRangesFile,
        notes: &mut Vec<Diagnostic>,
    ) -> Result<AllowedRanges, ConfigError> {
        if rule.ranges.value.is_empty() {
            let message = "allowedRanges.ranges: needs at least one range: to allow none at all, use denyAll";
            return Err(self.at(&rule.ranges, message));
        }
        let mut ranges = Vec::with_capacity(rule.ranges.value.len());
        for range in &rule.ranges.value {
            ranges.push(self.cidr("allowedRanges.ranges", range, notes)?);
        }
        let actions = self.actions("allowedRanges", rule.validation_actions.as_ref())?;
        Ok(AllowedRanges { ranges: CidrSet::from_iter(ranges), actions })
    }

    fn deny_all(&self, rule: &DenyAllFile) -> Result<DenyAll, ConfigError> {
        let operations = match &rule.operations {
            None => vec![Operation::Create, Operation::Update],
            Some(list) => self.each_once("denyAll.operations", list)?,
        };
        Ok(DenyAll { operations, actions: self.actions("denyAll", rule.validation_actions.as_ref())? })
    }

    fn networks(&self, files: Vec<NetworkFile>, notes: &mut Vec<Diagnostic>) -> Result<Vec<Network>, ConfigError> {
        let mut networks: Vec<Network> = Vec::with_capacity(files.len());
        for file in files {
            let name = &file.name.value;
            if name.is_empty() {
                return Err(self.at(&file.name, "networks: a name is empty"));
            }
            if networks.iter().any(|network| network.name == *name) {
                let message = format!("networks: {} is declared twice", crate::policy::Excerpt(name));
                return Err(self.at(&file.name, &message));
            }
            let cidr = self.cidr("networks", &file.cidr, notes)?;
            networks.push(Network { name: file.name.value, cidr, description: file.description });
        }
        Ok(networks)
    }

    /// A CIDR as CEL reads it, with a note if kube-apiserver would not.
    fn cidr(&self, field: &str, text: &Spanned<String>, notes: &mut Vec<Diagnostic>) -> Result<Cidr, ConfigError> {
        let named = crate::policy::Excerpt(&text.value);
        let cidr = Cidr::lenient(&text.value).map_err(|error| self.at(text, &format!("{field}: {named} {error}")))?;
        if let Err(error) = text.value.parse::<Cidr>() {
            let message = format!("{field}: {named} {error}: read as {cidr}");
            notes.push(Diagnostic::new(self.source, self.text, Some(text.referenced), message));
        }
        Ok(cidr)
    }

    /// The entries of a list: at least one, and none twice.
    fn each_once<F: Copy, T: From<F> + PartialEq + std::fmt::Display>(
        &self,
        field: &str,
        list: &Spanned<Vec<F>>,
    ) -> Result<Vec<T>, ConfigError> {
        if list.value.is_empty() {
            return Err(self.at(list, &format!("{field}: needs at least one entry")));
        }
        let mut seen: Vec<T> = Vec::with_capacity(list.value.len());
        for entry in list.value.iter().copied().map(T::from) {
            if seen.contains(&entry) {
                return Err(self.at(list, &format!("{field}: names {entry} twice")));
            }
            seen.push(entry);
        }
        Ok(seen)
    }

    fn actions(&self, rule: &str, list: Option<&Spanned<Vec<ActionFile>>>) -> Result<ValidationActions, ConfigError> {
        let Some(list) = list else { return Ok(ValidationActions::DENY) };
        let actions: Vec<ValidationAction> = list.value.iter().copied().map(ValidationAction::from).collect();
        ValidationActions::new(&actions).map_err(|error| self.at(list, &format!("{rule}.validationActions: {error}")))
    }

    fn at<T>(&self, place: &Spanned<T>, message: &str) -> ConfigError {
        let diagnostic = Diagnostic::new(self.source, self.text, Some(place.referenced), message.to_owned());
        ConfigError::Invalid(Box::new(diagnostic))
    }

    fn whole(&self, message: &str) -> ConfigError {
        ConfigError::Invalid(Box::new(Diagnostic::new(self.source, self.text, None, message.to_owned())))
    }
}
