//! The latency that a webhook adds to a dry-run create on a real kube-apiserver. The prefix of the name selects the
//! webhook, so that all take turns within one run.

use std::time::Instant;

use serde_json::{Value, json};

use crate::common::client::CIDR;
use crate::common::table::{Table, goal};
use crate::control_plane::{ControlPlane, base64};
use crate::program::eventually;
use crate::served::{self, BARE, OURS, OUTSIDE, RULES, Served};

/// Creates per round and webhook, and the number of measured rounds.
const CREATES: usize = 300;
const ROUNDS: usize = 7;
const POLICY: &str = "ValidatingAdmissionPolicy";
const NO_WEBHOOK: &str = "no webhook";

/// A webhook or policy, and the name prefix that selects it.
struct Variant {
    label: &'static str,
    prefix: &'static str,
}

pub fn measure() {
    if std::env::var_os("SERVICECIDR_GUARD_CLUSTER_BIN").is_none() {
        println!("\nSkipped: SERVICECIDR_GUARD_CLUSTER_BIN is not set; `tests/cluster/build` creates the folder");
        return;
    }
    let plane = ControlPlane::start();
    let mut webhooks = vec![("ours", served::ours(OURS, None, RULES, &[])), ("bare", served::bare())];
    webhooks.extend(served::net_http().map(|served| ("nethttp", served)));
    register(&plane, &webhooks);
    register_policy(&plane);
    let variants = webhooks.iter().map(|(prefix, served)| Variant { label: served.label, prefix });
    let variants: Vec<Variant> = variants
        .chain([Variant { label: POLICY, prefix: "policy" }, Variant { label: NO_WEBHOOK, prefix: "nothing" }])
        .collect();
    for variant in variants.iter().filter(|variant| ![BARE, NO_WEBHOOK].contains(&variant.label)) {
        eventually("the webhooks are called", || create(&plane, variant.prefix, OUTSIDE.0).0 != 201);
    }
    let before: Vec<f64> = webhooks.iter().map(|(_, served)| served.process.cpu()).collect();
    turns(&plane, &variants);
    println!("\nCPU time of a webhook for each create");
    for ((_, served), before) in webhooks.iter().zip(before) {
        let cpu = (served.process.cpu() - before) / (CREATES * (ROUNDS + 1)) as f64 / 1e3;
        println!("  {:<52} {cpu:>6.1} µs", served.label);
        assert!(cpu > 5.0, "{} wasn't called", served.label);
    }
}

/// Creates in turns, forward and backward.
fn turns(plane: &ControlPlane, variants: &[Variant]) {
    let labels: Vec<&str> = variants.iter().map(|variant| variant.label).collect();
    let [mut p50, mut p99] = [(); 2].map(|()| Table::new(&labels));
    let mut added = Table::new(&labels[..labels.len() - 1]);
    for round in 0..=ROUNDS {
        let mut times = vec![Vec::with_capacity(CREATES); variants.len()];
        for turn in 0..CREATES {
            for place in 0..variants.len() {
                let place = if turn % 2 == 0 { place } else { variants.len() - 1 - place };
                let began = Instant::now();
                let (status, answer) = create(plane, variants[place].prefix, CIDR);
                times[place].push(began.elapsed().as_nanos() as f64);
                assert_eq!(status, 201, "{}: {answer}", variants[place].label);
            }
        }
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        let of = |percent: usize| times.iter().map(|times| times[CREATES * percent / 100]).collect::<Vec<f64>>();
        if round > 0 {
            p50.push(&of(50));
            p99.push(&of(99));
            let (no_webhook, others) =
                of(50).split_last().map(|(no_webhook, others)| (*no_webhook, others.to_vec())).unwrap();
            added.push(&others.iter().map(|other| other - no_webhook).collect::<Vec<f64>>());
        }
    }
    let what = format!("{} of each", CREATES * ROUNDS);
    p50.print_of(&format!("A dry-run create of a ServiceCIDR on kube-apiserver: p50, {what}"), "time to the answer");
    p99.print_of(&format!("The same: p99, {what}"), "time to the answer");
    added.print_of("Added latency: p50", "time");
    goal("added / bare", added.ratio(0, 1), 1.15, "x");
}

fn create(plane: &ControlPlane, prefix: &str, cidr: &str) -> (u16, Value) {
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
        "metadata": {"name": format!("{prefix}-a")}, "spec": {"cidrs": [cidr]},
    });
    plane.post("/apis/networking.k8s.io/v1/servicecidrs?dryRun=All", &object)
}

fn rules() -> Value {
    json!([{
        "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1", "v1beta1"],
        "operations": ["CREATE", "UPDATE"], "resources": ["servicecidrs"],
    }])
}

fn named(prefix: &str) -> Value {
    json!([{"name": "of-this-prefix", "expression": format!("object.metadata.name.startsWith('{prefix}-')")}])
}

fn register(plane: &ControlPlane, webhooks: &[(&str, Served)]) {
    let webhooks = webhooks.iter().map(|(prefix, served)| {
        let url = format!("https://{}/validate", served.target.address);
        json!({
            "name": format!("{prefix}.servicecidr-guard.local"),
            "clientConfig": {"url": url, "caBundle": base64(std::str::from_utf8(&served.target.ca).unwrap())},
            "rules": rules(), "matchConditions": named(prefix),
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
        })
    });
    let webhooks: Vec<Value> = webhooks.collect();
    create_object(
        plane,
        "validatingwebhookconfigurations",
        json!({"metadata": {"name": "peers"}, "webhooks": webhooks}),
    );
}

/// The documented policy of allowed ranges.
fn register_policy(plane: &ControlPlane) {
    let spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules()},
        "matchConditions": named("policy"),
        "variables": [{"name": "allowed", "expression": "['10.96.0.0/16', '2001:db8::/64']"}],
        "validations": [{
            "expression": "object.spec.cidrs.all(each, variables.allowed.exists(range, cidr(range).containsCIDR(each)))",
        }],
    });
    create_object(plane, "validatingadmissionpolicies", json!({"metadata": {"name": "ranges"}, "spec": spec}));
    let spec = json!({"policyName": "ranges", "validationActions": ["Deny", "Audit"]});
    create_object(plane, "validatingadmissionpolicybindings", json!({"metadata": {"name": "ranges"}, "spec": spec}));
}

fn create_object(plane: &ControlPlane, resource: &str, object: Value) {
    let (status, answer) = plane.post(&format!("/apis/admissionregistration.k8s.io/v1/{resource}"), &object);
    assert_eq!(status, 201, "{answer}");
}
