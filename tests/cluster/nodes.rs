//! Networks of nodes are reserved; the required permissions.

use std::fs;

use serde_json::json;
use servicecidr_guard::inventory::NodeNetwork;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::policy::RuleId;

use crate::control_plane::{ControlPlane, READER};
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, POLICY, create, get};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const DISCOVER: &str = "reservedNetworks: {discover: [nodePodCIDRs, nodeAddresses]}\n";

/// Creates a Node with a pod CIDR and an address.
fn node(plane: &ControlPlane, name: &str, pod_cidr: &str, address: &str) {
    let node = json!({"metadata": {"name": name}, "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]}});
    assert_eq!(plane.post("/api/v1/nodes", &node).0, 201);
    let status = json!({"status": {"addresses": [{"type": "InternalIP", "address": address}]}}).to_string();
    plane.kubectl_ok(&["patch", "node", name, "--subresource=status", "--type=merge", "-p", &status], "");
}

/// Grants the reader get, list and watch.
fn grant(plane: &ControlPlane, name: &str, group: &str, resources: &[&str]) {
    let role = json!({
        "metadata": {"name": name},
        "rules": [{"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"]}],
    });
    assert_eq!(plane.post(ROLES, &role).0, 201);
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": READER}],
    });
    assert_eq!(plane.post(BINDINGS, &binding).0, 201);
}

/// The message of a denied creation of `cidr`; empty if it is allowed.
fn denial(plane: &ControlPlane, cidr: &str) -> String {
    create(plane, "probe", &[cidr], true).1["message"].as_str().unwrap_or_default().to_owned()
}

fn forbidden(server: &Server, kind: &str) -> u64 {
    let name = format!(r#"servicecidr_guard_inventory_errors_total{{kind="{kind}",reason="forbidden"}}"#);
    server.metric(&name).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn node_networks_are_reserved() {
    let plane = ControlPlane::start();
    node(&plane, "worker-1", "10.244.1.0/24", "192.168.7.11");
    let server = webhook::start_with_inventory(&plane, DISCOVER);
    let expected = violations::reserved_by_node("10.244.0.0/16", NodeNetwork::PodCidr, "10.244.1.0/24", "worker-1");
    webhook::wait_until_refused(&plane, "10.244.0.0/16", &expected.to_string());
    let expected = violations::reserved_by_node("192.168.7.0/24", NodeNetwork::Address, "192.168.7.11/32", "worker-1");
    webhook::wait_until_refused(&plane, "192.168.7.0/24", &expected.to_string());
    assert_eq!(denial(&plane, "10.244.2.0/24"), "");
    node(&plane, "worker-2", "10.244.2.0/24", "192.168.7.12");
    let expected = violations::reserved_by_node("10.244.2.0/24", NodeNetwork::PodCidr, "10.244.2.0/24", "worker-2");
    webhook::wait_until_refused(&plane, "10.244.2.0/24", &expected.to_string());
    assert_eq!(plane.delete("/api/v1/nodes/worker-2").0, 200);
    eventually("a deleted node reserves nothing", || denial(&plane, "10.244.2.0/24").is_empty());

    // A policy that no longer needs nodes, and one that needs them again.
    let gauges = ["age_seconds", "objects", "skipped_objects", "synced"];
    let gauges = gauges.map(|gauge| format!("servicecidr_guard_inventory_{gauge}{{kind=\"Node\"}}"));
    for gauge in &gauges {
        assert!(server.metric(gauge).is_some(), "{gauge}");
    }
    fs::write(server.path("policy.yaml"), format!("{POLICY}reservedNetworks: {{presets: [loopback]}}\n")).unwrap();
    eventually("nodes reserve nothing", || denial(&plane, "10.244.1.0/24").is_empty());
    for gauge in &gauges {
        eventually(&format!("{gauge} is removed"), || server.metric(gauge).is_none());
    }
    fs::write(server.path("policy.yaml"), format!("{POLICY}{DISCOVER}")).unwrap();
    webhook::wait_until_refused(
        &plane,
        "10.244.1.0/24",
        &violations::reserved_by_node("10.244.1.0/24", NodeNetwork::PodCidr, "10.244.1.0/24", "worker-1").to_string(),
    );
}

#[test]
fn required_permissions_follow_the_policy() {
    let plane = ControlPlane::start();
    node(&plane, "worker-1", "10.244.1.0/24", "192.168.7.11");
    let rules = "noOverlap: {validationActions: [Deny]}\ndeletion: {}\n";
    let server =
        webhook::register_server(&plane, webhook::start_unregistered(&plane, READER, &format!("{rules}{DISCOVER}")));
    eventually("/readyz reports the missing permission", || {
        let (status, body) = get(&server, "/readyz");
        status == 503 && body.contains("can't list servicecidrs.networking.k8s.io: forbidden")
    });

    grant(&plane, "reader", "networking.k8s.io", &["servicecidrs", "ipaddresses"]);
    eventually("the webhook is ready without a restart", || {
        get(&server, "/readyz").0 == 200 && get(&server, "/report").0 == 200
    });
    webhook::wait_until_refused(&plane, "10.96.0.0/24", &violations::overlap_with_default("10.96.0.0/24").to_string());
    let expected = violations::syncing(RuleId::ReservedNetworks, ResourceKind::Nodes);
    webhook::wait_until_refused(&plane, "10.97.0.0/24", &expected.to_string());
    assert!(forbidden(&server, "Node") > 0);

    grant(&plane, "nodes", "", &["nodes"]);
    webhook::wait_until_refused(
        &plane,
        "10.244.1.0/24",
        &violations::reserved_by_node("10.244.1.0/24", NodeNetwork::PodCidr, "10.244.1.0/24", "worker-1").to_string(),
    );
    assert_eq!(denial(&plane, "10.97.0.0/24"), "");
}
