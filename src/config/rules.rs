//! Validates the rules of a policy file, with each error at its position in the text.

use core::time::Duration;
use std::ops::RangeInclusive;

use kube::core::Duration as GoDuration;
use serde_saphyr::Spanned;

use crate::inventory::{DeclaredNetwork, Operation};
use crate::net::{Cidr, CidrSet, IpFamily, Relation};
use crate::policy::{
    AllowedRanges, Deletion, DenyAll, NoOverlap, PrefixLength, ReservedNetworks, Staleness, Usable, ValidationAction,
    ValidationActions,
};

use super::diagnostic::diagnostic_at;
use super::error::ConfigError;
use super::file::{
    AllowedRangesFile, DeletionFile, DenyAllFile, LengthsFile, NetworkFile, NoOverlapFile, PrefixLengthFile,
    ReservedNetworksFile, StalenessFile, UsableFile,
};
use crate::diagnostic::Diagnostic;

/// The limits of `staleness.maxStaleness`.
const STALENESS_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
/// How often a watch without events confirms that an inventory is current.
const WATCH_PROGRESS_INTERVAL: Duration = Duration::from_secs(60);

/// Converts the rules of a file to those of a policy. The text of the file is for the positions of errors.
pub(super) struct RuleParser<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub notes: Vec<Diagnostic>,
}

impl RuleParser<'_> {
    pub fn allowed_ranges(&mut self, rule: &AllowedRangesFile) -> Result<AllowedRanges, ConfigError> {
        if rule.ranges.value.is_empty() {
            let message = "allowedRanges.ranges: needs at least one range: to allow none, use denyAll";
            return Err(self.at(&rule.ranges, message));
        }
        let mut ranges = Vec::with_capacity(rule.ranges.value.len());
        for range in &rule.ranges.value {
            ranges.push(self.cidr("allowedRanges.ranges", range)?);
        }
        let actions = self.actions("allowedRanges.validationActions", rule.validation_actions.as_ref())?;
        Ok(AllowedRanges { ranges: CidrSet::from_iter(ranges), actions: actions.unwrap_or(ValidationActions::DENY) })
    }

    pub fn deny_all(&self, rule: &DenyAllFile) -> Result<DenyAll, ConfigError> {
        let operations = match &rule.operations {
            None => vec![Operation::Create, Operation::Update],
            Some(list) => self.unique("denyAll.operations", list)?,
        };
        let actions = self.actions("denyAll.validationActions", rule.validation_actions.as_ref())?;
        Ok(DenyAll { operations, actions: actions.unwrap_or(ValidationActions::DENY) })
    }

    pub fn no_overlap(&self, rule: &NoOverlapFile) -> Result<NoOverlap, ConfigError> {
        let relations = match &rule.relations {
            None => vec![Relation::Same, Relation::Within, Relation::Contains],
            Some(list) => self.unique("noOverlap.relations", list)?,
        };
        let actions = self.actions("noOverlap.validationActions", rule.validation_actions.as_ref())?;
        Ok(NoOverlap { relations, actions: actions.unwrap_or(ValidationActions::WARN) })
    }

    pub fn reserved_networks(
        &self,
        rule: &Spanned<ReservedNetworksFile>,
        networks: &[DeclaredNetwork],
    ) -> Result<ReservedNetworks, ConfigError> {
        let ReservedNetworksFile { declared, presets, discover, validation_actions } = &rule.value;
        let declared = if declared.unwrap_or(true) { networks } else { &[] };
        let presets = presets.as_ref().map(|list| self.unique("reservedNetworks.presets", list)).transpose()?;
        let discover = discover.as_ref().map(|list| self.unique("reservedNetworks.discover", list)).transpose()?;
        let (presets, discover) = (presets.unwrap_or_default(), discover.unwrap_or_default());
        if declared.is_empty() && presets.is_empty() && discover.is_empty() {
            let message = "reservedNetworks: no network is reserved: declare networks, or set presets or discover";
            return Err(self.at(rule, message));
        }
        let actions = self.actions("reservedNetworks.validationActions", validation_actions.as_ref())?;
        Ok(ReservedNetworks::new(declared, &presets, discover, actions.unwrap_or(ValidationActions::DENY)))
    }

    pub fn prefix_length(&self, rule: &Spanned<PrefixLengthFile>) -> Result<PrefixLength, ConfigError> {
        let PrefixLengthFile { ipv4, ipv6, validation_actions } = &rule.value;
        if ipv4.is_none() && ipv6.is_none() {
            return Err(self.at(rule, "prefixLength: no limit is set: set ipv4, ipv6 or both"));
        }
        let actions = self.actions("prefixLength.validationActions", validation_actions.as_ref())?;
        Ok(PrefixLength {
            ipv4: self.lengths("prefixLength.ipv4", ipv4.as_ref(), IpFamily::IPv4.bits())?,
            ipv6: self.lengths("prefixLength.ipv6", ipv6.as_ref(), IpFamily::IPv6.bits())?,
            actions: actions.unwrap_or(ValidationActions::DENY),
        })
    }

    fn lengths(
        &self,
        field: &str,
        written: Option<&Spanned<LengthsFile>>,
        most: u8,
    ) -> Result<RangeInclusive<u8>, ConfigError> {
        let Some(written) = written else { return Ok(0..=most) };
        let LengthsFile { shortest, longest } = written.value;
        let (from, to) = (shortest.unwrap_or(0), longest.unwrap_or(most));
        if shortest.is_none() && longest.is_none() {
            Err(self.at(written, &format!("{field}: no limit is set: set shortest, longest or both")))
        } else if from.max(to) > most {
            Err(self.at(written, &format!("{field}: /{} is longer than /{most}", from.max(to))))
        } else if from > to {
            Err(self.at(written, &format!("{field}: shortest /{from} is longer than longest /{to}: no CIDR fits")))
        } else {
            Ok(from..=to)
        }
    }

    pub fn usable(&self, rule: &UsableFile) -> Result<Usable, ConfigError> {
        let actions = self.actions("usable.validationActions", rule.validation_actions.as_ref())?;
        Ok(Usable { actions: actions.unwrap_or(ValidationActions::WARN) })
    }

    pub fn deletion(&self, rule: &DeletionFile) -> Result<Deletion, ConfigError> {
        let blocked = self.actions("deletion.blocked", rule.blocked.as_ref())?;
        let stranded = self.actions("deletion.stranded", rule.stranded.as_ref())?;
        Ok(Deletion {
            blocked: blocked.unwrap_or(ValidationActions::WARN),
            stranded: stranded.unwrap_or(ValidationActions::DENY),
        })
    }

    pub fn staleness(&mut self, rule: &StalenessFile) -> Result<Staleness, ConfigError> {
        let Staleness { mut max, on_stale } = Staleness::default();
        if let Some(written) = &rule.max_staleness {
            let field = "staleness.maxStaleness";
            let named = crate::text::Quoted(&written.value);
            let read = written.value.parse::<GoDuration>().ok().filter(|duration| !duration.is_negative());
            max = read.map(Duration::from).filter(|max| STALENESS_BOUNDS.contains(max)).ok_or_else(|| {
                self.at(written, &format!("{field}: {named} is not a duration from 1s to 1h: write it as 120s or 2m"))
            })?;
            if max < WATCH_PROGRESS_INTERVAL {
                let message = format!("{field}: watches confirm the state only once a minute");
                self.note(written, message);
            }
        }
        Ok(Staleness { max, on_stale: rule.on_stale.unwrap_or(on_stale) })
    }

    pub fn networks(&mut self, files: Vec<NetworkFile>) -> Result<Vec<DeclaredNetwork>, ConfigError> {
        let mut networks: Vec<DeclaredNetwork> = Vec::with_capacity(files.len());
        for file in files {
            let name = &file.name.value;
            if name.is_empty() {
                return Err(self.at(&file.name, "networks: a name is empty"));
            }
            if networks.iter().any(|network| network.name == *name) {
                let message = format!("networks: {} is declared twice", crate::text::Quoted(name));
                return Err(self.at(&file.name, &message));
            }
            let cidr = self.cidr("networks", &file.cidr)?;
            networks.push(DeclaredNetwork { name: file.name.value, cidr, description: file.description });
        }
        Ok(networks)
    }

    fn cidr(&mut self, field: &str, text: &Spanned<String>) -> Result<Cidr, ConfigError> {
        let named = crate::text::Quoted(&text.value);
        let cidr =
            Cidr::parse_lenient(&text.value).map_err(|error| self.at(text, &format!("{field}: {named} {error}")))?;
        if let Err(error) = text.value.parse::<Cidr>() {
            self.note(text, format!("{field}: {named} {error}: read as {cidr}"));
        }
        Ok(cidr)
    }

    pub fn families(&self, list: &Spanned<Vec<IpFamily>>) -> Result<Vec<IpFamily>, ConfigError> {
        self.unique("ipFamilies", list)
    }

    fn unique<T: Copy + PartialEq + std::fmt::Display>(
        &self,
        field: &str,
        list: &Spanned<Vec<T>>,
    ) -> Result<Vec<T>, ConfigError> {
        if list.value.is_empty() {
            return Err(self.at(list, &format!("{field}: needs at least one entry")));
        }
        let mut seen: Vec<T> = Vec::with_capacity(list.value.len());
        for entry in list.value.iter().copied() {
            if seen.contains(&entry) {
                return Err(self.at(list, &format!("{field}: names {entry} twice")));
            }
            seen.push(entry);
        }
        Ok(seen)
    }

    fn actions(
        &self,
        field: &str,
        list: Option<&Spanned<Vec<ValidationAction>>>,
    ) -> Result<Option<ValidationActions>, ConfigError> {
        let Some(list) = list else { return Ok(None) };
        ValidationActions::new(&list.value).map(Some).map_err(|error| self.at(list, &format!("{field}: {error}")))
    }

    fn note<T>(&mut self, place: &Spanned<T>, message: String) {
        self.notes.push(diagnostic_at(self.name, self.text, Some(place.referenced), message));
    }

    fn at<T>(&self, place: &Spanned<T>, message: &str) -> ConfigError {
        let diagnostic = diagnostic_at(self.name, self.text, Some(place.referenced), message.to_owned());
        ConfigError::Invalid(Box::new(diagnostic))
    }

    pub fn whole(&self, message: &str) -> ConfigError {
        ConfigError::Invalid(Box::new(diagnostic_at(self.name, self.text, None, message.to_owned())))
    }
}
