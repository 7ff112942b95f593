//! The rules of the policy file.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::inventory::{NodeNetwork, Operation};
use crate::net::Relation;
use crate::policy::{OnStale, Preset, ValidationAction, WarnOn};

use super::field::{Actions, UniqueList, reject_null};

/// The actions of a rule, with their position in the file.
type ActionsFile = Option<Spanned<Vec<ValidationAction>>>;

/// A network that Services must not touch.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Network")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct NetworkFile {
    /// Its name, unique.
    #[schemars(with = "String", length(min = 1))]
    pub name: Spanned<String>,
    /// Its addresses. Host bits are ignored.
    #[schemars(with = "String")]
    pub cidr: Spanned<String>,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
}

/// Every CIDR that a request adds must lie within one of these ranges. Ranges are not joined: two
/// halves don't admit the whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AllowedRanges")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct AllowedRangesFile {
    /// CIDRs of either IP family, such as `10.96.0.0/16` or `2001:db8::/64`. Host bits are ignored.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub ranges: Spanned<Vec<Spanned<String>>>,
    /// What follows when a CIDR lies outside.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// No ServiceCIDR may change but `kubernetes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DenyAll")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct DenyAllFile {
    /// The operations that are denied.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Operation>", extend("default" = ["CREATE", "UPDATE"]))]
    pub operations: Option<Spanned<Vec<Operation>>>,
    /// What follows when one is asked for.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// A CIDR that a request adds should share no address with other ServiceCIDRs. Kubernetes allows it;
/// a range is made larger by a wider ServiceCIDR around it. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NoOverlap")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct NoOverlapFile {
    /// How the new CIDR must not lie to another.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Relation>", extend("default" = ["Same", "Within", "Contains"]))]
    pub relations: Option<Spanned<Vec<Relation>>>,
    /// What follows when one does.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub validation_actions: ActionsFile,
}

/// A CIDR that a request adds must not touch networks that aren't for Services. At least one network
/// must be named by one of the fields.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReservedNetworks")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ReservedNetworksFile {
    /// Those of `networks`.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "bool", extend("default" = true))]
    pub declared: Option<bool>,
    /// Those that a standard or a platform reserves.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Preset>")]
    pub presets: Option<Spanned<Vec<Preset>>>,
    /// Those that the nodes of the cluster have. Needs an inventory.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<NodeNetwork>")]
    pub discover: Option<Spanned<Vec<NodeNetwork>>>,
    /// What follows when a CIDR touches one.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// How wide and how narrow a CIDR may be that a request adds. At least one bound.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PrefixLength")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PrefixLengthFile {
    /// From 0 to 32.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "LengthsFile")]
    pub ipv4: Option<Spanned<LengthsFile>>,
    /// From 0 to 128.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "LengthsFile")]
    pub ipv6: Option<Spanned<LengthsFile>>,
    /// What follows when a CIDR is wider or narrower.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// Prefix lengths, both inclusive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PrefixLengths")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct LengthsFile {
    /// The widest: the shortest prefix.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "u8", range(max = 128))]
    pub shortest: Option<u8>,
    /// The narrowest: the longest prefix.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "u8", range(max = 128))]
    pub longest: Option<u8>,
}

/// A CIDR that a request adds should give addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Usable")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct UsableFile {
    /// What follows when it gives none.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub validation_actions: ActionsFile,
}

/// What the deletion of a ServiceCIDR may not leave behind. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Deletion")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct DeletionFile {
    /// What follows where kube-controller-manager would hold it back: addresses in no other ServiceCIDR.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub blocked: ActionsFile,
    /// What follows where it would go and strand addresses, or leave an IP family without any.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub stranded: ActionsFile,
}

/// How old the inventory may be that a rule judges by.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Staleness")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct StalenessFile {
    /// The age up to which a rule trusts it, such as `120s` or `2m`: from 1 second to 1 hour.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "String", extend("default" = "120s"))]
    pub max_staleness: Option<Spanned<String>>,
    /// What follows where it is older.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "OnStale", extend("default" = "RuleAction"))]
    pub on_stale: Option<OnStale>,
}

/// Which requests are answered with what they would change. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Preview")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PreviewFile {
    /// Which requests.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "WarnOn", extend("default" = "DryRun"))]
    pub warn_on: Option<WarnOn>,
}
