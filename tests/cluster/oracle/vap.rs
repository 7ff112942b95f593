//! The CEL of `export vap` compiles in Kubernetes 1.33, the oldest supported version.

use std::fs;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::query::{Question, query};
use crate::program::run;

const POLICY: &str = "\
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
ipFamilies: [IPv4]
networks: [{name: data-centre, cidr: 10.0.0.0/12}]
denyAll: {operations: [CREATE, UPDATE, DELETE]}
allowedRanges: {ranges: [10.96.0.0/16, \"2001:db8::/64\"]}
prefixLength: {ipv4: {shortest: 12, longest: 28}}
reservedNetworks: {presets: [loopback]}
usable: {validationActions: [Deny]}
";

/// Every expression that `export vap` prints for a policy with every rule.
fn expressions() -> Vec<String> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), POLICY).unwrap();
    let output = run(&["export", "vap", "-o", "json", "--policy", file.path().to_str().unwrap()]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let spec = &list["items"][0]["spec"];
    let written = ["matchConditions", "variables", "validations"].map(|list| spec[list].as_array().unwrap());
    let each = written.into_iter().flatten().flat_map(|item| [&item["expression"], &item["messageExpression"]]);
    each.filter_map(|expression| expression.as_str().map(str::to_owned)).collect()
}

/// The compile errors of a Kubernetes version.
fn compile_errors(version: &str, expressions: &[String]) -> Vec<String> {
    query(&[Question::Compile { version, expressions }]).remove(0)
}

#[test]
fn every_expression_compiles_in_kubernetes_1_33() {
    let expressions = expressions();
    assert_eq!(expressions.len(), 23);
    assert_eq!(compile_errors("1.33", &expressions), [""; 0]);
    assert_eq!(compile_errors("1.37", &expressions), [""; 0]);
    // `sort` is new in 1.34.
    let newer = ["[2, 1].sort() == [1, 2]".to_owned()];
    assert_eq!(compile_errors("1.33", &newer).len(), 1);
    assert_eq!(compile_errors("1.37", &newer), [""; 0]);
}
