//! The ValidatingAdmissionPolicies of `export vap` in a real kube-apiserver, compared with the webhook.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use servicecidr_guard::inventory::Operation;
use tempfile::TempDir;

use crate::control_plane::{ControlPlane, output_text};
use crate::oracle::generate::{self, Rng};
use crate::program::{eventually, run};
use crate::violations;
use crate::webhook::{self, CONFIGURATIONS, POLICY, SERVICE_CIDRS, create, create_ready, exists, wait_until_refused};

/// The output of `export vap` for the rules, as YAML.
fn exported(rules: &str) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("policy.yaml");
    fs::write(&path, format!("{POLICY}{rules}")).unwrap();
    let output = run(&["export", "vap", "--policy", path.to_str().unwrap(), "--name", "vap"]);
    assert!(output.status.success(), "{}", output_text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Applies the exported policies of the rules, and waits until they deny `refused`.
fn enforce(plane: &ControlPlane, rules: &str, refused: &str) {
    plane.kubectl_ok(&["apply", "--server-side", "-f", "-"], &exported(rules));
    wait_until_refused(plane, refused, "denied request: ");
}

fn remove_vap(plane: &ControlPlane, refused: &str) {
    plane.kubectl_ok(&["delete", "validatingadmissionpolicies,validatingadmissionpolicybindings", "--all"], "");
    eventually("the policies are removed", || create(plane, "probe", &[refused], true).0 == 201);
}

/// A dry-run request.
#[derive(Debug)]
enum DryRun {
    Create(Vec<String>),
    /// Updates a stored ServiceCIDR.
    Update(&'static str, Vec<String>),
    Delete(&'static str),
}

/// The ServiceCIDRs that are created before any policy.
const STORED: [(&str, &[&str]); 8] = [
    ("a", &["10.96.0.0/24"]),
    ("b", &["172.20.0.0/16"]),
    ("c", &["fd00:10:96::/112"]),
    ("d", &["2001:db8::/64"]),
    ("e", &["10.96.8.0/31"]),
    ("f", &["172.20.0.0/17", "fd00:10:96::/48"]),
    ("g", &["2001:db8::/128", "10.97.0.0/16"]),
    ("h", &["0.0.0.0/0"]),
];

fn generated(rng: &mut Rng, near: &[String], count: usize) -> Vec<DryRun> {
    let mut requests = Vec::new();
    for _ in 0..count {
        let list = generate::cidrs(rng, near);
        let (name, stored) = *rng.pick(&STORED);
        let stored: Vec<String> = stored.iter().map(|&text| text.to_owned()).collect();
        requests.push(match rng.below(8) {
            0..=4 => DryRun::Create(list),
            5 => DryRun::Update(name, if rng.one_in(3) { stored } else { list }),
            // The only valid change: the other family is appended.
            6 => DryRun::Update(name, stored.into_iter().chain(list.into_iter().take(1)).collect()),
            _ => DryRun::Delete(name),
        });
    }
    requests
}

fn send(plane: &ControlPlane, request: &DryRun) -> (u16, Value) {
    match request {
        DryRun::Create(cidrs) => {
            create(plane, "generated", &cidrs.iter().map(String::as_str).collect::<Vec<_>>(), true)
        }
        DryRun::Update(name, cidrs) => {
            let object = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                "metadata": {"name": name, "labels": {"dry-run": "true"}}, "spec": {"cidrs": cidrs},
            });
            plane.request("PUT", &format!("{SERVICE_CIDRS}/{name}?dryRun=All"), Some(&object))
        }
        DryRun::Delete(name) => plane.delete(&format!("{SERVICE_CIDRS}/{name}?dryRun=All")),
    }
}

/// The status code, and the message without the name of the policy or webhook.
fn answers(plane: &ControlPlane, requests: &[DryRun]) -> Vec<(u16, String)> {
    let sentence = |answer: &Value| {
        let message = answer["message"].as_str().unwrap_or_default().to_owned();
        message.split_once(" request: ").map_or(message.clone(), |(_, sentence)| sentence.to_owned())
    };
    requests.iter().map(|request| send(plane, request)).map(|(status, answer)| (status, sentence(&answer))).collect()
}

const CIDRS_ONLY: &str = "\
ipFamilies: [IPv4, IPv6]
networks:
  - {name: data-centre, cidr: 10.97.0.0/16, description: Routed <everywhere> & \"so\"}
  - {name: Pods of A, cidr: 172.20.128.0/17}
  - {name: lab-1, cidr: 192.0.2.0/24}
  - {name: lab-2, cidr: 198.51.100.0/24}
  - {name: six, cidr: \"fd00:10:96::/64\", description: it's}
reservedNetworks: {presets: [multicast]}
";

#[test]
fn vap_and_webhook_verdicts_match() {
    let plane = ControlPlane::start();
    for (name, cidrs) in STORED {
        create_ready(&plane, name, cidrs);
    }
    let mut rng = Rng::seeded(0xf100);
    let ranges = generate::ranges(&mut rng);
    let allowed = |ranges: &[String]| format!("allowedRanges: {{ranges: {ranges:?}}}\n");
    let five = ["10.96.0.0/17", "10.96.128.0/17", "172.20.0.0/24", "10.96.1.0/24", "10.97.64.0/24", "fd00:10:96::/48"];
    let five = five.map(str::to_owned);
    let lengths = "prefixLength: {ipv4: {shortest: 12, longest: 24}, ipv6: {longest: 112}}\n";
    let policies = [
        (allowed(&ranges), "192.0.2.0/24"),
        (format!("{}{lengths}", allowed(&five)), "192.0.2.0/24"),
        (CIDRS_ONLY.to_owned(), "10.97.1.0/24"),
        (format!("{CIDRS_ONLY}{lengths}usable: {{validationActions: [Deny]}}\n"), "10.97.1.0/24"),
        ("ipFamilies: [IPv4]\nusable: {validationActions: [Deny]}\n".to_owned(), "192.0.2.0/31"),
        ("denyAll: {}\n".to_owned(), "192.0.2.0/24"),
        (format!("denyAll: {{operations: [CREATE, DELETE]}}\n{}", allowed(&five)), "192.0.2.0/24"),
    ];
    let mut counts = BTreeMap::<_, usize>::new();
    for (rules, refused) in policies {
        let requests = generated(&mut rng, &five, 300);
        enforce(&plane, &rules, refused);
        let vap = answers(&plane, &requests);
        remove_vap(&plane, refused);
        let server = webhook::start(&plane, &rules);
        wait_until_refused(&plane, refused, "denied the request: ");
        let webhook = answers(&plane, &requests);
        assert_eq!(plane.delete(&format!("{CONFIGURATIONS}/guard")).0, 200);
        eventually("the webhook is removed", || create(&plane, "probe", &[refused], true).0 == 201);
        drop(server);

        for ((request, vap), webhook) in requests.iter().zip(&vap).zip(&webhook) {
            let case = || format!("{request:?} under {rules}vap {vap:?}\nwebhook {webhook:?}");
            assert_eq!(vap.0, webhook.0, "{}", case());
            assert!([200, 201, 403, 422].contains(&vap.0), "{}", case());
            // The webhook reports every violation, the policies only the first.
            assert!(vap.0 != 403 || webhook.1.starts_with(&vap.1), "{}", case());
            let kind = match request {
                DryRun::Create(_) => "CREATE",
                DryRun::Update(..) => "UPDATE",
                DryRun::Delete(_) => "DELETE",
            };
            *counts.entry((kind, vap.0)).or_default() += 1;
        }
    }
    // Requests that kube-apiserver rejects itself are not evaluated.
    let is_evaluated = |((kind, code), _): &(&(&str, u16), &usize)| *kind != "DELETE" && *code != 422;
    let evaluated: usize = counts.iter().filter(is_evaluated).map(|(_, count)| count).sum();
    println!("{evaluated} CREATEs and UPDATEs evaluated: {counts:?}");
    assert!(evaluated >= 1000, "{evaluated}");
    for kind in [("CREATE", 201), ("CREATE", 403), ("UPDATE", 200), ("UPDATE", 403), ("DELETE", 200), ("DELETE", 403)] {
        assert!(counts.get(&kind).is_some_and(|count| *count >= 20), "few {kind:?}: {counts:?}");
    }
}

#[test]
fn existing_service_cidrs_can_be_labelled_and_deleted() {
    let plane = ControlPlane::start();
    create_ready(&plane, "before", &["172.20.0.0/24"]);
    create_ready(&plane, "doomed", &["172.21.0.0/24"]);
    enforce(&plane, "denyAll: {}\nallowedRanges: {ranges: [10.96.0.0/16]}\n", "172.20.0.0/16");

    plane.kubectl_ok(&["label", "servicecidr", "before", "team=a"], "");
    plane.kubectl_ok(&["label", "servicecidr", "kubernetes", "team=platform"], "");
    let patch = r#"{"spec":{"cidrs":["172.20.0.0/24","fd00::/112"]}}"#;
    let refused = plane.kubectl(&["patch", "servicecidr", "before", "-p", patch], "");
    let sentence = format!("{}\n", violations::denied(Operation::Update, "before"));
    assert!(output_text(&refused).ends_with(&sentence), "{}", output_text(&refused));
    let (status, answer) = create(&plane, "kubernetes", &["10.96.0.0/28"], false);
    assert_eq!((status, &answer["reason"]), (409, &"AlreadyExists".into()), "{answer}");
    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/doomed")).0, 200);
    eventually("kube-controller-manager removes the finalizer", || !exists(&plane, "doomed"));
}

#[test]
fn kubernetes_is_created_under_vap() {
    let mut plane = ControlPlane::start();
    enforce(&plane, "denyAll: {operations: [CREATE, UPDATE, DELETE]}\n", "192.0.2.0/24");
    plane.recreate_default();
    wait_until_refused(&plane, "192.0.2.0/24", "denied request: ");
}

#[test]
fn warnings_long_names_and_longest_list_work() {
    let plane = ControlPlane::start();
    let manifest = |name: &str, cidr: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\nspec: {{cidrs: [{cidr}]}}\n"
        )
    };
    let warned = |manifest: &str| output_text(&plane.kubectl(&["create", "--dry-run=server", "-f", "-"], manifest));
    plane.kubectl_ok(
        &["apply", "-f", "-"],
        &exported("allowedRanges: {ranges: [10.96.0.0/16], validationActions: [Warn]}\n"),
    );
    let expected = format!(
        "Warning: Validation failed for ValidatingAdmissionPolicy 'vap-warn' with binding 'vap-warn': {}\n",
        violations::outside(0, "10.96.0.0/15", &["10.96.0.0/16"])
    );
    eventually("the policy warns", || warned(&manifest("wide", "10.96.0.0/15")).ends_with(&expected));
    remove_vap(&plane, "192.0.2.0/24");

    // The maximum of an expression in CEL.
    enforce(&plane, &format!("allowedRanges: {{ranges: {:?}}}\n", vec!["10.0.0.0/8"; 7692]), "192.0.2.0/24");
    let refused = create(&plane, "outside", &["192.0.2.0/24"], true).1["message"].as_str().unwrap().to_owned();
    let sentence = "spec.cidrs[0]: 192.0.2.0/24 is outside the allowed ranges: use a CIDR within 10.0.0.0/8, 10.0.0.0/8, \
                    10.0.0.0/8, 10.0.0.0/8 or one of 7688 more";
    assert!(refused.ends_with(sentence), "{refused}");
    remove_vap(&plane, "192.0.2.0/24");

    enforce(&plane, "denyAll: {}\n", "192.0.2.0/24");
    let name = "n".repeat(65);
    let refused = create(&plane, &name, &["192.0.2.0/24"], true).1["message"].as_str().unwrap().to_owned();
    let sentence = violations::denied(Operation::Create, &name).to_string();
    assert!(sentence.contains(&format!("`{}…`", "n".repeat(64))), "{sentence}");
    assert!(refused.ends_with(&sentence), "{refused}");
}
