//! Which webhook a request is sent to, and the warnings of the webhook that can't deny.

use std::collections::BTreeMap;

use serde_json::Value;

use super::install::Release;
use super::pod::Pod;
use crate::control_plane::{ControlPlane, free_ports};
use crate::program::eventually;
use crate::webhook::{SERVICE_CIDRS, create_ready};

const WEBHOOKS: [&str; 2] = ["enforce.servicecidr-guard.local", "warn.servicecidr-guard.local"];
/// The stored `spec.cidrs`.
const UNCHANGED: &str = r#"{"spec":{"cidrs":["10.97.0.0/24"]},"metadata":{"labels":{"a":"b"}}}"#;
const ADDED_FAMILY: &str = r#"{"spec":{"cidrs":["10.97.0.0/24","2001:db8:1::/108"]}}"#;
const ADDED_FAMILY_OF_DEFAULT: &str = r#"{"spec":{"cidrs":["10.96.0.0/28","2001:db8:1::/108"]}}"#;

/// Requests, all dry runs, and the webhook that each is sent to: with the default policy, with the rule deletion, and
/// with `preview.warnOn: Never`.
const TABLE: [(&[&str], [&str; 3]); 7] = [
    (&["create", "-f", "-"], ["enforce", "enforce", "enforce"]),
    (&["patch", "servicecidr", "extra", "--type=merge", "-p", ADDED_FAMILY], ["enforce", "enforce", "enforce"]),
    (&["patch", "servicecidr", "extra", "--type=merge", "-p", UNCHANGED], ["", "", ""]),
    (&["delete", "servicecidr", "extra"], ["warn", "enforce", ""]),
    (&["delete", "servicecidr", "kubernetes"], ["warn", "warn", "warn"]),
    (&["patch", "servicecidr", "kubernetes", "--type=merge", "-p", ADDED_FAMILY_OF_DEFAULT], ["warn", "warn", "warn"]),
    (&["label", "servicecidr", "kubernetes", "a=b"], ["", "", ""]),
];
const MANIFEST: &str =
    "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: new}\nspec: {cidrs: [10.98.0.0/24]}\n";

/// The number of requests that kube-apiserver has sent to each webhook.
fn request_counts(plane: &ControlPlane) -> BTreeMap<&'static str, u64> {
    let Value::String(page) = plane.get("/metrics").1 else { panic!("no metrics of kube-apiserver") };
    let counted = |name: &str| {
        let label = format!("name=\"{name}\"");
        let lines = page.lines().filter(|line| line.starts_with("apiserver_admission_webhook_request_total{"));
        lines
            .filter(|line| line.contains(&label))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    WEBHOOKS.map(|name| (name.split('.').next().unwrap(), counted(name))).into()
}

/// The webhooks that one request is sent to, once per call.
fn called_webhooks(plane: &ControlPlane, arguments: &[&str]) -> String {
    let before = request_counts(plane);
    plane.kubectl_ok(&[arguments, &["--dry-run=server"]].concat(), MANIFEST);
    let after = request_counts(plane);
    let names = after.iter().flat_map(|(name, count)| (before[name]..*count).map(|_| *name));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn no_request_goes_to_both_webhooks() {
    let plane = ControlPlane::start();
    create_ready(&plane, "extra", &["10.97.0.0/24"]);
    let [port] = free_ports();
    let release = Release::new(&plane, port);
    release.install(&[]);
    let _pod = Pod::start(&plane, port);
    let deletion = "--set-json=policy.deletion={}";
    let never = "--set=policy.preview.warnOn=Never";
    for (column, values) in [&[][..], &[deletion], &[never]].into_iter().enumerate() {
        release.upgrade(values);
        // kube-apiserver needs a moment to load the new configuration.
        let mut found = Vec::new();
        let expected = TABLE.map(|(_, called_webhooks)| called_webhooks[column].to_owned());
        eventually(&format!("{values:?}: the called webhooks are {expected:?}"), || {
            found = TABLE.iter().map(|(arguments, _)| called_webhooks(&plane, arguments)).collect();
            found == expected
        });
    }
}

#[test]
fn warn_webhook_warns_and_may_fail() {
    let plane = ControlPlane::start();
    create_ready(&plane, "extra", &["10.97.0.0/24"]);
    let [port] = free_ports();
    let release = Release::new(&plane, port);
    release.install(&[]);
    let pod = Pod::start(&plane, port);
    let dry_run = |name: &str| plane.kubectl_ok(&["delete", "servicecidr", name, "--dry-run=server"], "");
    // The ClusterIP of the release's Service can be in either range.
    eventually("the deletion is previewed", || {
        let output = dry_run("extra");
        output.contains("Warning: IPv4: 268 usable, 2 used, ") && output.contains("; without extra: 14 usable, ")
    });
    let output = dry_run("kubernetes");
    assert!(output.contains("Warning: metadata.name: ") && output.contains("kubernetes"), "{output}");

    release.upgrade(&["--set=webhook.warn.enabled=false"]);
    assert_eq!(release.configuration()["webhooks"].as_array().unwrap().len(), 1);
    eventually("there is no warning", || !dry_run("extra").contains("Warning"));

    release.upgrade(&[]);
    eventually("the deletion is previewed again", || dry_run("extra").contains("Warning"));
    drop(pod);
    assert!(!dry_run("kubernetes").contains("Warning"));
    // The deletion has started, and completes when no Service has an address of the range.
    plane.kubectl_ok(&["delete", "servicecidr", "extra", "--wait=false"], "");
    let left = plane.get(&format!("{SERVICE_CIDRS}/extra")).1;
    assert!(left["code"] == 404 || left["metadata"]["deletionTimestamp"].is_string(), "{left}");
}
