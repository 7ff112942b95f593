//! `serve --inventory FILE`: decisions, report, metrics and reloads.

use std::fs;

use serde_json::Value;

use crate::program::{Server, eventually, fixtures, program, run};
use crate::violations;

const NO_OVERLAP: &str =
    "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nnoOverlap: {validationActions: [Deny]}\n";
const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

/// Starts a server with a copy of a recorded list.
fn server_with_inventory(policy: &str, list: &str) -> (Server, std::path::PathBuf, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("inventory.json");
    fs::copy(fixtures().join("inventories").join(list), &path).unwrap();
    let server = Server::start_with(policy, &["--inventory", path.to_str().unwrap()]);
    (server, path, folder)
}

/// A recorded CREATE with another CIDR.
fn create(cidr: &str, is_dry_run: bool) -> Vec<u8> {
    let recorded = fs::read_to_string(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    let dry_run = format!("\"dryRun\": {is_dry_run}");
    recorded.replace("10.96.0.0/24", cidr).replace("\"dryRun\": false", &dry_run).into_bytes()
}

fn message(answer: &Value) -> &str {
    answer["response"]["status"]["message"].as_str().unwrap_or_default()
}

#[test]
fn file_inventory_is_used_for_decisions() {
    let (server, ..) = server_with_inventory(NO_OVERLAP, "full.json");
    let answer = server.review(&create("10.96.0.0/24", true));
    assert_eq!(message(&answer), violations::overlap_with_default("10.96.0.0/24").to_string());
    let warning = "IPv4: 14 usable, 14 used, 0 free; with newcidr1: 254 usable, 240 free (+240)";
    assert_eq!(answer["response"]["warnings"], serde_json::json!([warning]));
    let answer = server.review(&create("10.97.0.0/24", false));
    assert_eq!((message(&answer), &answer["response"]["warnings"]), ("", &Value::Null));
    assert_eq!(
        server.metric(r#"servicecidr_guard_findings_total{rule="no-overlap",action="Deny"}"#).as_deref(),
        Some("1")
    );
}

#[test]
fn dry_run_has_the_same_verdict() {
    let (server, ..) = server_with_inventory(NO_OVERLAP, "full.json");
    for cidr in ["10.96.0.0/24", "10.97.0.0/24", "10.96.0.0/28", "bogus"] {
        let [dry, real] = [true, false].map(|is_dry_run| server.review(&create(cidr, is_dry_run)));
        for field in ["allowed", "status"] {
            assert_eq!(dry["response"][field], real["response"][field], "{cidr}");
        }
    }
}

#[test]
fn served_report_matches_command() {
    for list in ["full.json", "extended.json", "terminating.json"] {
        let (server, path, _folder) = server_with_inventory(DENY_ALL, list);
        let answer = server.get(&format!("{}/report", server.health));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        let at_port: Value = serde_json::from_str(answer.body()).unwrap();
        let printed = run(&["report", "-o", "json", "-f", path.to_str().unwrap()]);
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        assert_eq!(at_port, printed, "{list}");
    }
}

#[test]
fn capacity_metrics_match_report() {
    let (server, ..) = server_with_inventory(DENY_ALL, "extended.json");
    let metric = |name: &str| server.metric(&format!("servicecidr_guard_{name}")).unwrap_or_default();
    assert_eq!(metric(r#"clusterip_usable_ips{cidr="10.96.0.0/28"}"#), "14.0");
    assert_eq!(metric(r#"clusterip_allocated_ips{cidr="10.96.0.0/24"}"#), "18.0");
    assert_eq!(metric(r#"clusterip_available_ips{cidr="10.96.0.0/24"}"#), "236.0");
    assert_eq!(metric(r#"clusterip_static_band_ips{cidr="10.96.0.0/24"}"#), "16.0");
    assert_eq!(metric(r#"clusterip_static_band_allocated_ips{cidr="10.96.0.0/24"}"#), "14.0");
    assert_eq!(metric(r#"clusterip_family_available_ips{family="IPv4"}"#), "236.0");
    assert_eq!(metric(r#"clusterip_family_usable_ips{family="IPv6"}"#), "0.0");
    assert_eq!((metric("overlaps"), metric("clusterip_cidrs_omitted")), ("1".to_owned(), "0".to_owned()));
    assert_eq!(
        server.wait_for_log("overlapping CIDRs")["overlap"],
        "10.96.0.0/24 of ServiceCIDR newcidr1 contains 10.96.0.0/28 of ServiceCIDR kubernetes"
    );
}

#[test]
fn changed_file_is_reloaded_and_invalid_file_is_ignored() {
    let (server, path, _folder) = server_with_inventory(NO_OVERLAP, "full.json");
    let is_allowed = |cidr: &str| server.review(&create(cidr, false))["response"]["allowed"] == true;
    assert!(is_allowed("10.97.0.0/24"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("10.96.0.0/28", "10.97.0.0/28")).unwrap();
    eventually("the changed file is loaded", || !is_allowed("10.97.0.0/24") && is_allowed("10.96.0.0/24"));
    for broken in [&text[..text.len() / 2], "", "{\"kind\":\"List\",\"items\":[]}"] {
        fs::write(&path, broken).unwrap();
        server.wait_for_log("inventory reload failed, keeping the previous one");
        assert!(!is_allowed("10.97.0.0/24") && is_allowed("10.96.0.0/24"));
    }
    fs::remove_file(&path).unwrap();
    server.wait_for_log("inventory reload failed, keeping the previous one");
    assert!(!is_allowed("10.97.0.0/24"));
    fs::write(&path, text).unwrap();
    eventually("the restored file is loaded", || is_allowed("10.97.0.0/24"));
}

#[test]
fn report_and_cluster_rules_require_inventory() {
    let server = Server::start(DENY_ALL);
    let answer = server.get(&format!("{}/report", server.health));
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.body(), "no inventory is configured: start with --inventory cluster or --inventory FILE\n");
    fs::write(server.path("policy.yaml"), NO_OVERLAP).unwrap();
    let check_startup_fails = server.wait_for_log("policy reload failed, keeping the previous one");
    assert_eq!(check_startup_fails["error"], "the rule no-overlap needs an inventory: start with --inventory");
    let denied = server.review(&create("10.97.0.0/24", false));
    assert!(message(&denied).contains("the policy denies it"), "{denied}");
}

/// Checks the error of a start with these arguments.
#[track_caller]
fn check_startup_fails(policy: &str, more: &[&str], code: i32, expected: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    assert!(program().arg("certs").arg("--out").arg(folder.path()).output().unwrap().status.success());
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    fs::write(folder.path().join("empty.json"), "{\"kind\":\"List\",\"items\":[]}").unwrap();
    let output = program()
        .args(["serve", "--policy", "policy.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
        .args(more)
        .current_dir(folder.path())
        .env("KUBECONFIG", "none-here")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), printed.as_str()), (Some(code), expected));
}

#[test]
fn missing_or_invalid_inventory_fails_startup() {
    check_startup_fails(
        NO_OVERLAP,
        &[],
        2,
        "error: the rule no-overlap of policy.yaml needs the cluster state, and there is no inventory\n\
         hint: serve --inventory cluster, or remove the rule from the policy\n",
    );
    check_startup_fails(
        DENY_ALL,
        &["--inventory", "absent.json"],
        2,
        "error: --inventory absent.json: No such file or directory (os error 2)\n",
    );
    check_startup_fails(
        DENY_ALL,
        &["--inventory", "empty.json"],
        2,
        "error: --inventory empty.json: contains no ServiceCIDR: every cluster has one\n",
    );
    check_startup_fails(
        DENY_ALL,
        &["--inventory", "policy.yaml"],
        2,
        "error: --inventory policy.yaml: contains no ServiceCIDR: every cluster has one\n",
    );
    check_startup_fails(
        DENY_ALL,
        &["--context", "prod"],
        2,
        "error: --context is for --inventory cluster and --tls-secret only\n",
    );
    check_startup_fails(
        DENY_ALL,
        &["--inventory", "cluster", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"],
        3,
        "error: no cluster: none-here: No such file or directory (os error 2): set KUBECONFIG, or name a file with --kubeconfig FILE\n",
    );
}
