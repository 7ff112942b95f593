//! The deletion of the last usable ServiceCIDR of a family is denied; what happens without the webhook.

use serde_json::{Value, json};
use servicecidr_guard::net::IpFamily;

use crate::control_plane::ControlPlane;
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, CONFIGURATIONS, SERVICE_CIDRS, create_ready};

use super::dry_run_scenario::synced_report;

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn create_service(plane: &ControlPlane, name: &str, families: &[&str]) -> (u16, Value) {
    let policy = if families.len() == 2 { "RequireDualStack" } else { "SingleStack" };
    let spec = json!({"ipFamilies": families, "ipFamilyPolicy": policy, "ports": [{"port": 80}]});
    plane.post(SERVICES, &json!({"metadata": {"name": name}, "spec": spec}))
}

#[test]
fn deletion_of_last_cidr_of_family_is_denied() {
    let plane = ControlPlane::start_with("10.96.0.0/28,fd00:10:96::/112");
    let server = webhook::start_with_inventory(&plane, "deletion: {}\n");
    assert_eq!(create_service(&plane, "both", &["IPv4", "IPv6"]).0, 201);
    let report = synced_report(&plane, &server);
    let used = |report: &Value| [0, 1].map(|family| report["families"][family]["used"].as_str().unwrap().to_owned());
    assert_eq!(used(&report), ["2", "1"]);

    create_ready(&plane, "four", &["10.97.0.0/24"]);
    create_ready(&plane, "six", &["fd00:10:97::/112"]);
    // The Service `kubernetes` keeps the ServiceCIDR terminating: no other contains its address.
    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/kubernetes")).0, 200);
    eventually("kubernetes is terminating in the report", || {
        let report = synced_report(&plane, &server);
        report["serviceCIDRs"].as_array().unwrap().iter().any(|entry| entry["state"] == "Terminating")
    });
    let report = synced_report(&plane, &server);
    assert_eq!(report["families"][0]["usable"], "254");
    assert_eq!(report["families"][1]["usable"], "65535");
    eventually("kube-apiserver allocates from `six`", || create_service(&plane, "six", &["IPv6"]).0 == 201);

    let (status, answer) = plane.delete(&format!("{SERVICE_CIDRS}/six"));
    assert_eq!(status, 403, "{answer}");
    let last = |family| violations::last_of_family("six", family).to_string();
    assert!(answer["message"].as_str().unwrap().contains(&last(IpFamily::IPv6)), "{answer}");
    assert!(!answer["message"].as_str().unwrap().contains(&last(IpFamily::IPv4)), "{answer}");
    let stored = plane.get(&format!("{SERVICE_CIDRS}/six")).1;
    assert_eq!(stored["metadata"]["deletionTimestamp"], Value::Null);
    assert_eq!(create_service(&plane, "six-again", &["IPv6"]).0, 201);

    // Without the webhook.
    assert_eq!(plane.delete(&format!("{CONFIGURATIONS}/guard")).0, 200);
    eventually("the webhook is no longer called", || plane.delete(&format!("{SERVICE_CIDRS}/six")).0 == 200);
    eventually("no Service gets an IPv6 address", || create_service(&plane, "probe", &["IPv6"]).0 == 500);
    assert_eq!(create_service(&plane, "four", &["IPv4"]).0, 201);
    let report = synced_report(&plane, &server);
    assert_eq!((&report["families"][1]["usable"], &report["families"][1]["free"]), (&json!("0"), &json!("0")));
}
