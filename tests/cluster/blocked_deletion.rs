//! The documented scenario from the blocked deletion of newcidr1 to its end.

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, SERVICE_CIDRS};

use super::dry_run_scenario::{synced_report, warnings};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn manifest(name: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\n\
         spec: {{cidrs: [10.96.0.0/24]}}\n"
    )
}

fn create_service(plane: &ControlPlane, name: &str) -> (u16, Value) {
    plane.post(SERVICES, &json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}))
}

/// Whether a Service is rejected because no range has a free address.
fn is_rejected(plane: &ControlPlane) -> bool {
    let (status, answer) = create_service(plane, "none");
    status == 500 && answer["message"].as_str().unwrap().ends_with("range is full")
}

/// The capacity metrics: usable, allocated and available, of a CIDR and of IPv4.
fn capacity_metrics(server: &Server, cidr: &str) -> [Option<String>; 6] {
    let of = |labels: &str, count: &str| server.metric(&format!("servicecidr_guard_clusterip_{count}{{{labels}}}"));
    let (cidr, family) = (format!("cidr=\"{cidr}\""), "family=\"IPv4\"");
    [
        of(&cidr, "usable_ips"),
        of(&cidr, "allocated_ips"),
        of(&cidr, "available_ips"),
        of(family, "family_usable_ips"),
        of(family, "family_allocated_ips"),
        of(family, "family_available_ips"),
    ]
}

fn metric_values<const N: usize>(metric_values: [f64; N]) -> [Option<String>; N] {
    metric_values.map(|number| Some(format!("{number:.1}")))
}

#[test]
fn blocked_deletion_is_excluded_from_capacity() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "usable: {}\n");
    webhook::create_ready(&plane, "newcidr1", &["10.96.0.0/24"]);
    for last in 2..15 {
        let spec = json!({"clusterIP": format!("10.96.0.{last}"), "ports": [{"port": 80}]});
        let service = json!({"metadata": {"name": format!("test-{last}")}, "spec": spec});
        assert_eq!(plane.post(SERVICES, &service).0, 201);
    }
    for number in 0..4 {
        assert_eq!(create_service(&plane, &format!("more-{number}")).0, 201);
    }
    synced_report(&plane, &server);
    eventually("the metrics have 18 allocated addresses", || {
        capacity_metrics(&server, "10.96.0.0/24") == metric_values([254.0, 18.0, 236.0, 254.0, 18.0, 236.0])
    });

    let newcidr1 = format!("{SERVICE_CIDRS}/newcidr1");
    let printed = warnings(&plane, &["delete", "--wait=false", "--dry-run=server", "servicecidr", "newcidr1"], "");
    assert_eq!(
        printed,
        [
            "IPv4: 254 usable, 18 used, 236 free; without newcidr1: 14 usable, 0 free (-236)",
            "deleting newcidr1 will hang: IPAddresses are in no other ServiceCIDR: 4",
        ]
    );
    assert_eq!(plane.get(&newcidr1).1["metadata"]["deletionTimestamp"], Value::Null);
    assert_eq!(plane.delete(&newcidr1).0, 200);
    eventually("the deletion is pending", || condition(&plane.get(&newcidr1).1) == Some("False"));

    let report = synced_report(&plane, &server);
    assert_eq!(
        (&report["families"][0]["usable"], &report["families"][0]["inUnusableCIDRs"]),
        (&json!("14"), &json!("4"))
    );
    eventually("the metrics have 14 allocated addresses", || {
        capacity_metrics(&server, "10.96.0.0/24") == metric_values([0.0, 18.0, 0.0, 14.0, 14.0, 0.0])
    });
    eventually("kube-apiserver allocates no address of newcidr1", || is_rejected(&plane));
    let apply = |name: &str| warnings(&plane, &["apply", "--dry-run=server", "-f", "-"], &manifest(name));
    assert_eq!(
        apply("newcidr2"),
        [
            "IPv4: 14 usable, 14 used, 0 free; with newcidr2: 254 usable, 236 free (+236)",
            &violations::overlap("10.96.0.0/24", [("10.96.0.0/24", "newcidr1"), ("10.96.0.0/28", "kubernetes")])
                .message(),
        ]
    );

    for number in 0..4 {
        assert_eq!(plane.delete(&format!("{SERVICES}/more-{number}")).0, 200);
    }
    eventually("newcidr1 is deleted after its Services", || plane.get(&newcidr1).0 == 404);
    let report = synced_report(&plane, &server);
    assert_eq!(report["serviceCIDRs"].as_array().unwrap().len(), 1);
    eventually("no metric has newcidr1", || {
        let [none, nor, neither, rest @ ..] = capacity_metrics(&server, "10.96.0.0/24");
        [none, nor, neither] == [None, None, None] && rest == metric_values([14.0, 14.0, 0.0])
    });
    assert!(is_rejected(&plane));
    assert_eq!(plane.delete(&format!("{SERVICES}/test-7")).0, 200);
    assert_eq!(synced_report(&plane, &server)["families"][0]["free"], "1");
    eventually("one Service gets an address", || create_service(&plane, "last").0 == 201);
    assert!(is_rejected(&plane));
    synced_report(&plane, &server);
    assert_eq!(
        apply("newcidr1"),
        [
            "IPv4: 14 usable, 14 used, 0 free; with newcidr1: 254 usable, 240 free (+240)",
            &violations::overlap_with_default("10.96.0.0/24").message(),
        ]
    );
}
