//! Responses to recorded requests of a real kube-apiserver, under three policies.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::generated::UPDATE;
use crate::program::{Server, fixtures};

#[track_caller]
fn check(policy: &str) {
    let folder = fixtures().join("recorded");
    let golden = folder.join("answers").join(format!("{policy}.json"));
    let expected: BTreeMap<String, Value> =
        serde_json::from_str(&fs::read_to_string(&golden).unwrap_or_default()).unwrap_or_default();
    let server = Server::start(&fs::read_to_string(folder.join("policies").join(format!("{policy}.yaml"))).unwrap());
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            seen.insert(name, server.review(&fs::read(&path).unwrap()));
        }
    }
    assert_eq!(seen.len(), 31);
    let text = serde_json::to_string_pretty(&seen).unwrap();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&golden, format!("{text}\n")).unwrap();
    }
    assert!(seen == expected, "{UPDATE}=1 writes these responses under {policy}:\n{text}");
}

#[test]
fn responses_under_allowed_ranges() {
    check("allowed-ranges");
}

#[test]
fn responses_under_deny_all() {
    check("deny-all");
}

#[test]
fn responses_under_warn_and_audit() {
    check("warn-and-audit");
}
