//! The rule deletion compared with kube-controller-manager.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, CONFIGURATIONS, SERVICE_CIDRS, create_ready, exists};

use super::dry_run_scenario::synced_report;

/// Creates a Service with a ClusterIP.
fn service(plane: &ControlPlane, name: &str, address: &str) {
    let service = json!({"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}});
    eventually("the Service gets a ClusterIP", || plane.post("/api/v1/namespaces/default/services", &service).0 == 201);
}

/// Deletes a ServiceCIDR with kubectl. Returns whether it was allowed, and stderr.
fn delete(plane: &ControlPlane, name: &str) -> (bool, String) {
    let output = plane.kubectl(&["delete", "--wait=false", "servicecidr", name], "");
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Deletes a ServiceCIDR with an additional finalizer, so that it stays terminating.
fn keep_terminating(plane: &ControlPlane, server: &Server, name: &str) {
    let patch = r#"[{"op":"add","path":"/metadata/finalizers/-","value":"example.org/kept"}]"#;
    plane.kubectl_ok(&["patch", "servicecidr", name, "--type=json", "-p", patch], "");
    assert!(delete(plane, name).0);
    eventually("the ServiceCIDR is terminating in the report", || {
        let report = synced_report(plane, server);
        let entries = report["serviceCIDRs"].as_array().unwrap();
        entries.iter().any(|entry| entry["name"] == name && entry["state"] == "Terminating")
    });
}

/// The stored ServiceCIDR.
fn service_cidr(plane: &ControlPlane, name: &str) -> Value {
    plane.get(&format!("{SERVICE_CIDRS}/{name}")).1
}

#[test]
fn deletion_in_use_warns_unless_covered() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "deletion: {}\n");
    create_ready(&plane, "newcidr1", &["10.97.0.0/24"]);
    service(&plane, "web", "10.97.0.20");
    service(&plane, "cart", "10.97.0.21");
    synced_report(&plane, &server);

    let blocked = violations::blocked("newcidr1", &[("10.97.0.20", "web"), ("10.97.0.21", "cart")]);
    assert_eq!(delete(&plane, "newcidr1"), (true, format!("Warning: {blocked}\n")));
    // Longer than the ten seconds that kube-controller-manager waits before it removes the finalizer.
    eventually("the deletion is pending", || condition(&service_cidr(&plane, "newcidr1")) == Some("False"));
    thread::sleep(Duration::from_secs(12));
    assert!(exists(&plane, "newcidr1"));
    assert!(service_cidr(&plane, "newcidr1")["metadata"]["finalizers"].is_array());

    create_ready(&plane, "newcidr2", &["10.97.0.0/16"]);
    eventually("newcidr1 is deleted, because newcidr2 covers it", || !exists(&plane, "newcidr1"));
    create_ready(&plane, "newcidr3", &["10.97.0.0/24"]);
    synced_report(&plane, &server);
    assert_eq!(delete(&plane, "newcidr3"), (true, String::new()));
    eventually("newcidr3 is deleted", || !exists(&plane, "newcidr3"));
    assert_eq!(synced_report(&plane, &server)["families"][0]["inUnusableCIDRs"], "0");
}

#[test]
fn stranding_deletion_is_denied() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "deletion: {}\n");
    create_ready(&plane, "parent", &["10.97.0.0/16"]);
    create_ready(&plane, "child", &["10.97.0.0/24"]);
    service(&plane, "web", "10.97.0.20");
    keep_terminating(&plane, &server, "parent");

    let (is_allowed, stderr) = delete(&plane, "child");
    assert!(!is_allowed);
    let stranded = violations::stranded("child", &[("10.97.0.20", "web")]);
    assert!(stderr.contains(&format!("denied the request: {stranded}")), "{stderr}");
    assert_eq!(service_cidr(&plane, "child")["metadata"]["deletionTimestamp"], Value::Null);

    // Without the webhook, the ServiceCIDR is deleted, and the address is in no usable range.
    assert_eq!(plane.delete(&format!("{CONFIGURATIONS}/guard")).0, 200);
    eventually("the webhook is no longer called", || delete(&plane, "child").0);
    eventually("kube-controller-manager removes the finalizer", || !exists(&plane, "child"));
    let report = synced_report(&plane, &server);
    assert_eq!(report["families"][0]["inUnusableCIDRs"], "1");
    assert_eq!(report["addressesInUnusableCIDRs"]["first"][0]["address"], "10.97.0.20");
}
