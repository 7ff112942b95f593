//! The permissions of a service account, and the errors without them.

use serde_json::json;
use servicecidr_guard::inventory::NodeNetwork;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::inventory::UnusableReason;
use servicecidr_guard::policy::RuleId;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, create, create_ready, get};

use super::dry_run_scenario::synced_report;

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
/// The service account, and its user name in messages of kube-apiserver.
const ACCOUNT: &str = "guard";
const USER: &str = "system:serviceaccount:default:guard";

/// Grants the service account verbs on resources of a group.
fn grant(plane: &ControlPlane, name: &str, group: &str, resources: &[&str], verbs: &[&str]) {
    let rules = json!([{"apiGroups": [group], "resources": resources, "verbs": verbs}]);
    assert_eq!(plane.post(ROLES, &json!({"metadata": {"name": name}, "rules": rules})).0, 201);
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": ACCOUNT}],
    });
    assert_eq!(plane.post(BINDINGS, &binding).0, 201);
}

const READ: [&str; 3] = ["get", "list", "watch"];
const NETWORKING: &str = "networking.k8s.io";

fn start(rules: &str) -> (ControlPlane, Server) {
    let plane = ControlPlane::start();
    plane.create_service_account(ACCOUNT);
    let server = webhook::register_server(&plane, webhook::start_unregistered(&plane, ACCOUNT, rules));
    (plane, server)
}

fn forbidden(server: &Server, kind: &str) -> Option<u64> {
    let name = format!(r#"servicecidr_guard_inventory_errors_total{{kind="{kind}",reason="forbidden"}}"#);
    server.metric(&name).map(|count| count.parse().unwrap())
}

/// Waits until the log has the missing permission, with the message of kube-apiserver.
fn wait_for_missing_permission(server: &Server, verb: &str, resource: &str, group: &str) {
    let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let expected = format!(
        "can't {verb} {name}: forbidden: {name} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in \
         API group \"{group}\" at the cluster scope"
    );
    eventually("the log names verb and resource", || {
        let line = server.wait_for_log("list or watch failed, retrying");
        line["reason"] == "forbidden" && line["error"] == expected.as_str()
    });
}

#[test]
fn read_access_to_two_resources_is_enough() {
    let plane = ControlPlane::start();
    plane.create_service_account(ACCOUNT);
    grant(&plane, "networks", NETWORKING, &["servicecidrs", "ipaddresses"], &READ);
    let rules = "noOverlap: {validationActions: [Deny]}\nusable: {validationActions: [Deny]}\n\
        reservedNetworks: {presets: [loopback]}\ndeletion: {blocked: [Deny]}\n";
    let server = webhook::register_server(&plane, webhook::start_unregistered(&plane, ACCOUNT, rules));
    eventually("the webhook is ready", || get(&server, "/readyz").0 == 200 && get(&server, "/report").0 == 200);
    synced_report(&plane, &server);
    webhook::wait_until_refused(&plane, "10.96.0.0/24", &violations::overlap_with_default("10.96.0.0/24").to_string());
    webhook::wait_until_refused(
        &plane,
        "fd00::/112",
        &violations::unusable("fd00::/112", UnusableReason::FamilyNotConfigured).to_string(),
    );
    create_ready(&plane, "used", &["10.97.0.0/24"]);
    let service = json!({"metadata": {"name": "web"}, "spec": {"clusterIP": "10.97.0.7", "ports": [{"port": 80}]}});
    eventually("a Service", || plane.post("/api/v1/namespaces/default/services", &service).0 == 201);
    synced_report(&plane, &server);
    let (status, answer) = plane.delete(&format!("{}/used", webhook::SERVICE_CIDRS));
    assert_eq!(status, 403, "{answer}");
    let why = violations::blocked("used", &[("10.97.0.7", "web")]).to_string();
    assert!(answer["message"].as_str().unwrap().contains(&why), "{answer}");
    assert_eq!(["ServiceCIDR", "IPAddress", "Node"].map(|kind| forbidden(&server, kind)), [Some(0), Some(0), None]);
}

#[test]
fn missing_node_permission_is_logged() {
    let (plane, server) =
        start("noOverlap: {validationActions: [Deny]}\nreservedNetworks: {discover: [nodePodCIDRs]}\n");
    let node =
        json!({"metadata": {"name": "worker-1"}, "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}});
    assert_eq!(plane.post("/api/v1/nodes", &node).0, 201);
    grant(&plane, "networks", NETWORKING, &["servicecidrs", "ipaddresses"], &READ);
    eventually("the webhook is ready", || get(&server, "/readyz") == (200, "ok\n".to_owned()));
    wait_for_missing_permission(&server, "list", "nodes", "");
    assert!(forbidden(&server, "Node").unwrap() > 0);
    let unknown = &violations::syncing(RuleId::ReservedNetworks, ResourceKind::Nodes).to_string();
    webhook::wait_until_refused(&plane, "10.97.0.0/24", unknown);
    // The other rules are evaluated.
    webhook::wait_until_refused(&plane, "10.96.0.0/24", &violations::overlap_with_default("10.96.0.0/24").to_string());

    grant(&plane, "list-nodes", "", &["nodes"], &["list"]);
    wait_for_missing_permission(&server, "watch", "nodes", "");
    grant(&plane, "watch-nodes", "", &["nodes"], &["watch"]);
    webhook::wait_until_refused(
        &plane,
        "10.244.1.0/24",
        &violations::reserved_by_node("10.244.1.0/24", NodeNetwork::PodCidr, "10.244.1.0/24", "worker-1").to_string(),
    );
    assert_eq!(create(&plane, "free", &["10.97.0.0/24"], true).0, 201);
    assert_eq!(get(&server, "/readyz").0, 200);
}

#[test]
fn missing_service_cidr_permission_fails_readyz() {
    let (plane, server) = start("noOverlap: {validationActions: [Deny]}\n");
    grant(&plane, "addresses", NETWORKING, &["ipaddresses"], &READ);
    let synced = r#"servicecidr_guard_inventory_synced{kind="IPAddress"}"#;
    eventually("the IPAddresses are read", || server.metric(synced).as_deref() == Some("1"));
    wait_for_missing_permission(&server, "list", "servicecidrs", NETWORKING);
    let expected = format!(
        "[-]inventory failed: syncing ServiceCIDRs 0: can't list servicecidrs.networking.k8s.io: forbidden: servicecidrs.networking.k8s.io is \
         forbidden: User \"{USER}\" cannot list resource \"servicecidrs\" in API group \"networking.k8s.io\" at the \
         cluster scope\nreadyz check failed\n"
    );
    for path in ["/readyz", "/readyz?verbose"] {
        let (status, body) = get(&server, path);
        assert!(status == 503 && body.ends_with(&expected), "{status} {body}");
    }
    assert_eq!(get(&server, "/livez").0, 200);
    assert_eq!(get(&server, "/report").0, 503);
    assert!(forbidden(&server, "ServiceCIDR").unwrap() > 0);
    assert_eq!(forbidden(&server, "IPAddress"), Some(0));
    let unknown = &violations::syncing(RuleId::NoOverlap, ResourceKind::ServiceCidrs).to_string();
    webhook::wait_until_refused(&plane, "10.97.0.0/24", unknown);
}
