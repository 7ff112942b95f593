//! Reviews: whatever the body, an answer or an error, and the answer echoes the uid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, Known};
use servicecidr_guard::kube::{Answer, Review, respond};
use servicecidr_guard::policy::{Policy, decide};

const POLICY: &str = "
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
allowedRanges: {ranges: [10.96.0.0/12, 'fd00::/8'], validationActions: [Deny, Audit]}
denyAll: {operations: [CREATE, UPDATE, DELETE], validationActions: [Warn, Audit]}
";

thread_local! {
    static LOADED: Policy = Loaded::from_bytes("fuzz", POLICY.as_bytes()).map(|loaded| loaded.policy).expect("POLICY is one");
}

fuzz_target!(|body: &[u8]| {
    let Ok(review) = Review::parse(body) else { return };
    let inventory = Inventory::default();
    let answer = LOADED.with(|policy| match review.request() {
        Ok(request) => {
            let verdict = decide(policy, &Known::nothing(&inventory), &request);
            assert_eq!(verdict, decide(policy, &Known::nothing(&inventory), &request));
            let answer = respond(&review, Ok(Answer { name: &request.change.name, verdict: &verdict, outlook: None }));
            assert_eq!(answer.response.as_ref().map(|response| response.allowed), Some(verdict.allows()));
            answer
        }
        Err(refusal) => {
            let answer = respond(&review, Err(&refusal));
            assert_eq!(answer.response.as_ref().map(|response| response.allowed), Some(false));
            answer
        }
    });
    let text = serde_json::to_vec(&answer).expect("an answer is JSON");
    let answered: serde_json::Value = serde_json::from_slice(&text).expect("an answer is JSON");
    assert_eq!(answered["response"]["uid"].as_str(), Some(review.uid().as_str()));
    // What a reader into values makes of the body: it refuses numbers that fit nowhere, the review doesn't.
    if let Ok(asked) = serde_json::from_slice::<serde_json::Value>(body) {
        assert_eq!(answered["response"]["uid"], asked["request"]["uid"]);
    }
    let message = answered["response"]["status"]["message"].as_str().unwrap_or_default();
    assert!(message.len() <= 1024);
});
