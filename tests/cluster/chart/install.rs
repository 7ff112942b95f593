//! `helm install`, `helm upgrade`, `helm rollback`, `helm uninstall`.

use std::fs;

use serde_json::{Value, json};
use servicecidr_guard::inventory::Operation;
use servicecidr_guard::inventory::UnusableReason;

use super::chart;
use super::pod::Pod;
use crate::control_plane::{ControlPlane, free_ports, output_text};
use crate::program::eventually;
use crate::violations;
use crate::webhook::wait_until_outside;
use crate::webhook::{CONFIGURATIONS, SERVICE_CIDRS, create, wait_until_refused};

/// The release `guard` in the namespace `default`, with a webhook on a port of this machine.
pub struct Release<'a> {
    plane: &'a ControlPlane,
    url: String,
}

impl<'a> Release<'a> {
    pub fn new(plane: &'a ControlPlane, port: u16) -> Self {
        Self { plane, url: format!("--set=webhook.url=https://127.0.0.1:{port}/validate") }
    }

    pub fn helm(&self, arguments: &[&str]) -> String {
        let output = self.plane.run_tool("helm", arguments, "");
        assert!(output.status.success(), "helm {arguments:?}: {}", output_text(&output));
        output_text(&output)
    }

    pub fn install(&self, values: &[&str]) -> String {
        self.helm(&[&["install", "guard", &chart(), &self.url], values].concat())
    }

    pub fn upgrade(&self, values: &[&str]) -> String {
        self.helm(&[&["upgrade", "guard", &chart(), &self.url], values].concat())
    }

    /// The only webhook configuration.
    pub fn configuration(&self) -> Value {
        let list = self.plane.get(CONFIGURATIONS).1;
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        list["items"][0].clone()
    }

    /// The CA bundle, which is the same for every webhook.
    pub fn bundle(&self) -> Value {
        let configuration = self.configuration();
        let webhooks = configuration["webhooks"].as_array().unwrap();
        let bundle = webhooks[0]["clientConfig"]["caBundle"].clone();
        assert!(webhooks.iter().all(|webhook| webhook["clientConfig"]["caBundle"] == bundle), "{configuration}");
        bundle
    }
}

const DENY_ALL: &str = "--set-json=policy.denyAll.operations=[\"CREATE\",\"UPDATE\",\"DELETE\"]";
const ALLOWED: &str = "--set-json=policy.allowedRanges.ranges=[\"10.96.0.0/16\"]";

#[test]
fn install_upgrade_rollback_uninstall() {
    let plane = ControlPlane::start();
    let [port] = free_ports();
    let release = Release::new(&plane, port);

    let notes = release.install(&[ALLOWED]);
    assert!(notes.contains("allowedRanges     Deny\n"), "{notes}");
    let pod = Pod::start(&plane, port);
    wait_until_outside(&plane, "172.20.0.0/16");
    assert_eq!(create(&plane, "inside", &["10.96.1.0/24"], false).0, 201);

    // The certificate is kept: the running pod keeps serving under the new configuration. Several times, because helm
    // uses server-side apply and must stay the owner of its fields.
    let before = release.bundle();
    for _ in 0..3 {
        release.upgrade(&[DENY_ALL]);
        assert_eq!(release.bundle(), before);
    }
    pod.update_volumes(&plane);
    wait_until_refused(&plane, "10.96.2.0/24", &violations::denied(Operation::Create, "probe").to_string());
    let refused = plane.delete(&format!("{SERVICE_CIDRS}/inside")).1;
    assert!(
        refused["message"].as_str().unwrap().contains(&violations::denied(Operation::Delete, "inside").to_string()),
        "{refused}"
    );
    plane.kubectl_ok(&["label", "servicecidr", "inside", "team=a"], "");
    check_metrics(&pod.page("/metrics"));

    release.helm(&["rollback", "guard", "1"]);
    pod.update_volumes(&plane);
    wait_until_outside(&plane, "172.20.0.0/16");
    assert_eq!(create(&plane, "again", &["10.96.2.0/24"], true).0, 201);
    assert_eq!(release.bundle(), before);

    // Emergency removal, and reinstallation.
    drop(pod);
    let (_, refused) = create(&plane, "again", &["10.96.2.0/24"], true);
    assert!(refused["message"].as_str().unwrap().contains("failed calling webhook"), "{refused}");
    plane.kubectl_ok(&["delete", "validatingwebhookconfiguration", "guard-servicecidr-guard"], "");
    eventually("no webhook is called", || create(&plane, "probe", &["172.20.0.0/16"], true).0 == 201);
    release.upgrade(&[ALLOWED]);
    let _pod = Pod::start(&plane, port);
    wait_until_outside(&plane, "172.20.0.0/16");

    release.helm(&["uninstall", "guard"]);
    eventually("no webhook is called any more", || create(&plane, "probe", &["172.20.0.0/16"], true).0 == 201);
    assert_eq!(plane.get(CONFIGURATIONS).1["items"], json!([]));
    let kinds = plane.kubectl_ok(&["api-resources", "--verbs=list", "-o", "name"], "");
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    assert!(kinds.contains(&"poddisruptionbudgets.policy"), "{kinds:?}");
    let left = plane.kubectl_ok(&["get", &kinds.join(","), "--all-namespaces", "-o", "name"], "");
    assert!(!left.contains("servicecidr-guard") && !left.contains("sh.helm.release"), "{left}");
}

#[test]
fn default_values_deny_nothing() {
    let plane = ControlPlane::start();
    let [port] = free_ports();
    let release = Release::new(&plane, port);
    let notes = release.install(&[]);
    assert!(notes.contains("Nothing is denied"), "{notes}");
    let pod = Pod::start(&plane, port);
    eventually("the inventory is read", || ureq::get(format!("{}/report", pod.health)).call().is_ok());
    for (cidr, warning) in [
        ("10.96.0.0/24", violations::overlap_with_default("10.96.0.0/24").to_string()),
        ("127.0.1.0/24", "spec.cidrs[0]: 127.0.1.0/24 is within 127.0.0.0/8 of preset loopback".to_owned()),
        ("10.97.0.0/31", violations::unusable("10.97.0.0/31", UnusableReason::TooSmall).to_string()),
    ] {
        let manifest = format!(
            "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: risky}}\nspec: {{cidrs: [{cidr}]}}\n"
        );
        let output = plane.kubectl_ok(&["create", "--dry-run=server", "-f", "-"], &manifest);
        assert!(output.contains(&format!("Warning: {warning}")) && output.contains("risky created"), "{output}");
    }
}

/// Every metric in alerts and dashboard exists once a request was denied.
fn check_metrics(page: &str) {
    for file in ["alerts.yaml", "dashboard.json"] {
        let text = fs::read_to_string(format!("{}/files/{file}", chart())).unwrap();
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        // Except errors of a list or watch, which did not occur.
        let named = words.filter(|word| word.starts_with("servicecidr_guard_") && !word.contains("inventory_errors"));
        for metric in named {
            let is_there = page
                .lines()
                .any(|line| line.starts_with(&format!("{metric}{{")) || line.starts_with(&format!("{metric} ")));
            assert!(is_there, "{file} names {metric}, which /metrics lacks:\n{page}");
        }
    }
}
