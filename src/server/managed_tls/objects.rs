//! The Secret and the ValidatingWebhookConfiguration, as far as they matter here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::k8s::{NamedObject, Observed};
use crate::pki::CaBundle;

use super::ca_set::{CaSet, UnusableSecret};

/// An annotation of the Secret: another value than before requests a new CA.
const ROTATE: &str = "servicecidr-guard/rotate-ca";

/// Both objects, as last observed.
pub(super) struct Objects {
    pub secret: Observed<Secret>,
    pub configuration: Observed<Configuration>,
}

/// The Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Secret {
    pub metadata: Metadata,
    /// The entries, in base64.
    #[serde(default)]
    pub data: Option<BTreeMap<String, String>>,
}

/// The ValidatingWebhookConfiguration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Configuration {
    pub metadata: Metadata,
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub resource_version: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    managed_fields: Vec<ManagedFields>,
}

/// An entry of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct ManagedFields {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    time: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub name: String,
    pub client_config: ClientConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientConfig {
    url: Option<String>,
    service: Option<ServiceReference>,
    #[serde(default)]
    ca_bundle: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct ServiceReference {
    namespace: String,
    name: String,
}

impl Objects {
    /// The CAs of the Secret; `None` if it doesn't exist or was not read.
    pub fn ca_set(&self, common_name: &str) -> Option<Result<CaSet, UnusableSecret>> {
        let Observed::Present(secret) = &self.secret else { return None };
        Some(CaSet::parse(common_name, secret.data.as_ref().unwrap_or(&BTreeMap::new())))
    }

    /// The value of the Secret's annotation that requests a rotation, or "".
    pub fn rotation(&self) -> &str {
        let Observed::Present(secret) = &self.secret else { return "" };
        secret.metadata.annotations.as_ref().and_then(|all| all.get(ROTATE)).map_or("", String::as_str)
    }

    /// The webhooks of the configuration; none if it doesn't exist or was not read.
    pub fn webhooks(&self) -> &[Webhook] {
        match &self.configuration {
            Observed::Present(configuration) => &configuration.webhooks,
            Observed::Unread | Observed::Missing => &[],
        }
    }

    /// The CA bundle of each webhook; `None` if the configuration doesn't exist or was not read.
    pub fn bundles(&self) -> Option<Vec<CaBundle>> {
        let Observed::Present(configuration) = &self.configuration else { return None };
        Some(configuration.webhooks.iter().map(Webhook::bundle).collect())
    }
}

impl Secret {
    /// A merge patch to this set, for this version of the Secret.
    pub fn patch(&self, set: &CaSet) -> Value {
        json!({ "metadata": { "resourceVersion": self.metadata.resource_version }, "data": set.entries() })
    }
}

impl Configuration {
    /// A strategic merge patch that sets the bundle of every webhook, for this version of the object.
    pub fn patch(&self, bundle: &CaBundle) -> Value {
        let encoded = STANDARD.encode(bundle.pem());
        let webhook = |webhook: &Webhook| json!({ "name": webhook.name, "clientConfig": { "caBundle": encoded } });
        let webhooks: Vec<Value> = self.webhooks.iter().map(webhook).collect();
        json!({ "metadata": { "resourceVersion": self.metadata.resource_version }, "webhooks": webhooks })
    }
}

impl Webhook {
    /// The CAs that kube-apiserver trusts.
    pub fn bundle(&self) -> CaBundle {
        let encoded = self.client_config.ca_bundle.as_deref().unwrap_or_default();
        CaBundle::from_pem(&STANDARD.decode(encoded).unwrap_or_default())
    }

    /// The name for which kube-apiserver verifies the certificate.
    pub fn server_name(&self) -> Option<String> {
        match &self.client_config {
            ClientConfig { service: Some(ServiceReference { namespace, name }), .. } => {
                Some(format!("{name}.{namespace}.svc"))
            }
            ClientConfig { url: Some(url), .. } => {
                let host = url.parse::<http::Uri>().ok()?.host()?.to_owned();
                Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
            }
            ClientConfig { .. } => None,
        }
    }
}

impl Metadata {
    /// Who else wrote the object last, according to `managedFields`. Their times are in seconds, so that a replica may have
    /// written at the same time.
    pub fn last_writer(&self) -> String {
        let others = self.managed_fields.iter().filter(|fields| fields.manager != NamedObject::FIELD_MANAGER);
        let newest = others.max_by(|left, right| left.time.cmp(&right.time));
        newest.map_or_else(
            || "unknown".to_owned(),
            |ManagedFields { manager, operation, time }| format!("{manager} ({operation}) at {time}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_writer_is_another_one() {
        let metadata = |fields: Value| -> Metadata {
            serde_json::from_value(json!({ "resourceVersion": "1", "managedFields": fields })).unwrap()
        };
        let entry = |manager: &str, time: &str| json!({ "manager": manager, "operation": "Update", "time": time });
        let second = "2026-11-27T10:00:01Z";
        let fields = json!([
            entry("helm", "2026-11-27T10:00:00Z"),
            entry("kubectl-patch", second),
            entry("servicecidr-guard", second),
        ]);
        assert_eq!(metadata(fields).last_writer(), format!("kubectl-patch (Update) at {second}"));
        assert_eq!(metadata(json!([entry("servicecidr-guard", second)])).last_writer(), "unknown");
    }
}
