//! Every sentence that an answer can hold: a fixture folder each, the whole answer compared.

use std::fs;

use serde_json::Value;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::Inventory;
use servicecidr_guard::kube::{Review, respond};
use servicecidr_guard::policy::decide;

use crate::program::fixtures;

/// The answer to a review, as the server gives it.
pub fn answer(policy: &str, review: &[u8]) -> Value {
    let loaded = Loaded::from_bytes("policy.yaml", policy.as_bytes()).unwrap();
    let review = Review::parse(review).unwrap();
    let answer = match review.request() {
        Ok(request) => {
            let verdict = decide(&loaded.policy, &Inventory::default(), &request);
            respond(&review, Ok((&request.change.name, &verdict)))
        }
        Err(refusal) => respond(&review, Err(&refusal)),
    };
    serde_json::to_value(answer).unwrap()
}

#[test]
fn every_sentence_is_the_one_in_its_fixture() {
    let mut differing = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(fixtures().join("admission")).unwrap() {
        let folder = entry.unwrap().path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let seen = answer(&read("policy.yaml"), read("request.json").as_bytes());
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
