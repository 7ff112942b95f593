//! The alerts: promtool's unit tests, and the metrics that kube-apiserver has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{chart, install::Release};
use crate::control_plane::{ControlPlane, free_ports, output_text};
use crate::webhook::{create, create_ready};

#[test]
fn promtool_rule_tests_pass() {
    let run = |arguments: &[&str]| {
        Command::new("promtool")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output()
            .expect("promtool must be on PATH: Debian's package `prometheus` has it")
    };
    let checked = run(&["check", "rules", "--lint=all", "--lint-fatal", "charts/servicecidr-guard/files/alerts.yaml"]);
    assert!(checked.status.success(), "{}", output_text(&checked));
    let tested = run(&["test", "rules", "tests/chart/alerts_test.yaml"]);
    assert!(tested.status.success(), "{}", output_text(&tested));
}

#[test]
fn kube_apiserver_has_the_alert_metrics() {
    let plane = ControlPlane::start();
    create_ready(&plane, "extra", &["10.97.0.0/24"]);
    let [port] = free_ports();
    // Without a pod, every call fails.
    Release::new(&plane, port).install(&[]);
    crate::program::eventually("the webhook is called", || create(&plane, "probe", &["10.98.0.0/24"], true).0 == 500);
    plane.kubectl_ok(&["delete", "servicecidr", "extra", "--dry-run=server"], "");

    let Value::String(page) = plane.get("/metrics").1 else { panic!("no metrics of kube-apiserver") };
    let mut named = BTreeSet::new();
    for file in ["alerts.yaml", "dashboard.json"] {
        let text = fs::read_to_string(format!("{}/files/{file}", chart())).unwrap();
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        named.extend(words.filter(|word| word.starts_with("apiserver_")).map(str::to_owned));
    }
    assert_eq!(named.len(), 3, "{named:?}");
    for metric in &named {
        assert!(page.lines().any(|line| line.starts_with(&format!("{metric}{{"))), "kube-apiserver has no {metric}");
    }
    for (metric, labels) in [
        ("rejection_count", &["error_type=\"calling_webhook_error\"", "name=\"enforce.servicecidr-guard.local\""][..]),
        ("fail_open_count", &["name=\"warn.servicecidr-guard.local\""]),
    ] {
        let mut lines =
            page.lines().filter(|line| line.starts_with(&format!("apiserver_admission_webhook_{metric}{{")));
        assert!(lines.any(|line| labels.iter().all(|label| line.contains(label))), "no {metric} with {labels:?}");
    }
}
