//! `CheckReport` and `ScanReport`: the findings in manifests or in stored ServiceCIDRs.

use schemars::JsonSchema;
use serde::Serialize;

/// The findings of each ServiceCIDR, in the order of evaluation.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CheckReport {
    pub results: Vec<CheckResult>,
}

/// The findings of one ServiceCIDR.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckResult {
    /// `file:line:column` of the first finding, else of the ServiceCIDR.
    pub source: String,
    pub name: String,
    /// Whether it has allocatable addresses. Only for a stored ServiceCIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    pub allowed: bool,
    /// Why the ServiceCIDR is exempt from the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<&'static str>,
    pub findings: Vec<CheckFinding>,
}

/// One finding.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckFinding {
    pub rule: &'static str,
    pub actions: Vec<String>,
    pub field: String,
    pub message: String,
    pub source: String,
    /// An allowed CIDR to use instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
}
