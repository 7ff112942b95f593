//! The closed vocabularies of the policy file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::inventory::{NodeNetwork, Operation};
use crate::net::{IpFamily, Relation};
use crate::policy::{OnStale, Preset, ValidationAction, WarnOn};

/// At least one, each once.
#[derive(JsonSchema)]
#[schemars(inline, extend("uniqueItems" = true))]
pub(super) struct Each<T>(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<T>,
);

/// The words and rules of a ValidatingAdmissionPolicyBinding.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "uniqueItems" = true,
        "not" = { "allOf": [{ "contains": { "const": "Deny" } }, { "contains": { "const": "Warn" } }] },
    )
)]
pub(super) struct Actions(
    #[schemars(length(min = 1))]
    #[allow(dead_code, reason = "for the schema")]
    Vec<ActionFile>,
);

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ValidationAction")]
pub(in crate::config) enum ActionFile {
    /// The request is refused. Not together with Warn.
    Deny,
    /// The request is let through and its sender sees a warning. Not together with Deny.
    Warn,
    /// The violation stands in the audit event of the request.
    Audit,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IpFamily")]
pub(in crate::config) enum IpFamilyFile {
    IPv4,
    IPv6,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Operation")]
#[serde(rename_all = "UPPERCASE")]
pub(in crate::config) enum OperationFile {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Relation")]
pub(in crate::config) enum RelationFile {
    /// The new CIDR is the same as the other.
    Same,
    /// The new CIDR lies within the other.
    Within,
    /// The new CIDR contains the other: so a range is made larger.
    Contains,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Preset")]
#[serde(rename_all = "camelCase")]
pub(in crate::config) enum PresetFile {
    /// A host's own addresses.
    Loopback,
    /// Addresses of one link, among them the metadata services of clouds.
    LinkLocal,
    /// Groups of receivers.
    Multicast,
    /// Addresses of examples in documents.
    Documentation,
    /// Between carriers and their customers.
    Cgnat,
    /// What Azure Kubernetes Service keeps.
    Aks,
    /// What Amazon Elastic Kubernetes Service keeps.
    Eks,
    /// What Google Kubernetes Engine keeps.
    Gke,
    /// What OVN-Kubernetes takes by default.
    OvnKubernetes,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Discover")]
#[serde(rename_all = "camelCase")]
pub(in crate::config) enum DiscoverFile {
    /// `spec.podCIDRs` of every node.
    #[serde(rename = "nodePodCIDRs")]
    NodePodCidrs,
    /// `status.addresses` of every node.
    NodeAddresses,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OnStale")]
pub(in crate::config) enum OnStaleFile {
    /// What follows from a violation of the rule.
    RuleAction,
    /// At most a warning.
    Warn,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WarnOn")]
pub(in crate::config) enum WarnOnFile {
    /// None.
    Never,
    /// Those that store nothing: `kubectl apply --dry-run=server`.
    DryRun,
    /// All that change CIDRs or delete.
    Always,
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

impl From<RelationFile> for Relation {
    fn from(relation: RelationFile) -> Self {
        match relation {
            RelationFile::Same => Self::Same,
            RelationFile::Within => Self::Within,
            RelationFile::Contains => Self::Contains,
        }
    }
}

impl From<PresetFile> for Preset {
    fn from(preset: PresetFile) -> Self {
        match preset {
            PresetFile::Loopback => Self::Loopback,
            PresetFile::LinkLocal => Self::LinkLocal,
            PresetFile::Multicast => Self::Multicast,
            PresetFile::Documentation => Self::Documentation,
            PresetFile::Cgnat => Self::Cgnat,
            PresetFile::Aks => Self::Aks,
            PresetFile::Eks => Self::Eks,
            PresetFile::Gke => Self::Gke,
            PresetFile::OvnKubernetes => Self::OvnKubernetes,
        }
    }
}

impl From<DiscoverFile> for NodeNetwork {
    fn from(discover: DiscoverFile) -> Self {
        match discover {
            DiscoverFile::NodePodCidrs => Self::PodCidr,
            DiscoverFile::NodeAddresses => Self::Address,
        }
    }
}

impl From<OnStaleFile> for OnStale {
    fn from(on_stale: OnStaleFile) -> Self {
        match on_stale {
            OnStaleFile::RuleAction => Self::RuleAction,
            OnStaleFile::Warn => Self::Warn,
        }
    }
}

impl From<WarnOnFile> for WarnOn {
    fn from(warn_on: WarnOnFile) -> Self {
        match warn_on {
            WarnOnFile::Never => Self::Never,
            WarnOnFile::DryRun => Self::DryRun,
            WarnOnFile::Always => Self::Always,
        }
    }
}
