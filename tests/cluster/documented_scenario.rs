//! The scenario "Extend Service IP Ranges" of the Kubernetes documentation with the webhook, and the results of the
//! commands compared with kube-apiserver at each step.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::{eventually, program};
use crate::webhook::{self, ALLOWED, SERVICE_CIDRS};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn create_service(plane: &ControlPlane, name: &str, cluster_ip: Option<&str>) -> (u16, Value) {
    let mut service = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    if let Some(ip) = cluster_ip {
        service["spec"]["clusterIP"] = json!(ip);
    }
    plane.post(SERVICES, &service)
}

/// The result of a command for the current state of the cluster.
fn run_command(plane: &ControlPlane, arguments: &[&str]) -> Value {
    let kinds = "servicecidrs,ipaddresses,services";
    run_on_list(&plane.kubectl_ok(&["get", kinds, "--all-namespaces", "-o", "json"], ""), arguments)
}

/// The result of a command for a list.
pub fn run_on_list(list: &str, arguments: &[&str]) -> Value {
    let mut child = program()
        .args(arguments)
        .args(["-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

/// The free addresses according to `report`, which must match `simulate`.
fn free(plane: &ControlPlane) -> usize {
    let report = run_command(plane, &["report"]);
    let free: usize = report["families"][0]["free"].as_str().unwrap().parse().unwrap();
    assert_eq!(run_command(plane, &["simulate", "--services", "1000"])["fit"], free);
    free
}

/// Creates Services until one is rejected. Returns their number and the error.
fn fill(plane: &ControlPlane) -> (usize, String) {
    for count in 0..20 {
        let (status, answer) = create_service(plane, &format!("test-{}", count + 1), None);
        if status != 201 {
            return (count, answer["message"].as_str().unwrap_or_default().to_owned());
        }
    }
    panic!("the range is never full");
}

fn delete_services(plane: &ControlPlane, prefix: &str) {
    let list = plane.get(SERVICES).1;
    for service in list["items"].as_array().unwrap() {
        let name = service["metadata"]["name"].as_str().unwrap();
        if name.starts_with(prefix) {
            assert_eq!(plane.delete(&format!("{SERVICES}/{name}")).0, 200);
        }
    }
}

#[test]
fn documented_scenario_works() {
    let plane = ControlPlane::start();
    let _server = webhook::start(&plane, ALLOWED);
    webhook::wait_until_outside(&plane, "172.20.0.0/16");

    // A /28 has 14 usable addresses; the Service `kubernetes` has one.
    assert_eq!(free(&plane), 13);
    let (count, refusal) = fill(&plane);
    assert_eq!(count, 13);
    assert!(refusal.ends_with("range is full"), "{refusal}");
    assert_eq!(free(&plane), 0);
    delete_services(&plane, "test-");
    // As in the documentation, kube-dns has .10.
    assert_eq!(create_service(&plane, "kube-dns", Some("10.96.0.10")).0, 201);
    assert_eq!(free(&plane), 12);
    let explanation = run_command(&plane, &["explain", "kubernetes"]);
    let dns = &explanation["knownAddresses"][1];
    assert_eq!((&dns["address"], &dns["allocation"]["name"]), (&json!("10.96.0.10"), &json!("kube-dns")));
    let (count, refusal) = fill(&plane);
    assert_eq!(count, 12);
    assert!(refusal.ends_with("range is full"), "{refusal}");

    let forecast = run_command(&plane, &["report", "--add", "newcidr1=10.96.0.0/24"]);
    assert_eq!(forecast["difference"][0], json!({"family": "IPv4", "gained": "240", "lost": "0"}));
    webhook::create_ready(&plane, "newcidr1", &["10.96.0.0/24"]);
    assert_eq!(run_command(&plane, &["report"])["families"], forecast["after"]["families"]);
    assert_eq!(free(&plane), 254 - 14);
    eventually("new Services get addresses", || create_service(&plane, "more-0", None).0 == 201);
    for number in 1..4 {
        assert_eq!(create_service(&plane, &format!("more-{number}"), None).0, 201);
    }
    // The first range is full, so these are outside the first 16 addresses.
    let addresses = plane.get("/apis/networking.k8s.io/v1/ipaddresses").1;
    let outside = addresses["items"].as_array().unwrap().iter().filter(|address| {
        let last = address["metadata"]["name"].as_str().unwrap().rsplit('.').next().unwrap();
        last.parse::<u8>().unwrap() >= 15
    });
    assert_eq!(outside.count(), 4);

    assert_eq!(free(&plane), 254 - 18);
    let impact = &run_command(&plane, &["explain", "newcidr1"])["deletion"];
    let names = |named: &Value| -> Vec<String> {
        let first = named["first"].as_array().unwrap();
        let mut names: Vec<String> = first.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&impact["blocking"]), ["more-0", "more-1", "more-2", "more-3"]);
    assert_eq!((&impact["completes"], names(&impact["stranded"])), (&json!(false), names(&impact["blocking"])));

    let newcidr1 = format!("{SERVICE_CIDRS}/newcidr1");
    assert_eq!(plane.delete(&newcidr1).0, 200);
    eventually("the deletion is pending", || condition(&plane.get(&newcidr1).1) == Some("False"));
    assert_eq!(free(&plane), 0);
    assert_eq!(run_command(&plane, &["report"])["families"][0]["inUnusableCIDRs"], "4");
    delete_services(&plane, "more-");
    assert_eq!(run_command(&plane, &["explain", "newcidr1"])["deletion"]["completes"], true);
    eventually("newcidr1 is deleted after its Services", || plane.get(&newcidr1).0 == 404);
}
