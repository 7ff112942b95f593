//! `check` compared with a simple model: an API server that validates and stores, and calls the webhook's code for
//! each request.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, ObservedInventory};
use servicecidr_guard::k8s::{ListReader, Review};
use servicecidr_guard::policy::{Policy, Violation, evaluate};
use tempfile::TempDir;

use crate::program::program;

const POLICY: &str = "{apiVersion: servicecidr-guard/v1alpha1, kind: Policy, \
    allowedRanges: {ranges: [10.0.0.0/14, 'fd00::/16'], validationActions: [Deny, Audit]}, \
    prefixLength: {ipv4: {shortest: 9, longest: 27}, validationActions: [Warn]}, \
    reservedNetworks: {presets: [loopback]}, networks: [{name: x, cidr: 10.1.0.0/24}], \
    noOverlap: {relations: [Same, Within], validationActions: [Deny]}, usable: {validationActions: [Warn]}}";

#[derive(Clone, Debug)]
struct Manifest {
    name: &'static str,
    cidrs: Value,
}

fn cidr() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0u8..5, 0u8..4, prop_oneof![Just(16u8), Just(24), Just(24), Just(28)]).prop_map(|(b, c, length)| {
            let c = if length == 16 { 0 } else { c };
            json!(format!("10.{b}.{c}.0/{length}"))
        }),
        4 => (0u8..3, prop_oneof![Just(48u8), Just(112)]).prop_map(|(third, length)| json!(format!("fd00:0:{third}::/{length}"))),
        1 => prop_oneof![Just("10.0.0.1/24"), Just("010.0.0.0/8"), Just("FD00::/64"), Just(""), Just("ü\n\u{202e}")]
            .prop_map(|text| json!(text)),
        1 => Just(json!(7)),
    ]
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let name = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "h.i-1",
        "j",
        "k",
        "l",
        "m",
        "n",
        "kubernetes",
        "Bad",
        "-x",
        "",
    ]);
    let list = prop::collection::vec(cidr(), 0..4).prop_map(Value::from);
    // Sometimes derived from the name only, so that stored manifests are often applied again, unchanged or extended.
    let sound = (0u8..3, 0u8..5, 0u8..3).prop_map(|(is_grown, b, c)| json!([is_grown, b, c]));
    let cidrs = prop_oneof![12 => list, 40 => sound, 1 => Just(json!({})), 1 => Just(Value::Null)];
    (name, cidrs).prop_map(|(name, cidrs)| match serde_json::from_value::<[u8; 3]>(cidrs.clone()) {
        Ok([is_grown, b, c]) => {
            let own = name.len() + usize::from(name.bytes().next().unwrap_or_default());
            let v4 = if b < 3 { format!("10.2.{own}.0/24") } else { format!("10.{b}.{c}.0/24") };
            let v6 = (is_grown == 0).then(|| format!("fd00:0:{c}{own}::/112"));
            Manifest { name, cidrs: [Some(v4), v6].into_iter().flatten().collect() }
        }
        Err(_) => Manifest { name, cidrs },
    })
}

/// The stored ServiceCIDRs of the model.
#[derive(Default)]
struct Model {
    stored: BTreeMap<String, Vec<String>>,
    inventory: Inventory,
}

impl Model {
    /// Whether a manifest is admitted, and if the webhook evaluated it, the messages of its denial.
    fn apply(&mut self, policy: &Policy, manifest: &Manifest) -> (bool, Option<Vec<String>>) {
        let Ok(new) = serde_json::from_value::<Option<Vec<String>>>(manifest.cidrs.clone()) else {
            return (false, None);
        };
        let new = new.unwrap_or_default();
        let old = self.stored.get(manifest.name).cloned();
        if !validates(manifest.name, old.as_deref(), &new) {
            return (false, None);
        }
        let object = |cidrs: &[String]| json!({"metadata": {"name": manifest.name}, "spec": {"cidrs": cidrs}});
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "name": manifest.name, "operation": if old.is_some() { "UPDATE" } else { "CREATE" },
                "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "servicecidrs"},
                "object": object(&new), "oldObject": old.as_deref().map(object),
            },
        });
        let bytes = review.to_string().into_bytes();
        let request = Review::parse(&bytes).unwrap().request().unwrap();
        let verdict = evaluate(policy, &ObservedInventory::static_file(&self.inventory), &request);
        if verdict.allows() {
            let stored = json!({"kind": "ServiceCIDR", "metadata": {"name": manifest.name}, "spec": {"cidrs": new}});
            ListReader::new(&mut self.inventory, |_| {}).read("model", stored.to_string().as_bytes()).unwrap();
            self.stored.insert(manifest.name.to_owned(), new);
        }
        let denials = verdict.denials().map(Violation::to_string).collect();
        (verdict.allows(), Some(denials))
    }
}

/// kube-apiserver's validation, as documented.
fn validates(name: &str, old: Option<&[String]>, new: &[String]) -> bool {
    let is_list = || {
        let families: Vec<bool> = new.iter().map(|text| text.contains(':')).collect();
        let are_cidrs = new.iter().all(|text| text.parse::<servicecidr_guard::net::Cidr>().is_ok());
        are_cidrs && matches!(families.as_slice(), [_] | [true, false] | [false, true])
    };
    match old {
        None => !["Bad", "-x", ""].contains(&name) && is_list(),
        Some(old) if old.len() == new.len() => old == new,
        Some(old) => old.len() == 1 && new.len() == 2 && old[0] == new[0] && is_list(),
    }
}

fn render(manifests: &[Manifest], separator: &str) -> String {
    let object = |manifest: &Manifest| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
            "metadata": {"name": manifest.name}, "spec": {"cidrs": manifest.cidrs},
        })
    };
    let objects: Vec<String> =
        manifests.iter().map(|manifest| format!("{separator}{:#}\n", object(manifest))).collect();
    objects.concat()
}

fn report(folder: &TempDir, name: &str, text: &str) -> Vec<Value> {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let mut command = program();
    command.arg("check").arg("-f").arg(&path).args(["-o", "json", "--policy"]).arg(folder.path().join("policy.yaml"));
    let output = command.output().unwrap();
    assert!([Some(0), Some(1)].contains(&output.status.code()), "{output:?}\n{text}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["results"].as_array().unwrap().clone()
}

/// The text at the position of a finding.
fn text_at<'a>(text: &'a str, source: &str) -> &'a str {
    let mut numbers = source.rsplit(':').map(|number| number.parse::<usize>().unwrap());
    let (column, line) = (numbers.next().unwrap(), numbers.next().unwrap());
    let line = text.lines().nth(line - 1).unwrap();
    &line[line.char_indices().nth(column - 1).unwrap().0..]
}

#[test]
fn check_matches_api_server_model() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let policy = Loaded::from_bytes("policy.yaml", POLICY.as_bytes()).unwrap().policy;
    let [admitted, denied, refused, updated] = [const { Cell::new(0) }; 4];
    let count = |counter: &Cell<usize>, is_so: bool| counter.set(counter.get() + usize::from(is_so));
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(100) });
    let run = runner.run(&prop::collection::vec(manifest(), 60), |manifests| {
        for (name, separator) in [("set.json", ""), ("set.yaml", "---\n")] {
            let text = render(&manifests, separator);
            let results = report(&folder, name, &text);
            let mut model = Model::default();
            prop_assert_eq!(results.len(), manifests.len());
            for (manifest, result) in manifests.iter().zip(&results) {
                let was_stored = model.stored.get(manifest.name).cloned();
                let (allowed, denials) = model.apply(&policy, manifest);
                prop_assert_eq!(result["allowed"].as_bool(), Some(allowed), "{:?} {}", manifest, result);
                prop_assert_eq!(result["name"].as_str(), Some(manifest.name));
                let findings = result["findings"].as_array().unwrap();
                let is_denial = |finding: &&Value| finding["actions"][0] == "Deny";
                let messages = findings.iter().filter(is_denial);
                let messages: Vec<String> = messages
                    .map(|finding| {
                        format!("{}: {}", finding["field"].as_str().unwrap(), finding["message"].as_str().unwrap())
                    })
                    .collect();
                match denials {
                    Some(denials) => prop_assert_eq!(messages, denials),
                    None => {
                        prop_assert!(findings.iter().any(|finding| finding["rule"] == "invalid-request"), "{}", result);
                    }
                }
                for finding in findings {
                    let field = finding["field"].as_str().unwrap();
                    let index = field.strip_prefix("spec.cidrs[").and_then(|rest| rest.strip_suffix(']'));
                    if let Some(index) = index {
                        let expected = manifest.cidrs[index.parse::<usize>().unwrap()].to_string();
                        let seen = text_at(&text, finding["source"].as_str().unwrap());
                        prop_assert!(seen.starts_with(&expected), "{} is not at {}", expected, finding);
                    }
                }
                let is_refused = result["findings"][0]["rule"] == "invalid-request";
                count(&admitted, allowed);
                count(&denied, !allowed && !is_refused);
                count(&refused, !allowed && is_refused);
                count(&updated, allowed && was_stored.is_some_and(|old| old != model.stored[manifest.name]));
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    let [admitted, denied, refused, updated] = [admitted, denied, refused, updated].map(Cell::into_inner);
    println!("{admitted} admitted ({updated} updates), {denied} denied by a rule, {refused} by kube-apiserver");
    assert!(
        admitted > 1000 && denied > 300 && refused > 1000 && updated > 100,
        "{admitted} {denied} {refused} {updated}"
    );
}
