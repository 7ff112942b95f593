//! Reviews: whatever the body, an answer or an error, and the answer echoes the uid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, Known, Readiness, ServiceCidr};
use servicecidr_guard::kube::{Answer, Review, respond};
use servicecidr_guard::policy::{Policy, decide, outlook};

const POLICY: &str = "
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
allowedRanges: {ranges: [10.96.0.0/12, 'fd00::/8'], validationActions: [Deny, Audit]}
denyAll: {operations: [CREATE, UPDATE, DELETE], validationActions: [Warn, Audit]}
noOverlap: {validationActions: [Deny]}
reservedNetworks: {presets: [linkLocal, cgnat, ovnKubernetes], discover: [nodePodCIDRs, nodeAddresses]}
prefixLength: {ipv4: {shortest: 8, longest: 30}}
usable: {}
removal: {}
capacity: {warnOn: Always}
";

thread_local! {
    static KNOWN: Inventory = known();
    static LOADED: Policy = Loaded::from_bytes("fuzz", POLICY.as_bytes()).map(|loaded| loaded.policy).expect("POLICY is one");
}

/// What the cluster holds: names and CIDRs that recorded reviews name too.
fn known() -> Inventory {
    let mut inventory = Inventory::default();
    for (name, cidr) in [("kubernetes", "10.96.0.0/28"), ("newcidr1", "10.96.0.0/24"), ("team-a", "fd00::/112")] {
        inventory.insert_service_cidr(ServiceCidr {
            name: name.to_owned(),
            cidrs: cidr.parse().into_iter().collect(),
            unreadable: Vec::new(),
            readiness: Readiness::Ready,
            has_finalizer: true,
            created: None,
        });
    }
    inventory
}

fuzz_target!(|body: &[u8]| {
    let Ok(review) = Review::parse(body) else { return };
    let inventory = KNOWN.with(Clone::clone);
    let answer = LOADED.with(|policy| match review.request() {
        Ok(request) => {
            let known = Known::current(&inventory);
            let verdict = decide(policy, &known, &request);
            assert_eq!(verdict, decide(policy, &known, &request));
            let outlook = outlook(policy, &known, &request, &verdict);
            let answer = Answer { name: &request.change.name, verdict: &verdict, outlook: outlook.as_ref() };
            let answer = respond(&review, Ok(answer));
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
