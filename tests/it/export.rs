//! `export vap`: output and errors. tests/cluster/vap.rs tests it with kube-apiserver.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use servicecidr_guard::policy::Preset;
use tempfile::NamedTempFile;

use crate::program::run;

const HEADER: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";

/// Exit code, stdout and stderr, with the path of the policy as `policy.yaml`.
fn export(rules: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{HEADER}{rules}")).unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&[&["export", "vap", "--policy", path], more].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(path, "policy.yaml");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The exported objects of a policy that CEL supports.
#[track_caller]
fn objects(rules: &str) -> Vec<Value> {
    let (code, printed, stderr) = export(rules, &["-o", "json"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{rules}");
    let mut list: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    serde_json::from_value(list["items"].take()).unwrap()
}

/// The single-line variables of the only policy, by name.
#[track_caller]
fn data(rules: &str) -> BTreeMap<String, String> {
    let objects = objects(rules);
    assert_eq!(objects.len(), 2, "{objects:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = objects[0]["spec"]["variables"].as_array().unwrap().iter();
    let variables = variables.map(|variable| (text(&variable["name"]), text(&variable["expression"])));
    variables.filter(|(_, expression)| !expression.contains('\n')).collect()
}

#[track_caller]
fn check_data(rules: &str, name: &str, expression: &str) {
    assert_eq!(data(rules), BTreeMap::from([(name.to_owned(), expression.to_owned())]), "{rules}");
}

#[track_caller]
fn check_rejected(rules: &str, more: &[&str], expected: &str) {
    let (code, printed, stderr) = export(rules, more);
    assert_eq!((code, printed.as_str(), stderr.as_str()), (Some(2), "", expected), "{rules}");
}

#[test]
fn each_action_set_has_policy_and_binding() {
    let rules = "ipFamilies: [IPv6]\ndenyAll: {operations: [DELETE], validationActions: [Audit]}\nusable: {}\n\
                 allowedRanges: {ranges: [10.96.0.0/16]}\n\
                 prefixLength: {ipv4: {longest: 28}, validationActions: [Audit, Deny]}\n";
    let objects = objects(rules);
    let short: Vec<Value> = objects
        .iter()
        .map(|object| {
            let spec = &object["spec"];
            let operations = &spec["matchConstraints"]["resourceRules"][0]["operations"];
            json!([object["kind"], object["metadata"], spec["policyName"], spec["validationActions"], operations])
        })
        .collect();
    let policy =
        |name: &str, operations: Value| json!(["ValidatingAdmissionPolicy", {"name": name}, null, null, operations]);
    let binding =
        |name: &str, actions: Value| json!(["ValidatingAdmissionPolicyBinding", {"name": name}, name, actions, null]);
    let usual = || json!(["CREATE", "UPDATE"]);
    assert_eq!(
        short,
        [
            policy("servicecidr-guard-deny", usual()),
            binding("servicecidr-guard-deny", json!(["Deny"])),
            policy("servicecidr-guard-deny-audit", usual()),
            binding("servicecidr-guard-deny-audit", json!(["Deny", "Audit"])),
            policy("servicecidr-guard-warn", usual()),
            binding("servicecidr-guard-warn", json!(["Warn"])),
            policy("servicecidr-guard-audit", json!(["CREATE", "UPDATE", "DELETE"])),
            binding("servicecidr-guard-audit", json!(["Audit"])),
        ]
    );
    assert_eq!(objects[0]["spec"]["failurePolicy"], "Fail");
}

#[test]
fn yaml_and_json_output_are_equal() {
    let rules = "denyAll: {}\nallowedRanges: {ranges: [10.96.0.0/16], validationActions: [Warn]}\n";
    let (code, printed, stderr) = export(rules, &[]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(printed.matches("---\n").count(), 4);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&printed).unwrap();
    assert_eq!(documents, objects(rules));
}

#[test]
fn cel_variables_contain_policy_values() {
    check_data("denyAll: {}\n", "operations", r#"["CREATE","UPDATE"]"#);
    check_data("denyAll: {operations: [DELETE]}\n", "operations", r#"["DELETE"]"#);
    check_data("allowedRanges: {ranges: [\"fd00::/8\", 10.0.0.0/8]}\n", "ranges", r#"["fd00::/8","10.0.0.0/8"]"#);
    check_data("prefixLength: {ipv4: {longest: 28}}\n", "lengths", r#"{"IPv4":[0,28],"IPv6":[0,128]}"#);
    check_data("prefixLength: {ipv6: {shortest: 64, longest: 120}}\n", "lengths", r#"{"IPv4":[0,32],"IPv6":[64,120]}"#);
    check_data("usable: {}\nipFamilies: [IPv6, IPv4]\n", "families", r#"["IPv6","IPv4"]"#);
    let declared = "networks: [{name: b, cidr: 10.2.0.0/16}, {name: A 1, cidr: 10.1.0.0/16, description: \"<it's> \\\"so\\\"\"}, \
                    {name: Büro, cidr: 10.0.0.0/16, description: 'a`b'}]\n";
    let presets = "reservedNetworks: {presets: [gke, loopback]}\n";
    let expected = r#"[{"cidr":"10.2.0.0/16","of":"declared network b"},{"cidr":"10.1.0.0/16","of":"declared network `A 1` (<it's> \"so\")"},{"cidr":"10.0.0.0/16","of":"declared network"},{"cidr":"127.0.0.0/8","of":"preset loopback (loopback, RFC 1122)"},{"cidr":"::1/128","of":"preset loopback (loopback, RFC 4291)"},{"cidr":"172.17.0.0/16","of":"preset gke (container bridge of GKE nodes, GKE VPC-native clusters)"},{"cidr":"169.254.0.0/16","of":"preset gke (metadata server and NodeLocal DNSCache, GKE documentation)"}]"#;
    check_data(&format!("{declared}{presets}"), "networks", expected);
    let undeclared = "reservedNetworks: {declared: false, presets: [cgnat]}\n";
    let expected = r#"[{"cidr":"100.64.0.0/10","of":"preset cgnat (carrier-grade NAT, RFC 6598)"}]"#;
    check_data(&format!("{declared}{undeclared}"), "networks", expected);
}

const UNSUPPORTED: &str = "allowedRanges: {ranges: [10.96.0.0/16]}\nnoOverlap: {}\ndeletion: {}\nusable: {}\n\
                    reservedNetworks: {discover: [nodePodCIDRs]}\n";

#[test]
fn unsupported_rules_are_rejected_or_skipped() {
    let skipped = [
        "reservedNetworks.discover: CEL doesn't see the nodes",
        "noOverlap: CEL doesn't see the other ServiceCIDRs",
        "usable: CEL doesn't see which IP families there are: set ipFamilies",
        "deletion: CEL doesn't see the IPAddresses",
    ];
    check_rejected(
        UNSUPPORTED,
        &[],
        &format!(
            "error: policy.yaml: not all rules can be expressed in CEL: {}\nhint: --skip-unsupported exports the rest\n",
            skipped.join("; ")
        ),
    );
    let (code, printed, stderr) = export(UNSUPPORTED, &["--skip-unsupported"]);
    let expected = format!("skipped: {}\n", skipped.join("\nskipped: "));
    assert_eq!((code, stderr.as_str()), (Some(0), expected.as_str()));
    assert_eq!(printed, export("allowedRanges: {ranges: [10.96.0.0/16]}\n", &[]).1);
    check_rejected(
        "deletion: {}\n",
        &["--skip-unsupported"],
        "error: policy.yaml: no rule can be expressed in CEL: deletion: CEL doesn't see the IPAddresses\n\
         hint: only the webhook can enforce this policy\n",
    );
}

#[test]
fn long_expressions_and_invalid_names_are_rejected() {
    let policy = |count: usize| format!("allowedRanges: {{ranges: {:?}}}\n", vec!["10.0.0.0/8"; count]);
    // 13 characters per range, some before it, and one at the end.
    assert_eq!(export(&policy(7692), &[]).0, Some(0));
    check_rejected(
        &policy(7693),
        &[],
        "error: policy.yaml: allowedRanges: 100010 characters of CEL are more than the 100000 that kube-apiserver \
         accepts in an expression\n",
    );
    for name in ["", "A", "a_b", "-a", "a-", "a..b", &"a".repeat(243)] {
        let (code, _, stderr) = export("denyAll: {}\n", &[&format!("--name={name}")]);
        assert_eq!(code, Some(2), "{name}");
        assert!(stderr.contains("not the name of an object of at most 242 characters"), "{stderr}");
    }
    for name in ["1", "a.b-c", &"a".repeat(242)] {
        assert_eq!(export("denyAll: {}\n", &[&format!("--name={name}")]).0, Some(0), "{name}");
    }
}

fn chart_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(folder.join("charts/servicecidr-guard/files").join(name)).unwrap()
}

#[test]
fn chart_presets_match() {
    let presets: Value = serde_saphyr::from_str(&chart_file("presets.yaml")).unwrap();
    let network = |(cidr, source): &(&str, &str)| json!({"cidr": cidr, "source": source});
    let preset = |preset: Preset| {
        let networks: Vec<Value> = preset.networks().iter().map(network).collect();
        json!({"name": preset.to_string(), "networks": networks})
    };
    assert_eq!(presets, Value::Array(Preset::ALL.map(preset).to_vec()));
}
