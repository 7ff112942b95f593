//! The fields of the policy file. Their documentation is that of the JSON Schema.

mod field;
mod rule;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::net::IpFamily;
use crate::policy::RuleId;

use field::{UniqueList, reject_null};
pub(super) use rule::{
    AllowedRangesFile, DeletionFile, DenyAllFile, LengthsFile, NetworkFile, NoOverlapFile, PrefixLengthFile,
    PreviewFile, ReservedNetworksFile, StalenessFile, UsableFile,
};

/// The rules for ServiceCIDRs. At least one rule must be set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "servicecidr-guard policy")]
pub(super) struct PolicyFile {
    /// The version of this format.
    #[allow(dead_code, reason = "read for its check alone")]
    pub api_version: ApiVersion,
    /// Always `Policy`.
    #[allow(dead_code, reason = "read for its check alone")]
    pub kind: Kind,
    /// The IP families of kube-apiserver's `--service-cluster-ip-range`. Default: those of the ServiceCIDR
    /// `kubernetes`. Capacity and the rule `usable` depend on them.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UniqueList<IpFamily>")]
    pub ip_families: Option<Spanned<Vec<IpFamily>>>,
    /// Networks that ServiceCIDRs must not overlap: pods, nodes, a data centre. The rule `reservedNetworks` checks
    /// them, and reports list their overlaps.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "Vec<NetworkFile>")]
    pub networks: Option<Vec<NetworkFile>>,
    /// Every CIDR that a request adds must be within one of these ranges.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "AllowedRangesFile")]
    pub allowed_ranges: Option<AllowedRangesFile>,
    /// No ServiceCIDR may change, except `kubernetes`.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "DenyAllFile")]
    pub deny_all: Option<DenyAllFile>,
    /// A CIDR that a request adds should not overlap other ServiceCIDRs.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "NoOverlapFile")]
    pub no_overlap: Option<NoOverlapFile>,
    /// A CIDR that a request adds must not overlap non-Service networks.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "ReservedNetworksFile")]
    pub reserved_networks: Option<Spanned<ReservedNetworksFile>>,
    /// The shortest and longest prefix of a CIDR that a request adds.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "PrefixLengthFile")]
    pub prefix_length: Option<Spanned<PrefixLengthFile>>,
    /// A CIDR that a request adds should have allocatable addresses.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "UsableFile")]
    pub usable: Option<UsableFile>,
    /// What the deletion of a ServiceCIDR must not leave behind.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "DeletionFile")]
    pub deletion: Option<DeletionFile>,
    /// The largest age of the cluster state that rules use.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "StalenessFile")]
    pub staleness: Option<StalenessFile>,
    /// Which requests get a preview of their effect.
    #[serde(default, deserialize_with = "reject_null")]
    #[schemars(with = "PreviewFile")]
    pub preview: Option<PreviewFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum ApiVersion {
    #[serde(rename = "servicecidr-guard/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum Kind {
    Policy,
}

/// The JSON Schema (2020-12) of the policy file, as text with a final newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<PolicyFile>();
    let any_rule: Vec<_> = RuleId::config_keys().map(|rule| serde_json::json!({ "required": [rule] })).collect();
    schema.insert("anyOf".to_owned(), any_rule.into());
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_version_matches_results() {
        let version = serde_json::Value::from(crate::api::API_VERSION);
        assert!(serde_json::from_value::<ApiVersion>(version).is_ok());
    }
}
