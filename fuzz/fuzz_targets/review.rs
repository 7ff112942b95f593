//! Reviews: any body results in a response or an error, and the response has the uid of the request.
#![no_main]

#[path = "../evaluator.rs"]
mod evaluator;

use evaluator::Evaluator;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

thread_local! {
    static EVALUATOR: Evaluator = Evaluator::new();
}

fuzz_target!(|body: &[u8]| {
    let Some(evaluated) = EVALUATOR.with(|evaluator| evaluator.answer(body)) else { return };
    let response: Value = serde_json::from_str(&evaluated.text).expect("a response is JSON");
    assert_eq!(response["response"]["allowed"], evaluated.is_allowed);
    assert_eq!(response["response"]["uid"].as_str(), Some(evaluated.uid.as_str()));
    // A parser into values rejects numbers that are out of range, the review doesn't.
    if let Ok(parsed) = serde_json::from_slice::<Value>(body) {
        assert_eq!(response["response"]["uid"], parsed["request"]["uid"]);
    }
    let message = response["response"]["status"]["message"].as_str().unwrap_or_default();
    assert!(message.len() <= 1024);
});
