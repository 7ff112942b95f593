//! The policies of the chart equal the output of `export vap`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use servicecidr_guard::net::Cidr;
use servicecidr_guard::policy::Preset;
use tempfile::TempDir;

use crate::binaries;
use crate::control_plane::{ControlPlane, output_text};
use crate::oracle::generate::{self, Rng};
use crate::program::run;
use crate::violations;
use crate::webhook::wait_until_refused;

fn template(folder: &Path, policy: &Value) -> Output {
    let values = folder.join("values.json");
    fs::write(
        &values,
        json!({"policy": without_defaults(policy), "validatingAdmissionPolicy": {"enabled": true}}).to_string(),
    )
    .unwrap();
    Command::new(binaries::path("helm"))
        .args(["template", "guard", &format!("{}/charts/servicecidr-guard", env!("CARGO_MANIFEST_DIR"))])
        .args(["--kube-version=1.37.2", "--show-only=templates/validatingadmissionpolicy.yaml", "--values"])
        .arg(values)
        .output()
        .unwrap()
}

/// A policy without the defaults of the chart: helm merges maps, and null removes a key.
fn without_defaults(policy: &Value) -> Value {
    let mut policy = policy.clone();
    let without = |object: &mut Value, names: &[&str]| {
        let object = object.as_object_mut().unwrap();
        for name in names {
            object.entry(*name).or_insert(Value::Null);
        }
    };
    without(&mut policy, &["noOverlap", "usable", "reservedNetworks"]);
    if policy["reservedNetworks"].is_object() {
        without(&mut policy["reservedNetworks"], &["presets", "discover", "validationActions"]);
    }
    policy
}

fn exported(folder: &Path, policy: &Value) -> Output {
    let mut file = policy.clone();
    file["apiVersion"] = json!("servicecidr-guard/v1alpha1");
    file["kind"] = json!("Policy");
    let path = folder.join("policy.json");
    fs::write(&path, file.to_string()).unwrap();
    let arguments = ["--name=guard-servicecidr-guard", "--skip-unsupported", "-o", "json", "--policy"];
    run(&[&["export", "vap"], &arguments[..], &[path.to_str().unwrap()]].concat())
}

/// Sorts objects by kind and name, because helm has its own order.
fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| (object["kind"].to_string(), object["metadata"]["name"].to_string()));
    objects
}

/// Whether both export policies; if so, they must be equal.
#[track_caller]
fn check(folder: &Path, policy: &Value) -> bool {
    let (chart, own) = (template(folder, policy), exported(folder, policy));
    assert_eq!(
        chart.status.success(),
        own.status.success(),
        "{policy}\n{}\n{}",
        output_text(&chart),
        output_text(&own)
    );
    if !chart.status.success() {
        return false;
    }
    let mut chart: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(chart.stdout).unwrap()).unwrap();
    for object in &mut chart {
        let labels = object["metadata"].as_object_mut().unwrap().remove("labels");
        assert!(labels.is_some(), "{object}");
    }
    let own: Value = serde_json::from_slice(&own.stdout).unwrap();
    let own = serde_json::from_value(own["items"].clone()).unwrap();
    assert_eq!(sorted(chart), sorted(own), "{policy}");
    true
}

fn random_subset<T: Clone>(rng: &mut Rng, all: &[T]) -> Vec<T> {
    let random_subset: Vec<T> = all.iter().filter(|_| rng.one_in(2)).cloned().collect();
    if random_subset.is_empty() { vec![rng.pick(all).clone()] } else { random_subset }
}

/// Adds actions to a rule, or not.
fn with_actions(rng: &mut Rng, mut rule: Value) -> Value {
    let sets: [&[&str]; 6] =
        [&["Deny"], &["Audit", "Deny"], &["Warn"], &["Warn", "Audit"], &["Audit"], &["Deny", "Audit"]];
    if rng.one_in(2) {
        rule["validationActions"] = json!(rng.pick(&sets));
    }
    rule
}

/// A random policy with canonical CIDRs.
fn policy(rng: &mut Rng) -> Value {
    let mut policy = json!({});
    let canonical = |text: String| Cidr::parse_lenient(&text).unwrap().to_string();
    if rng.one_in(3) {
        let rule = if rng.one_in(2) {
            json!({})
        } else {
            json!({"operations": random_subset(rng, &["UPDATE", "DELETE", "CREATE"])})
        };
        policy["denyAll"] = with_actions(rng, rule);
    }
    if rng.one_in(2) {
        let ranges: Vec<String> = generate::ranges(rng).into_iter().map(canonical).collect();
        policy["allowedRanges"] = with_actions(rng, json!({"ranges": ranges}));
    }
    if rng.one_in(2) {
        let lengths = |rng: &mut Rng| {
            rng.pick(&[json!({"shortest": 12}), json!({"longest": 28}), json!({"shortest": 0, "longest": 24})]).clone()
        };
        let rule = match rng.below(3) {
            0 => json!({"ipv4": lengths(rng)}),
            1 => json!({"ipv6": lengths(rng)}),
            _ => json!({"ipv4": lengths(rng), "ipv6": lengths(rng)}),
        };
        policy["prefixLength"] = with_actions(rng, rule);
    }
    let names = ["a", "pods-of.b", "Data centre", "Büro", "<x> & \"y\"", "tick`", "back\\slash", "it's"];
    let long = "l".repeat(65);
    if rng.one_in(2) {
        let names = random_subset(rng, &names);
        let network = |name: &&str| {
            let description = *rng.pick(&[&names[..], &["", "l\nl", "(a: b) # c", &long]].concat());
            let cidr = canonical(generate::range(rng));
            if rng.one_in(2) {
                json!({"name": name, "cidr": cidr})
            } else {
                json!({"name": name, "cidr": cidr, "description": description})
            }
        };
        policy["networks"] = names.iter().map(network).collect();
    }
    if rng.one_in(2) {
        let presets: Vec<String> = random_subset(rng, &Preset::ALL).iter().rev().map(Preset::to_string).collect();
        let rule = match rng.below(4) {
            0 => json!({"presets": presets}),
            1 => json!({"declared": false, "presets": presets}),
            2 => json!({"discover": ["nodeAddresses"]}),
            _ => json!({"declared": true, "presets": presets, "discover": ["nodePodCIDRs"]}),
        };
        policy["reservedNetworks"] = with_actions(rng, rule);
    }
    if rng.one_in(2) {
        policy["usable"] = with_actions(rng, json!({}));
    }
    if rng.one_in(2) {
        policy["ipFamilies"] = json!(rng.pick(&[&["IPv4"][..], &["IPv6"], &["IPv6", "IPv4"]]));
    }
    if rng.one_in(4)
        || !["denyAll", "allowedRanges", "prefixLength", "reservedNetworks", "usable"]
            .iter()
            .any(|rule| policy.get(rule).is_some())
    {
        policy["noOverlap"] = json!({});
    }
    policy
}

#[test]
fn chart_renders_export_vap_objects() {
    let folder = TempDir::new().unwrap();
    let mut rng = Rng::seeded(0xc4a7);
    let rendered_count = (0..120).filter(|_| check(folder.path(), &policy(&mut rng))).count();
    println!("120 policies, {rendered_count} exported");
    assert!((80..120).contains(&rendered_count), "{rendered_count}");
}

#[test]
fn unsupported_rules_are_named_and_long_expressions_are_rejected() {
    let folder = TempDir::new().unwrap();
    let much = json!({
        "allowedRanges": {"ranges": ["10.96.0.0/16"]}, "noOverlap": {}, "deletion": {}, "usable": {},
        "reservedNetworks": {"discover": ["nodePodCIDRs"]},
    });
    let rendered = String::from_utf8(template(folder.path(), &much).stdout).unwrap();
    let comment = "# Not in CEL, only the webhook evaluates them: noOverlap; deletion; reservedNetworks.discover; \
                   usable (needs policy.ipFamilies)\n";
    assert!(rendered.contains(comment), "{rendered}");
    let refused = template(folder.path(), &json!({"deletion": {}}));
    assert!(
        output_text(&refused)
            .contains("validatingAdmissionPolicy.enabled: no rule of the policy can be expressed in CEL"),
        "{}",
        output_text(&refused)
    );
    let long = |count| json!({"allowedRanges": {"ranges": vec!["10.0.0.0/8"; count]}});
    assert!(template(folder.path(), &long(7692)).status.success());
    let refused = output_text(&template(folder.path(), &long(7693)));
    let sentence = "validatingAdmissionPolicy.enabled: policy.allowedRanges: 100010 characters of CEL are more than the 100000 that \
                    kube-apiserver accepts in an expression";
    assert!(refused.contains(sentence), "{refused}");
}

#[test]
fn vap_is_disabled_by_default() {
    let chart = format!("{}/charts/servicecidr-guard", env!("CARGO_MANIFEST_DIR"));
    let rendered = |more: &[&str]| {
        let arguments = ["template", "guard", &chart, "--kube-version=1.37.2", "--set-json=policy.denyAll={}"];
        let output = Command::new(binaries::path("helm")).args(arguments).args(more).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let kind = "kind: ValidatingAdmissionPolicy\n";
    assert!(!rendered(&[]).contains(kind));
    assert!(rendered(&["--set=validatingAdmissionPolicy.enabled=true"]).contains(kind));
}

/// Templates can't normalize CIDRs; CEL does.
#[test]
fn host_bits_are_masked_in_messages() {
    let plane = ControlPlane::start();
    let folder = TempDir::new().unwrap();
    let policy = json!({"allowedRanges": {"ranges": ["10.96.5.7/16", "2001:DB8:0::/64"]}});
    let rendered = template(folder.path(), &policy);
    plane.kubectl_ok(&["apply", "-f", "-"], &String::from_utf8(rendered.stdout).unwrap());
    wait_until_refused(&plane, "172.20.0.0/16", &violations::outside(0, "172.20.0.0/16", &["10.96.0.0/16"]).message());
    wait_until_refused(
        &plane,
        "2001:db8:0:1::/64",
        &violations::outside(0, "2001:db8:0:1::/64", &["2001:db8::/64"]).message(),
    );
}
