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

/// A network that ServiceCIDRs must not overlap.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Network")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct NetworkFile {
    /// The unique name of the network.
    #[schemars(with = "String", length(min = 1))]
    pub name: Spanned<String>,
    /// The addresses of the network. Host bits are ignored.
    #[schemars(with = "String")]
    pub cidr: Spanned<String>,
    /// A description for people.
    #[serde(default)]
    pub description: String,
}

/// Every CIDR that a request adds must be within one of these ranges. Ranges are not merged: two halves don't allow
/// the whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AllowedRanges")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct AllowedRangesFile {
    /// CIDRs of either IP family, such as `10.96.0.0/16` or `2001:db8::/64`. Host bits are ignored.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub ranges: Spanned<Vec<Spanned<String>>>,
    /// The actions on a CIDR outside the ranges.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// No ServiceCIDR may change, except `kubernetes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DenyAll")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct DenyAllFile {
    /// The denied operations.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Operation>", extend("default" = ["CREATE", "UPDATE"]))]
    pub operations: Option<Spanned<Vec<Operation>>>,
    /// The actions on a denied operation.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// A CIDR that a request adds should not overlap other ServiceCIDRs. Kubernetes allows overlaps, and a wider
/// ServiceCIDR around another enlarges a range. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NoOverlap")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct NoOverlapFile {
    /// The relations of the new CIDR to another that count as a violation.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Relation>", extend("default" = ["Same", "Within", "Contains"]))]
    pub relations: Option<Spanned<Vec<Relation>>>,
    /// The actions on an overlap.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub validation_actions: ActionsFile,
}

/// A CIDR that a request adds must not overlap non-Service networks. At least one of the fields must name a network.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReservedNetworks")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ReservedNetworksFile {
    /// Whether the networks of `networks` are reserved.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "bool", extend("default" = true))]
    pub declared: Option<bool>,
    /// Networks that a standard or a platform reserves.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<Preset>")]
    pub presets: Option<Spanned<Vec<Preset>>>,
    /// Networks of the cluster's nodes. Needs an inventory.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<NodeNetwork>")]
    pub discover: Option<Spanned<Vec<NodeNetwork>>>,
    /// The actions on a CIDR that overlaps a reserved network.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// The shortest and longest prefix of a CIDR that a request adds. At least one limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PrefixLength")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PrefixLengthFile {
    /// The limits for IPv4, from 0 to 32.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "LengthsFile")]
    pub ipv4: Option<Spanned<LengthsFile>>,
    /// The limits for IPv6, from 0 to 128.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "LengthsFile")]
    pub ipv6: Option<Spanned<LengthsFile>>,
    /// The actions on a CIDR that is too wide or too narrow.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub validation_actions: ActionsFile,
}

/// Prefix lengths, both inclusive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PrefixLengths")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct LengthsFile {
    /// The shortest prefix: the widest CIDR.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "u8", range(max = 128))]
    pub shortest: Option<u8>,
    /// The longest prefix: the narrowest CIDR.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "u8", range(max = 128))]
    pub longest: Option<u8>,
}

/// A CIDR that a request adds should have allocatable addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Usable")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct UsableFile {
    /// The actions on a CIDR without allocatable addresses.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub validation_actions: ActionsFile,
}

/// What the deletion of a ServiceCIDR must not leave behind. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Deletion")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct DeletionFile {
    /// The actions if the deletion would hang: IPAddresses are in no other ServiceCIDR.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Warn"]))]
    pub blocked: ActionsFile,
    /// The actions if the deletion would leave IPAddresses in no usable range, or an IP family without any range.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Actions", extend("default" = ["Deny"]))]
    pub stranded: ActionsFile,
}

/// The largest age of the cluster state that rules use.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Staleness")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct StalenessFile {
    /// The largest age, such as `120s` or `2m`: from 1 second to 1 hour.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "String", extend("default" = "120s"))]
    pub max_staleness: Option<Spanned<String>>,
    /// What follows if the cluster state is older.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "OnStale", extend("default" = "RuleAction"))]
    pub on_stale: Option<OnStale>,
}

/// Which requests get a preview of their effect. Needs an inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Preview")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct PreviewFile {
    /// The requests that get a preview.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "WarnOn", extend("default" = "DryRun"))]
    pub warn_on: Option<WarnOn>,
}
