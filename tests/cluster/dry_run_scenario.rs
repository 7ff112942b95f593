//! The documented scenario with `--inventory cluster`: dry runs, `/report` and `/metrics` at each step, compared with
//! kube-apiserver.

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::{Server, eventually};
use crate::violations;
use crate::webhook::{self, ALLOWED, SERVICE_CIDRS, get};

use super::documented_scenario::run_on_list;

const SERVICES: &str = "/api/v1/namespaces/default/services";
pub const NEWCIDR1: &str =
    "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: newcidr1}\nspec: {cidrs: [10.96.0.0/24]}\n";

/// The warnings that kubectl prints.
pub fn warnings(plane: &ControlPlane, arguments: &[&str], input: &str) -> Vec<String> {
    let output = plane.kubectl(arguments, input);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let warned = |line: &str| line.strip_prefix("Warning: ").unwrap_or_else(|| panic!("no warning: {line}")).to_owned();
    text.lines().map(warned).collect()
}

/// The result of `report` for a fresh list.
fn reported(plane: &ControlPlane) -> Value {
    let list = plane.kubectl_ok(&["get", "servicecidrs,ipaddresses", "-o", "json"], "");
    run_on_list(&list, &["report"])
}

/// Waits until `/report` equals the result of the command, and returns it.
pub fn synced_report(plane: &ControlPlane, server: &Server) -> Value {
    let mut last = Value::Null;
    eventually("/report equals the report of a fresh list", || {
        last = serde_json::from_str(&get(server, "/report").1).unwrap();
        last == reported(plane)
    });
    last
}

/// The available addresses of a CIDR according to the metric.
pub fn available(server: &Server, cidr: &str) -> Option<String> {
    server.metric(&format!("servicecidr_guard_clusterip_available_ips{{cidr=\"{cidr}\"}}"))
}

/// The free IPv4 addresses according to `/report`, which must match the metrics.
pub fn free(plane: &ControlPlane, server: &Server) -> usize {
    let report = synced_report(plane, server);
    let free = report["families"][0]["free"].as_str().unwrap();
    let metric = r#"servicecidr_guard_clusterip_family_available_ips{family="IPv4"}"#;
    eventually("the metric of the family equals the report", || {
        server.metric(metric).as_deref() == Some(&format!("{free}.0"))
    });
    for entry in report["serviceCIDRs"].as_array().unwrap() {
        let (cidr, free) = (entry["cidr"].as_str().unwrap(), entry["free"].as_str().unwrap());
        eventually("the metric of the CIDR equals the report", || available(server, cidr) == Some(format!("{free}.0")));
    }
    free.parse().unwrap()
}

fn create_service(plane: &ControlPlane, name: &str) -> (u16, Value) {
    plane.post(SERVICES, &json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}))
}

/// Creates Services until the range is full. Returns their number.
pub fn fill(plane: &ControlPlane, prefix: &str) -> usize {
    for count in 0..400 {
        let (status, answer) = create_service(plane, &format!("{prefix}-{count}"));
        if status != 201 {
            assert!(answer["message"].as_str().unwrap().ends_with("range is full"), "{answer}");
            return count;
        }
    }
    panic!("the range is never full");
}

#[test]
fn dry_runs_report_and_metrics_match_every_step() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, &format!("{ALLOWED}deletion: {{}}\n"));
    webhook::wait_until_outside(&plane, "172.20.0.0/16");
    let create = ["apply", "--dry-run=server", "-f", "-"];
    let overlap = &violations::overlap_with_default("10.96.0.0/24").message();

    assert_eq!(
        warnings(&plane, &create, NEWCIDR1),
        ["IPv4: 14 usable, 1 used, 13 free; with newcidr1: 254 usable, 253 free (+240)", overlap]
    );
    let fitting = free(&plane, &server);
    assert_eq!(available(&server, "10.96.0.0/28"), Some(format!("{fitting}.0")));
    assert_eq!(fill(&plane, "first"), fitting);
    assert_eq!(free(&plane, &server), 0);
    assert_eq!(available(&server, "10.96.0.0/28").as_deref(), Some("0.0"));

    assert_eq!(
        warnings(&plane, &create, NEWCIDR1),
        ["IPv4: 14 usable, 14 used, 0 free; with newcidr1: 254 usable, 240 free (+240)", overlap]
    );
    assert!(!webhook::exists(&plane, "newcidr1"));
    webhook::create_ready(&plane, "newcidr1", &["10.96.0.0/24"]);
    let fitting = free(&plane, &server);
    assert_eq!(fitting, 240);
    assert_eq!(available(&server, "10.96.0.0/24").as_deref(), Some("240.0"));
    eventually("kube-apiserver allocates from newcidr1", || create_service(&plane, "second").0 == 201);
    assert_eq!(fill(&plane, "more"), fitting - 1);
    assert_eq!(free(&plane, &server), 0);

    let printed = warnings(&plane, &["delete", "--dry-run=server", "servicecidr", "newcidr1"], "");
    assert!(
        ["metadata.name: ", "`newcidr1`", " 240 IPAddresses ", ": 10.96.0.15 (default/"]
            .map(|part| printed[0].contains(part))
            == [true; 4],
        "{printed:?}"
    );
    assert!(printed[1].ends_with(" and 230 more"), "{printed:?}");
    assert_eq!(printed[2..], ["IPv4: 254 usable, 254 used, 0 free; without newcidr1: 14 usable, 0 free (+0)"]);
    assert_eq!(condition(&plane.get(&format!("{SERVICE_CIDRS}/newcidr1")).1), Some("True"));

    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/newcidr1")).0, 200);
    let report = synced_report(&plane, &server);
    assert_eq!(report["families"][0]["usable"], "14");
    assert_eq!(report["families"][0]["inUnusableCIDRs"], "240");
    assert_eq!(create_service(&plane, "none-left").0, 500);
}
