//! Files of the chart that are generated from the program. `UPDATE_GOLDEN=1` writes them instead of comparing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use servicecidr_guard::policy::RuleId;

/// Environment variable: writes golden files instead of comparing them.
pub const UPDATE: &str = "UPDATE_GOLDEN";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

fn policy_schema() -> Value {
    serde_json::from_str(&servicecidr_guard::config::schema()).unwrap()
}

#[track_caller]
fn check(name: &str, text: &str) {
    if std::env::var_os(UPDATE).is_some() {
        fs::write(path(name), text).unwrap();
    } else {
        assert!(read(name) == text, "{name} is out of date: {UPDATE}=1 writes it");
    }
}

/// A JSON text with another value for the object after `start`, which is indented by `indent`.
fn replaced(text: &str, start: &str, indent: usize, fields: Map<String, Value>) -> String {
    let margin = format!("\n{}", " ".repeat(indent));
    let (before, rest) = text.split_once(start).unwrap();
    let (_, after) = rest.split_once(&format!("{margin}}}")).unwrap();
    let object = serde_json::to_string_pretty(&Value::Object(fields)).unwrap().replace('\n', &margin);
    format!("{before}{start}{}{after}", object.strip_prefix('{').unwrap())
}

/// The fields of an object, without the header of a policy file.
fn without_header(object: &Value) -> Map<String, Value> {
    let header = ["ApiVersion", "Kind", "apiVersion", "kind"];
    let fields = object.as_object().unwrap().clone().into_iter();
    fields.filter(|(name, _)| !header.contains(&name.as_str())).collect()
}

#[test]
fn chart_has_the_cel_of_the_program() {
    check("charts/servicecidr-guard/files/vap-rules.yaml", &read("src/vap/rules.yaml"));
}

#[test]
fn chart_has_the_policy_schema() {
    let (name, schema) = ("charts/servicecidr-guard/values.schema.json", policy_schema());
    let text = replaced(&read(name), "\n  \"$defs\": {", 2, without_header(&schema["$defs"]));
    let (before, policy) = text.split_once("\n    \"policy\": {").unwrap();
    let policy = replaced(policy, "\n      \"properties\": {", 6, without_header(&schema["properties"]));
    check(name, &format!("{before}\n    \"policy\": {{{policy}"));
}

#[test]
fn chart_has_the_rules() {
    let schema = policy_schema();
    let mut text = "\
# The rules of a policy: their keys, whether they compare with the cluster, and their default actions.
# Generated from the program: `UPDATE_GOLDEN=1 cargo test --test it generated` writes it.
"
    .to_owned();
    for rule in RuleId::ALL {
        let Some(key) = rule.config_key() else { continue };
        // Only discover needs Nodes, which the templates check.
        let requires_inventory = *rule != RuleId::ReservedNetworks && !rule.requires().is_empty();
        let definition = schema["properties"][key]["$ref"].as_str().unwrap_or_else(|| panic!("no rule {key}"));
        let definition = schema.pointer(definition.trim_start_matches('#')).unwrap();
        let fields = definition["properties"].as_object().unwrap().iter();
        let actions = fields.filter(|(_, field)| field["items"]["$ref"] == "#/$defs/ValidationAction");
        let actions: Map<String, Value> =
            actions.map(|(name, field)| (name.clone(), field["default"].clone())).collect();
        assert!(!actions.is_empty(), "{key} has no actions");
        let actions = Value::Object(actions);
        writeln!(text, "- {{key: {key}, requiresInventory: {requires_inventory}, actions: {actions}}}").unwrap();
    }
    check("charts/servicecidr-guard/files/rules.yaml", &text);
}
