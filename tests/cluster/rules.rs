//! Allowed ranges and deny-all, as kubectl shows them.

use servicecidr_guard::inventory::Operation;
use std::fs;

use crate::control_plane::{ControlPlane, output_text};
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, ALLOWED, POLICY, create, create_ready, exists};

fn manifest(name: &str, cidrs: &[&str]) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\nspec: {{cidrs: {cidrs:?}}}\n"
    )
}

#[test]
fn kubectl_shows_allowed_ranges_violations() {
    let plane = ControlPlane::start();
    let server = webhook::start(&plane, ALLOWED);
    webhook::wait_until_outside(&plane, "172.20.0.0/16");

    let outside = violations::outside(0, "172.20.0.0/16", &["10.96.0.0/16"]);
    let refusal = format!(
        "Error from server (Forbidden): error when creating \"STDIN\": \
         admission webhook \"enforce.servicecidr-guard.local\" denied the request: {outside}\n"
    );
    for dry_run in [&["--dry-run=server"][..], &[]] {
        let apply = |manifest: &str| plane.kubectl(&[&["apply", "-f", "-"], dry_run].concat(), manifest);
        let how = if dry_run.is_empty() { "" } else { " (server dry run)" };
        let ok = apply(&manifest("inside", &["10.96.1.0/24"]));
        assert_eq!(output_text(&ok), format!("servicecidr.networking.k8s.io/inside created{how}\n"));
        let ok = apply(&manifest("dual", &["2001:db8:0:0:ffff::/80", "10.96.0.0/20"]));
        assert_eq!(output_text(&ok), format!("servicecidr.networking.k8s.io/dual created{how}\n"));
        let refused = apply(&manifest("outside", &["172.20.0.0/16"]));
        assert!(!refused.status.success());
        assert_eq!(output_text(&refused), refusal);
    }

    let warn = format!("{POLICY}{}", ALLOWED.replace("]}", "], validationActions: [Warn]}"));
    fs::write(server.path("policy.yaml"), warn).unwrap();
    server.wait_for_log("policy reloaded");
    for dry_run in [&["--dry-run=server"][..], &[]] {
        let warned =
            plane.kubectl(&[&["create", "-f", "-"], dry_run].concat(), &manifest("outside", &["172.20.0.0/16"]));
        assert!(warned.status.success());
        assert_eq!(String::from_utf8(warned.stderr).unwrap(), format!("Warning: {outside}\n"));
    }
    assert!(exists(&plane, "outside"));
}

#[test]
fn deny_all_keeps_existing_service_cidrs() {
    let plane = ControlPlane::start();
    create_ready(&plane, "before", &["10.97.0.0/24"]);
    create_ready(&plane, "doomed", &["10.98.0.0/24"]);
    let server = webhook::start(&plane, "denyAll: {}\n");
    let denied = |operation, name: &str| format!("{}\n", violations::denied(operation, name));
    webhook::wait_until_refused(&plane, "10.96.1.0/24", denied(Operation::Create, "probe").trim_end());

    let refused = plane
        .kubectl(&["patch", "servicecidr", "before", "-p", r#"{"spec":{"cidrs":["10.97.0.0/24","fd00::/112"]}}"#], "");
    assert!(output_text(&refused).ends_with(&denied(Operation::Update, "before")));
    let (status, answer) = create(&plane, "kubernetes", &["10.96.0.0/28"], false);
    assert_eq!((status, &answer["reason"]), (409, &"AlreadyExists".into()), "{answer}");

    plane.kubectl_ok(&["label", "servicecidr", "before", "team=a"], "");
    plane.kubectl_ok(&["annotate", "servicecidr", "before", "why=because"], "");
    plane.kubectl_ok(&["label", "servicecidr", "kubernetes", "team=platform"], "");
    let finalizers = |list: &str| format!(r#"{{"metadata":{{"finalizers":{list}}}}}"#);
    let ours = r#"["networking.k8s.io/service-cidr-finalizer","example.org/mine"]"#;
    plane.kubectl_ok(&["patch", "servicecidr", "before", "--type=merge", "-p", &finalizers(ours)], "");
    let theirs = r#"["networking.k8s.io/service-cidr-finalizer"]"#;
    plane.kubectl_ok(&["patch", "servicecidr", "before", "--type=merge", "-p", &finalizers(theirs)], "");
    plane.kubectl_ok(&["delete", "servicecidr", "doomed", "--timeout=30s"], "");

    fs::write(server.path("policy.yaml"), format!("{POLICY}denyAll: {{operations: [DELETE]}}\n")).unwrap();
    server.wait_for_log("policy reloaded");
    let refused = plane.kubectl(&["delete", "servicecidr", "before"], "");
    assert!(output_text(&refused).ends_with(&denied(Operation::Delete, "before")));
    let refused = plane.kubectl(&["delete", "servicecidr", "-l", "team=a"], "");
    assert!(output_text(&refused).contains(&denied(Operation::Delete, "before")), "{}", output_text(&refused));
    let (status, answer) = plane.delete(&format!("{}?labelSelector=team%3Da", webhook::SERVICE_CIDRS));
    assert_eq!(status, 403, "deletecollection: {answer}");
    assert!(exists(&plane, "before"));
    assert_eq!(create(&plane, "after", &["10.99.0.0/24"], false).0, 201);
}

#[test]
fn appended_family_is_evaluated_alone() {
    let plane = ControlPlane::start();
    create_ready(&plane, "before", &["172.20.0.0/16"]);
    let _server = webhook::start(&plane, ALLOWED);
    webhook::wait_until_outside(&plane, "172.21.0.0/16");

    let append = |cidr: &str| {
        let patch = format!(r#"{{"spec":{{"cidrs":["172.20.0.0/16","{cidr}"]}}}}"#);
        plane.kubectl(&["patch", "servicecidr", "before", "-p", &patch], "")
    };
    let refused = append("fd00:10:96::/112");
    let why = violations::outside(1, "fd00:10:96::/112", &["2001:db8::/64"]);
    assert!(output_text(&refused).ends_with(&format!("{why}\n")), "{}", output_text(&refused));
    let admitted = append("2001:db8::/80");
    assert_eq!(output_text(&admitted), "servicecidr.networking.k8s.io/before patched\n");
    eventually("the update is stored", || {
        let stored = plane.get(&format!("{}/before", webhook::SERVICE_CIDRS)).1;
        stored["spec"]["cidrs"] == serde_json::json!(["172.20.0.0/16", "2001:db8::/80"])
    });
}
