//! Properties of every request under every policy.

use proptest::prelude::*;
use serde_json::{Value, json};
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Inventory, ObservedInventory};
use servicecidr_guard::k8s::{AdmissionOutcome, Review, respond};
use servicecidr_guard::policy::{Policy, Verdict, evaluate};

use crate::admission::respond_to;

fn cidr() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0u8..4, 8u8..=28).prop_map(|(second, length)| format!("10.{second}.0.0/{length}")),
        3 => (0u8..4, 40u8..=120).prop_map(|(third, length)| format!("fd00:0:{third}::/{length}")),
        1 => prop_oneof![Just("10.0.0.1/24"), Just("010.0.0.0/8"), Just("FD00::/64"), Just(""), Just("::ffff:1.2.3.0/120")]
            .prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

fn cidrs() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(cidr(), 0..4)
}

/// The object of a request: mostly a ServiceCIDR, sometimes something else.
fn object(name: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![
        9 => cidrs().prop_map(move |cidrs| json!({"metadata": {"name": name}, "spec": {"cidrs": cidrs}})),
        1 => prop_oneof![
            Just(Value::Null), Just(json!({})), Just(json!([])), Just(json!(7)), Just(json!({"metadata": 7})),
            Just(json!({"metadata": {"name": name}, "spec": {"cidrs": 7}})),
            Just(json!({"metadata": {"name": name}, "spec": {"cidrs": [7]}})),
            Just(json!({"metadata": {"name": name}, "spec": {}})),
        ],
    ]
}

fn review(name: &'static str) -> impl Strategy<Value = Value> {
    let operation = prop_oneof![Just("CREATE"), Just("UPDATE"), Just("DELETE")];
    let subresource = prop_oneof![9 => Just(""), 1 => Just("status")];
    (operation, subresource, any::<bool>(), object(name), object(name), any::<bool>()).prop_map(
        move |(operation, subresource, names_it, new, old, dry_run)| {
            let mut review = json!({
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "request": {
                    "uid": "u", "operation": operation, "subResource": subresource, "dryRun": dry_run,
                    "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "servicecidrs"},
                    "object": if operation == "DELETE" { Value::Null } else { new },
                    "oldObject": if operation == "CREATE" { Value::Null } else { old },
                },
            });
            if names_it {
                review["request"]["name"] = json!(name);
            }
            review
        },
    )
}

/// A policy as JSON with at least one rule.
fn policy() -> impl Strategy<Value = Value> {
    let actions = || {
        prop_oneof![
            Just(json!(["Deny"])),
            Just(json!(["Warn"])),
            Just(json!(["Audit"])),
            Just(json!(["Deny", "Audit"]))
        ]
    };
    let ranges = prop::collection::vec((0u8..4, 8u8..=20).prop_map(|(b, length)| format!("10.{b}.0.0/{length}")), 1..4);
    let operations = prop::sample::subsequence(vec!["CREATE", "UPDATE", "DELETE"], 1..=3);
    (1u8..4, ranges, operations, actions(), actions()).prop_map(|(which, ranges, operations, first, second)| {
        let mut policy = json!({"apiVersion": "servicecidr-guard/v1alpha1", "kind": "Policy"});
        if which & 1 != 0 {
            policy["allowedRanges"] = json!({"ranges": ranges, "validationActions": first});
        }
        if which & 2 != 0 {
            policy["denyAll"] = json!({"operations": operations, "validationActions": second});
        }
        policy
    })
}

fn load(policy: &Value) -> Policy {
    Loaded::from_bytes("policy.json", policy.to_string().as_bytes()).unwrap().policy
}

fn verdict_of(policy: &Policy, review: &Value) -> Option<Verdict> {
    let bytes = review.to_string().into_bytes();
    let request = Review::parse(&bytes).unwrap().request().ok()?;
    Some(evaluate(policy, &ObservedInventory::absent(&Inventory::default()), &request))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn kubernetes_is_never_denied(policy in policy(), mut review in review("kubernetes")) {
        // The request or a readable object has a name: kube-apiserver always sets one.
        let named_by_object = ["object", "oldObject"].iter().any(|side| review["request"][side]["metadata"]["name"].is_string());
        if !named_by_object {
            review["request"]["name"] = json!("kubernetes");
        }
        let answer = respond_to(&policy.to_string(), review.to_string().as_bytes());
        prop_assert_eq!(&answer["response"]["allowed"], true, "{} {}", review, answer);
    }

    #[test]
    fn unchanged_update_is_allowed(policy in policy(), list in cidrs()) {
        let object = json!({"metadata": {"name": "a", "finalizers": ["x"]}, "spec": {"cidrs": list}});
        let old = json!({"metadata": {"name": "a"}, "spec": {"cidrs": list}});
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "operation": "UPDATE", "name": "a", "object": object, "oldObject": old,
                "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "servicecidrs"},
            },
        });
        prop_assert!(verdict_of(&load(&policy), &review).unwrap().allows());
    }

    #[test]
    fn requests_without_added_cidrs_are_allowed(policy in policy(), review in review("a")) {
        let bytes = review.to_string().into_bytes();
        let Ok(request) = Review::parse(&bytes).unwrap().request() else { return Ok(()) };
        if !request.change.adds.is_empty() || !request.change.errors.is_empty() {
            return Ok(());
        }
        let mut policy = load(&policy);
        policy.deny_all = None;
        prop_assert!(evaluate(&policy, &ObservedInventory::absent(&Inventory::default()), &request).allows(), "{}", review);
    }

    #[test]
    fn status_update_is_allowed(policy in policy(), mut review in review("a")) {
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["subResource"] = json!("status");
        prop_assert!(verdict_of(&load(&policy), &review).unwrap().allows(), "{}", review);
    }

    #[test]
    fn adding_a_rule_never_allows_more(policy in policy(), review in review("a")) {
        let whole = load(&policy);
        let with_both = verdict_of(&whole, &review).unwrap().allows();
        for part in [Policy { deny_all: None, ..whole.clone() }, Policy { allowed_ranges: None, ..whole.clone() }, Policy::default()] {
            let with_fewer = verdict_of(&part, &review).unwrap().allows();
            prop_assert!(with_fewer || !with_both, "{} is denied by {:?} and allowed by {:?}", review, part, whole);
        }
    }

    #[test]
    fn invalid_objects_are_denied_under_any_policy(policy in policy(), list in cidrs()) {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "operation": "CREATE", "name": "a",
                "object": {"metadata": {"name": "a"}, "spec": {"cidrs": list}},
                "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "servicecidrs"},
            },
        });
        let is_sound = matches!(list.len(), 1 | 2) && list.iter().all(|text| text.parse::<servicecidr_guard::net::Cidr>().is_ok());
        if !is_sound {
            prop_assert!(!verdict_of(&load(&policy), &review).unwrap().allows(), "{}", review);
        }
    }

    #[test]
    fn dry_run_has_the_same_verdict(policy in policy(), mut review in review("a")) {
        let policy = load(&policy);
        review["request"]["dryRun"] = json!(false);
        let real = verdict_of(&policy, &review);
        review["request"]["dryRun"] = json!(true);
        prop_assert_eq!(real, verdict_of(&policy, &review));
    }

    #[test]
    fn uid_is_echoed(uid in ".{1,32}", policy in policy(), mut review in review("a")) {
        review["request"]["uid"] = json!(uid);
        let answer = respond_to(&policy.to_string(), review.to_string().as_bytes());
        prop_assert_eq!(&answer["response"]["uid"], &json!(uid));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in any::<prop::sample::Index>(), review in review("a")) {
        let _ = Review::parse(&bytes).map(|review| review.request());
        let mut text = review.to_string().into_bytes();
        let at = cut.index(text.len());
        text.splice(at..at, bytes);
        if let Ok(review) = Review::parse(&text) {
            let outcome = review.request().map(|request| evaluate(&Policy::default(), &ObservedInventory::absent(&Inventory::default()), &request));
            let _ = match &outcome {
                Ok(verdict) => respond(&review, Ok(AdmissionOutcome { name: "a", verdict, preview: None })),
                Err(refusal) => respond(&review, Err(refusal)),
            };
        }
    }
}
