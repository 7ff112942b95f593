//! The inventory survives restarts of the API server, and the webhook never blocks the control plane.

use serde_json::json;
use servicecidr_guard::inventory::Operation;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, CONFIGURATIONS, SERVICE_CIDRS, create_ready, exists, get};

use super::dry_run_scenario::synced_report;

const STRICTEST_POLICY: &str = "denyAll: {operations: [CREATE, UPDATE, DELETE]}\nallowedRanges: {ranges: [192.0.2.0/24]}\n\
    noOverlap: {validationActions: [Deny]}\nprefixLength: {ipv4: {shortest: 30}}\nusable: {validationActions: [Deny]}\n\
    reservedNetworks: {presets: [loopback, cgnat], discover: [nodePodCIDRs, nodeAddresses]}\n\
    deletion: {blocked: [Deny], stranded: [Deny]}\n";

fn age(server: &Server) -> f64 {
    let age = server.metric(r#"servicecidr_guard_inventory_age_seconds{kind="ServiceCIDR"}"#);
    age.unwrap().parse().unwrap()
}

#[test]
fn recovers_after_api_server_restart() {
    let mut plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "noOverlap: {}\n");
    plane.stop_apiserver();
    eventually("the inventory age grows", || age(&server) > 3.0);
    assert_eq!(get(&server, "/readyz"), (200, "ok\n".to_owned()));
    plane.start_apiserver();
    plane.wait_until_ready();
    eventually("the inventory is fresh again", || age(&server) < 2.0);
    create_ready(&plane, "after", &["10.97.0.0/24"]);
    let report = synced_report(&plane, &server);
    assert!(report["serviceCIDRs"].as_array().unwrap().iter().any(|entry| entry["name"] == "after"));
}

#[test]
fn recovers_after_etcd_restore() {
    let mut plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "noOverlap: {}\n");
    create_ready(&plane, "doomed", &["10.97.0.0/24"]);
    synced_report(&plane, &server);
    plane.stop_apiserver();
    // No watch can report this deletion: kube-apiserver is down, and etcd is compacted.
    plane.delete_from_etcd("/registry/servicecidrs/doomed");
    plane.compact_etcd();
    plane.start_apiserver();
    plane.wait_until_ready();
    eventually("the deleted ServiceCIDR is removed", || {
        let report = synced_report(&plane, &server);
        report["serviceCIDRs"].as_array().unwrap().iter().all(|entry| entry["name"] != "doomed")
    });
    create_ready(&plane, "after", &["10.98.0.0/24"]);
    synced_report(&plane, &server);
}

#[test]
fn control_plane_works_under_strictest_policy() {
    let mut plane = ControlPlane::start();
    create_ready(&plane, "before", &["10.97.0.0/24"]);
    let server = webhook::start_with_inventory(&plane, STRICTEST_POLICY);
    webhook::wait_until_refused(&plane, "10.98.0.0/24", &violations::denied(Operation::Create, "probe").to_string());
    let denials = || {
        let page = server.get(&format!("{}/metrics", server.health)).into_body();
        let lines = page.lines().filter(|line| line.starts_with("servicecidr_guard_admission_requests_total"));
        let denied = lines.filter(|line| line.contains(r#"decision="deny""#) && line.contains(r#"dry_run="false""#));
        denied.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(denials(), 0);

    plane.recreate_default();

    // A deletion that was not evaluated completes under the policy.
    let configuration = plane.get(&format!("{CONFIGURATIONS}/guard")).1;
    assert_eq!(plane.delete(&format!("{CONFIGURATIONS}/guard")).0, 200);
    // Dry runs aren't counted: kube-apiserver still calls the webhook for a moment.
    eventually("the webhook is no longer called", || {
        webhook::create(&plane, "probe", &["10.98.0.0/24"], true).0 == 201
    });
    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/before")).0, 200);
    let webhooks = json!({
        "apiVersion": configuration["apiVersion"], "kind": configuration["kind"],
        "metadata": {"name": "guard"}, "webhooks": configuration["webhooks"],
    });
    webhook::register(&plane, &webhooks);
    eventually("the finalizer is removed", || !exists(&plane, "before"));
    assert_eq!(denials(), 0);
}
