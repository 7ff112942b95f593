//! Messages that no other test covers.

use std::fs;
use std::process::Output;

use tempfile::TempDir;

use crate::program::{Server, agent, fixtures, program};

/// Runs `explain` on a list or a folder.
fn explain(place: &str, list: &str) -> Output {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("list.json"), list).unwrap();
    program().args(["explain", "10.96.0.0", "-f", place]).current_dir(folder.path()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn folder_without_lists_is_an_error() {
    let output = explain("empty", "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "error: empty: no *.json, *.yaml or *.yml in it\n");
}

#[test]
fn missing_kubernetes_assumes_both_families() {
    let list = r#"{"kind":"ServiceCIDR","metadata":{"name":"more"},"spec":{"cidrs":["10.96.0.0/24"]}}"#;
    let output = explain("list.json", list);
    let noted = "note: no ServiceCIDR `kubernetes` was read: both IP families are assumed to be configured\n";
    assert!(stderr(&output).contains(noted), "{output:?}");
}

#[test]
fn explain_reports_unready_range() {
    let printed = explain_kubernetes(
        r#"{"kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.96.0.0/24"]},
        "status":{"conditions":[{"type":"Ready","status":"False","message":"","reason":"","lastTransitionTime":null}]}}"#,
    );
    let line = "- 10.96.0.0/24 has no allocatable addresses: its condition Ready is not True\n";
    assert!(printed.contains(line), "{printed}");
}

#[test]
fn explain_shows_a_cluster_scoped_parent() {
    let printed = explain_kubernetes(
        r#"{"kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.96.0.0/24"]}}
        {"kind":"IPAddress","metadata":{"name":"10.96.0.10"},
        "spec":{"parentRef":{"group":"example.com","resource":"pools","name":"dns"}}}"#,
    );
    let line = "- 10.96.0.10 is by convention the address of kube-dns: allocated to pools.example.com dns\n";
    assert!(printed.contains(line), "{printed}");
}

/// The output of `explain kubernetes` for a list of objects.
fn explain_kubernetes(list: &str) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("list.json"), list).unwrap();
    let mut command = program();
    let output =
        command.args(["explain", "kubernetes", "-f", "list.json"]).current_dir(folder.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn missing_service_account_token_has_a_hint() {
    let folder = TempDir::new().unwrap();
    let certs = program().arg("certs").arg("--out").arg(folder.path()).output().unwrap();
    assert!(certs.status.success(), "{certs:?}");
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.yaml");
    fs::copy(policy, folder.path().join("policy.yaml")).unwrap();
    let output = program()
        .args(["serve", "--policy", "policy.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
        .args(["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--inventory", "cluster"])
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", "1")
        .env_remove("KUBECONFIG")
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let stderr = stderr(&output);
    assert!(stderr.starts_with("error: the pod's account: "), "{stderr}");
    let what = ": set `automountServiceAccountToken: true`, or name a file with --kubeconfig FILE\n";
    assert!(stderr.ends_with(what), "{stderr}");
}

#[test]
fn log_reports_skipped_rejected_and_noted_input() {
    let folder = TempDir::new().unwrap();
    let overlapping = |number: u32| {
        format!(r#"{{"kind":"ServiceCIDR","metadata":{{"name":"n{number}"}},"spec":{{"cidrs":["10.96.0.0/24"]}}}}"#)
    };
    let mut items: Vec<String> = (0..12).map(overlapping).collect();
    let inventory = folder.path().join("list.json");
    let write = |items: &[String]| {
        fs::write(&inventory, format!(r#"{{"kind":"List","items":[{}]}}"#, items.join(","))).unwrap();
    };
    write(&items);
    let head = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";
    let server = Server::start_with(&format!("{head}denyAll: {{}}\n"), &["--inventory", inventory.to_str().unwrap()]);
    assert!(server.wait_for_log("more overlapping CIDRs")["more"].as_u64().unwrap() > 0);
    items.push(r#"{"kind":"IPAddress","metadata":{"name":"no address"}}"#.to_owned());
    write(&items);
    let skipped = server.wait_for_log("inventory object skipped")["object"].clone();
    assert!(skipped.as_str().unwrap().ends_with("metadata.name: not an IP address"), "{skipped}");

    let ca = fs::read(server.folder.path().join("ca.crt")).unwrap();
    let answer = agent(&ca).post(format!("{}/validate", server.webhook)).content_type("text/plain").send("{}").unwrap();
    assert_eq!(answer.status(), 415);
    assert_eq!(server.wait_for_log("request body rejected")["error"], "Content-Type is not application/json");
    server.review(&fs::read(fixtures().join("admission/refused-resource/request.json")).unwrap());
    let rejected = server.wait_for_log("review rejected");
    assert!(rejected["error"].as_str().unwrap().starts_with("request.resource: unexpected resource "), "{rejected}");

    let noted = format!("{head}allowedRanges: {{ranges: [10.96.5.7/16]}}\n");
    fs::write(server.folder.path().join("policy.yaml"), noted).unwrap();
    server.signal("HUP");
    let note = server.wait_for_log("policy reloaded with a note")["note"].clone();
    assert!(note.as_str().unwrap().contains("`10.96.5.7/16` has host bits set: use 10.96.0.0/16"), "{note}");
}
