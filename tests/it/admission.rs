//! Every sentence that an answer can hold: a fixture folder each, the whole answer compared.

use std::fs;

use serde_json::Value;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, Known};
use servicecidr_guard::k8s::{Answer, ListReader, Review, respond};
use servicecidr_guard::policy::{Policy, decide, outlook};

use crate::program::fixtures;

/// The answer to a review, as the server gives it without an inventory.
pub fn answer(policy: &str, review: &[u8]) -> Value {
    answer_knowing(policy, None, review)
}

/// The answer to a review, as the server gives it with an inventory, if there is one.
fn answer_knowing(policy: &str, inventory: Option<&str>, review: &[u8]) -> Value {
    let loaded = Loaded::from_bytes("policy.yaml", policy.as_bytes()).unwrap();
    let review = Review::parse(review).unwrap();
    let answer = match review.request() {
        Ok(request) => {
            let inventory = inventory.map(|list| read(&loaded.policy, list));
            let nothing = Inventory::default();
            let known = inventory.as_ref().map_or(Known::nothing(&nothing), Known::current);
            let verdict = decide(&loaded.policy, &known, &request);
            let outlook = outlook(&loaded.policy, &known, &request, &verdict);
            let answer = Answer { name: &request.change.name, verdict: &verdict, outlook: outlook.as_ref() };
            respond(&review, Ok(answer))
        }
        Err(refusal) => respond(&review, Err(&refusal)),
    };
    serde_json::to_value(answer).unwrap()
}

fn read(policy: &Policy, list: &str) -> Inventory {
    let mut inventory = Inventory::default();
    policy.declare_in(&mut inventory);
    ListReader::new(&mut inventory, |_| ()).read("inventory.json", list.as_bytes()).unwrap();
    inventory
}

#[test]
fn every_sentence_is_the_one_in_its_fixture() {
    let mut differing = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(fixtures().join("admission")).unwrap() {
        let folder = entry.unwrap().path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let inventory = fs::read_to_string(folder.join("inventory.json")).ok();
        let seen = answer_knowing(&read("policy.yaml"), inventory.as_deref(), read("request.json").as_bytes());
        let expected: Value = serde_json::from_str(&read("response.json")).unwrap_or_default();
        if seen != expected {
            let name = folder.file_name().unwrap().to_str().unwrap();
            differing.push(format!("{name}\n{}", serde_json::to_string_pretty(&seen).unwrap()));
        }
        count += 1;
    }
    assert!(differing.is_empty(), "these answers are now\n{}", differing.join("\n"));
    assert!(count >= 30, "only {count} fixtures were found");
}
