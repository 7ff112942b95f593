//! `CheckReport` and `ScanReport`: what was found in manifests or in what is stored.

use schemars::JsonSchema;
use serde::Serialize;

/// What was found, ServiceCIDR by ServiceCIDR, in the order in which they were judged.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CheckReport {
    pub results: Vec<CheckResult>,
}

/// What was found in one ServiceCIDR.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckResult {
    /// `file:line:column` of its first finding, else of the ServiceCIDR.
    pub source: String,
    pub name: String,
    /// Whether it gives addresses: of one that is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    pub allowed: bool,
    /// Why no rule may deny it.
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
    /// A CIDR that could stand in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
}
