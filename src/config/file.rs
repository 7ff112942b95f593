//! The policy file as it is written: its fields and their documentation, which is the JSON Schema too.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::inventory::Operation;
use crate::net::IpFamily;
use crate::policy::ValidationAction;

/// The rules that ServiceCIDRs must keep. At least one rule must be set.
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
    /// The IP families of kube-apiserver's `--service-cluster-ip-range`. Default: those of the
    /// ServiceCIDR `kubernetes`. Only capacity depends on it.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "IpFamilies")]
    pub ip_families: Option<Spanned<Vec<IpFamilyFile>>>,
    /// Networks that Services must not touch: pods, nodes, a data centre. Declared here, and shown
    /// where they overlap.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "Vec<NetworkFile>")]
    pub networks: Option<Vec<NetworkFile>>,
    /// Every CIDR that a request adds must lie within one of these ranges.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "AllowedRangesFile")]
    pub allowed_ranges: Option<AllowedRangesFile>,
    /// No ServiceCIDR may change but `kubernetes`.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "DenyAllFile")]
    pub deny_all: Option<DenyAllFile>,
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

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IpFamily")]
pub(super) enum IpFamilyFile {
    IPv4,
    IPv6,
}

/// A network that Services must not touch.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Network")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkFile {
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
pub(super) struct AllowedRangesFile {
    /// CIDRs of either IP family, such as `10.96.0.0/16` or `2001:db8::/64`. Host bits are ignored.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub ranges: Spanned<Vec<Spanned<String>>>,
    /// What follows when a CIDR lies outside.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "Actions")]
    pub validation_actions: Option<Spanned<Vec<ActionFile>>>,
}

/// No ServiceCIDR may change but `kubernetes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DenyAll")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DenyAllFile {
    /// The operations that are denied.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "Operations")]
    pub operations: Option<Spanned<Vec<OperationFile>>>,
    /// What follows when one is asked for.
    #[serde(default, deserialize_with = "written")]
    #[schemars(with = "Actions")]
    pub validation_actions: Option<Spanned<Vec<ActionFile>>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ValidationAction")]
pub(super) enum ActionFile {
    /// The request is refused. Not together with Warn.
    Deny,
    /// The request is let through and its sender sees a warning. Not together with Deny.
    Warn,
    /// The violation stands in the audit event of the request.
    Audit,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Operation")]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum OperationFile {
    Create,
    Update,
    Delete,
}

/// The words and rules of a ValidatingAdmissionPolicyBinding. Default: `[Deny]`.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "default" = ["Deny"],
        "uniqueItems" = true,
        "not" = { "allOf": [{ "contains": { "const": "Deny" } }, { "contains": { "const": "Warn" } }] },
    )
)]
struct Actions(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<ActionFile>,
);

/// Each once.
#[derive(JsonSchema)]
#[schemars(inline, extend("uniqueItems" = true))]
struct IpFamilies(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<IpFamilyFile>,
);

/// Default: `[CREATE, UPDATE]`.
#[derive(JsonSchema)]
#[schemars(inline, extend("default" = ["CREATE", "UPDATE"], "uniqueItems" = true))]
struct Operations(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<OperationFile>,
);

/// A field that may be left out but not left empty: `denyAll:` with nothing behind it must not be
/// taken for no rule.
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The JSON Schema (2020-12) of the policy file, as text with a final newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<PolicyFile>();
    let any_rule = serde_json::json!([{ "required": ["allowedRanges"] }, { "required": ["denyAll"] }]);
    schema.insert("anyOf".to_owned(), any_rule);
    format!("{:#}\n", schema.as_value())
}

impl From<ActionFile> for ValidationAction {
    fn from(action: ActionFile) -> Self {
        match action {
            ActionFile::Deny => Self::Deny,
            ActionFile::Warn => Self::Warn,
            ActionFile::Audit => Self::Audit,
        }
    }
}

impl From<IpFamilyFile> for IpFamily {
    fn from(family: IpFamilyFile) -> Self {
        match family {
            IpFamilyFile::IPv4 => Self::IPv4,
            IpFamilyFile::IPv6 => Self::IPv6,
        }
    }
}

impl From<OperationFile> for Operation {
    fn from(operation: OperationFile) -> Self {
        match operation {
            OperationFile::Create => Self::Create,
            OperationFile::Update => Self::Update,
            OperationFile::Delete => Self::Delete,
        }
    }
}
