//! A webhook that is registered with a control plane.

use std::fs;

use serde_json::{Value, json};

use crate::control_plane::{ADMIN, ControlPlane, base64};
use crate::program::{Server, eventually};
use crate::violations;

pub const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
pub const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// The first lines of every policy.
pub const POLICY: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";
/// The policy of the Kubernetes documentation: allowed ranges.
pub const ALLOWED: &str = "allowedRanges: {ranges: [10.96.0.0/16, \"2001:db8::/64\"]}\n";

/// Starts a webhook with the rules of `policy` and registers it for every operation and the status subresource,
/// without match conditions.
pub fn start(plane: &ControlPlane, rules: &str) -> Server {
    register_server(plane, Server::start(&format!("{POLICY}{rules}")))
}

/// Starts and registers a webhook with `--inventory cluster`.
pub fn start_with_inventory(plane: &ControlPlane, rules: &str) -> Server {
    let server = register_server(plane, start_unregistered(plane, ADMIN, rules));
    eventually("the inventory is read", || get(&server, "/report").0 == 200);
    server
}

/// Starts a webhook with `--inventory cluster` as a user, without registering it.
pub fn start_unregistered(plane: &ControlPlane, user: &str, rules: &str) -> Server {
    let kubeconfig = plane.kubeconfig_of(user);
    let follow = ["--inventory", "cluster", "--kubeconfig", kubeconfig.to_str().unwrap()];
    Server::start_with(&format!("{POLICY}{rules}"), &follow)
}

/// Status and body of a path of the health port.
pub fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = server.get(&format!("{}{path}", server.health));
    (answer.status().as_u16(), answer.into_body())
}

pub fn register_server(plane: &ControlPlane, server: Server) -> Server {
    let ca = fs::read_to_string(server.path("ca.crt")).unwrap();
    register(plane, &configuration(&format!("{}/validate", server.webhook), &ca));
    server
}

pub fn configuration(url: &str, ca: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"},
        "webhooks": [{
            "name": "enforce.servicecidr-guard.local",
            "clientConfig": {"url": url, "caBundle": base64(ca)},
            "rules": [{
                "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1", "v1beta1"],
                "operations": ["CREATE", "UPDATE", "DELETE"], "resources": ["servicecidrs", "servicecidrs/status"],
            }],
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
        }],
    })
}

/// Registers a webhook.
pub fn register(plane: &ControlPlane, configuration: &Value) {
    let (status, answer) = plane.post(CONFIGURATIONS, configuration);
    assert_eq!(status, 201, "{answer}");
}

/// Waits until a dry-run create of `cidr` is denied with `sentence` in the message: then the policy is active.
pub fn wait_until_refused(plane: &ControlPlane, cidr: &str, sentence: &str) {
    eventually("the policy is active", || {
        let (_, answer) = create(plane, "probe", &[cidr], true);
        answer["message"].as_str().is_some_and(|message| message.contains(sentence))
    });
}

/// Waits until a dry-run create of `cidr` is denied because it is outside the ranges of [`ALLOWED`].
pub fn wait_until_outside(plane: &ControlPlane, cidr: &str) {
    wait_until_refused(plane, cidr, &violations::outside(0, cidr, &["10.96.0.0/16"]).to_string());
}

/// Creates a ServiceCIDR.
pub fn create(plane: &ControlPlane, name: &str, cidrs: &[&str], dry_run: bool) -> (u16, Value) {
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
        "metadata": {"name": name}, "spec": {"cidrs": cidrs},
    });
    let query = if dry_run { "?dryRun=All" } else { "" };
    plane.post(&format!("{SERVICE_CIDRS}{query}"), &object)
}

/// Creates a ServiceCIDR and waits until it has its finalizer and is ready.
pub fn create_ready(plane: &ControlPlane, name: &str, cidrs: &[&str]) {
    let (status, answer) = create(plane, name, cidrs, false);
    assert_eq!(status, 201, "{answer}");
    eventually("the ServiceCIDR is ready", || {
        let stored = plane.get(&format!("{SERVICE_CIDRS}/{name}")).1;
        stored["metadata"]["finalizers"].is_array() && crate::control_plane::is_ready(&stored)
    });
}

/// Whether a ServiceCIDR is stored.
pub fn exists(plane: &ControlPlane, name: &str) -> bool {
    plane.get(&format!("{SERVICE_CIDRS}/{name}")).0 == 200
}
