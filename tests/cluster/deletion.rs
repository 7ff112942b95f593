//! What a deletion is answered with, and what kube-controller-manager then does.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, CONFIGURATIONS, SERVICE_CIDRS, create_ready, exists};

use super::dry_run_scenario::synced_report;

/// A Service with an address.
fn service(plane: &ControlPlane, name: &str, address: &str) {
    let service = json!({"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}});
    eventually("the Service gets its address", || plane.post("/api/v1/namespaces/default/services", &service).0 == 201);
}

/// Asks for the deletion of a ServiceCIDR as kubectl does: whether it was let through, and what was said.
fn delete(plane: &ControlPlane, name: &str) -> (bool, String) {
    let output = plane.kubectl(&["delete", "--wait=false", "servicecidr", name], "");
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Puts a finalizer of the test's own on a ServiceCIDR, so that its deletion doesn't end, and asks for it.
fn keep_terminating(plane: &ControlPlane, server: &Server, name: &str) {
    let patch = r#"[{"op":"add","path":"/metadata/finalizers/-","value":"example.org/kept"}]"#;
    plane.kubectl_ok(&["patch", "servicecidr", name, "--type=json", "-p", patch], "");
    assert!(delete(plane, name).0);
    eventually("the inventory knows that it is terminating", || {
        let report = synced_report(plane, server);
        let entries = report["serviceCIDRs"].as_array().unwrap();
        entries.iter().any(|entry| entry["name"] == name && entry["state"] == "Terminating")
    });
}

/// What kube-apiserver holds of a ServiceCIDR.
fn service_cidr(plane: &ControlPlane, name: &str) -> Value {
    plane.get(&format!("{SERVICE_CIDRS}/{name}")).1
}

#[test]
fn deletion_in_use_warns_unless_covered() {
    let plane = ControlPlane::start();
    let server = webhook::start_following(&plane, "deletion: {}\n");
    create_ready(&plane, "newcidr1", &["10.97.0.0/24"]);
    service(&plane, "web", "10.97.0.20");
    service(&plane, "cart", "10.97.0.21");
    synced_report(&plane, &server);

    let blocked = violations::blocked("newcidr1", &[("10.97.0.20", "web"), ("10.97.0.21", "cart")]);
    assert_eq!(delete(&plane, "newcidr1"), (true, format!("Warning: {blocked}\n")));
    // Longer than the ten seconds that kube-controller-manager lets pass before it lets one go.
    eventually("its deletion waits", || condition(&service_cidr(&plane, "newcidr1")) == Some("False"));
    thread::sleep(Duration::from_secs(12));
    assert!(exists(&plane, "newcidr1"));
    assert!(service_cidr(&plane, "newcidr1")["metadata"]["finalizers"].is_array());

    create_ready(&plane, "newcidr2", &["10.97.0.0/16"]);
    eventually("it is gone, because newcidr2 covers it", || !exists(&plane, "newcidr1"));
    create_ready(&plane, "newcidr3", &["10.97.0.0/24"]);
    synced_report(&plane, &server);
    assert_eq!(delete(&plane, "newcidr3"), (true, String::new()));
    eventually("what is covered goes", || !exists(&plane, "newcidr3"));
    assert_eq!(synced_report(&plane, &server)["families"][0]["inUnusableCIDRs"], "0");
}

#[test]
fn stranding_deletion_is_denied() {
    let plane = ControlPlane::start();
    let server = webhook::start_following(&plane, "deletion: {}\n");
    create_ready(&plane, "parent", &["10.97.0.0/16"]);
    create_ready(&plane, "child", &["10.97.0.0/24"]);
    service(&plane, "web", "10.97.0.20");
    keep_terminating(&plane, &server, "parent");

    let (is_allowed, stderr) = delete(&plane, "child");
    assert!(!is_allowed);
    let stranded = violations::stranded("child", &[("10.97.0.20", "web")]);
    assert!(stderr.contains(&format!("denied the request: {stranded}")), "{stderr}");
    assert_eq!(service_cidr(&plane, "child")["metadata"]["deletionTimestamp"], Value::Null);

    // The same without us: it goes, and the address is in no range that gives any.
    assert_eq!(plane.delete(&format!("{CONFIGURATIONS}/guard")).0, 200);
    eventually("nobody refuses any more", || delete(&plane, "child").0);
    eventually("kube-controller-manager lets it go", || !exists(&plane, "child"));
    let report = synced_report(&plane, &server);
    assert_eq!(report["families"][0]["inUnusableCIDRs"], "1");
    assert_eq!(report["addressesInUnusableCIDRs"]["first"][0]["address"], "10.97.0.20");
}
