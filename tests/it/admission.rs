//! Full admission responses, one fixture folder for each. Only here the messages of violations are pinned.
//! `UPDATE_GOLDEN=1` writes the responses.

use std::fs;

use serde::Serialize as _;
use serde_json::Value;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, ObservedInventory};
use servicecidr_guard::k8s::{AdmissionOutcome, ListReader, Review, respond};
use servicecidr_guard::policy::{Policy, evaluate, preview_if_enabled};

use crate::generated::UPDATE;
use crate::program::fixtures;

/// The response to a review without an inventory.
pub fn respond_to(policy: &str, review: &[u8]) -> Value {
    respond_with_inventory(policy, None, review)
}

/// The response to a review with an inventory, if there is one.
fn respond_with_inventory(policy: &str, inventory: Option<&str>, review: &[u8]) -> Value {
    let loaded = Loaded::from_bytes("policy.yaml", policy.as_bytes()).unwrap();
    let review = Review::parse(review).unwrap();
    let respond_to = match review.request() {
        Ok(request) => {
            let inventory = inventory.map(|list| read(&loaded.policy, list));
            let nothing = Inventory::default();
            let observed =
                inventory.as_ref().map_or(ObservedInventory::absent(&nothing), ObservedInventory::static_file);
            let verdict = evaluate(&loaded.policy, &observed, &request);
            let preview = preview_if_enabled(&loaded.policy, &observed, &request, &verdict);
            let respond_to =
                AdmissionOutcome { name: &request.change.name, verdict: &verdict, preview: preview.as_ref() };
            respond(&review, Ok(respond_to))
        }
        Err(refusal) => respond(&review, Err(&refusal)),
    };
    serde_json::to_value(respond_to).unwrap()
}

fn read(policy: &Policy, list: &str) -> Inventory {
    let mut inventory = Inventory::default();
    policy.declare_in(&mut inventory);
    ListReader::new(&mut inventory, |_| ()).read("inventory.json", list.as_bytes()).unwrap();
    inventory
}

/// The JSON of a fixture, indented by one space.
fn indented(response: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    response.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter)).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn responses_match_their_fixtures() {
    let mut differing = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(fixtures().join("admission")).unwrap() {
        let folder = entry.unwrap().path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let inventory = fs::read_to_string(folder.join("inventory.json")).ok();
        let seen = respond_with_inventory(&read("policy.yaml"), inventory.as_deref(), read("request.json").as_bytes());
        let expected: Value = serde_json::from_str(&read("response.json")).unwrap_or_default();
        if seen != expected {
            let text = indented(&seen);
            if std::env::var_os(UPDATE).is_some() {
                fs::write(folder.join("response.json"), format!("{text}\n")).unwrap();
            } else {
                let name = folder.file_name().unwrap().to_str().unwrap();
                differing.push(format!("{name}\n{text}"));
            }
        }
        count += 1;
    }
    assert!(differing.is_empty(), "{UPDATE}=1 writes these responses:\n{}", differing.join("\n"));
    assert!(count >= 30, "only {count} fixtures were found");
}
