//! CREATE under allowed ranges, compared with the documented policy, and under deny-all.

use std::collections::BTreeMap;

use serde_json::json;

use super::generate::{Rng, cidrs, range, ranges, text};
use super::query::{Cel, Invalid, Parsed, Question, query, short};
use super::responses::check_all;
use super::webhook::{allowed_ranges_policy, answer, policy, review, validation_errors};

const CREATES: usize = 24_000;
const POLICIES: usize = 4_000;
const NAMES: [&str; 3] = ["a", "b.c", "kubernetes.a"];

struct Create {
    allowed: Vec<String>,
    name: &'static str,
    cidrs: Vec<String>,
}

fn creates(seed: u64, count: usize) -> Vec<Create> {
    let mut rng = Rng::seeded(seed);
    let mut create = |_| {
        let allowed = ranges(&mut rng);
        let cidrs = cidrs(&mut rng, &allowed);
        let name = *rng.pick(&NAMES);
        Create { allowed, name, cidrs }
    };
    (0..count).map(&mut create).collect()
}

#[test]
fn creates_match_documented_policy() {
    let creates = creates(3, CREATES);
    let valid: Vec<_> = creates.iter().map(|create| Question::ValidateCreate { cidrs: &create.cidrs }).collect();
    let valid: Vec<Vec<Invalid>> = query(&valid);
    let cel: Vec<_> =
        creates.iter().map(|create| Question::Cel { allowed: &create.allowed, cidrs: Some(&create.cidrs) }).collect();
    let cel: Vec<Cel> = query(&cel);
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    let mut answers = Vec::new();
    for ((create, errors), cel) in creates.iter().zip(&valid).zip(&cel) {
        let policy = policy(&allowed_ranges_policy(&create.allowed)).unwrap();
        let answer = answer(&policy, &review("CREATE", create.name, None, Some(&create.cidrs)));
        let expected = match (errors.is_empty(), cel) {
            (false, _) => 422,
            (true, Cel::Allow) => 0,
            (true, Cel::Deny) => 403,
            (true, Cel::Error) => panic!("{:?} is valid, but CEL fails under {:?}", create.cidrs, create.allowed),
        };
        let case = || format!("{:?} under {:?}: {}", create.cidrs, create.allowed, answer.message);
        assert_eq!((answer.allowed, answer.code), (expected == 0, expected), "{}", case());
        assert_eq!(validation_errors(&create.cidrs), short(errors), "{}", case());
        *counts.entry(expected).or_default() += 1;
        answers.push(answer);
    }
    println!("{} creates: {counts:?}", creates.len());
    assert!([0, 403, 422].iter().all(|code| counts[code] >= 2000), "few of a kind: {counts:?}");
    check_all(&answers);
}

#[test]
fn deny_all_allows_only_kubernetes() {
    let files = [
        json!({"denyAll": {}}),
        json!({"denyAll": {"operations": ["CREATE"]}}),
        json!({"denyAll": {"validationActions": ["Deny", "Audit"]}}),
        json!({"denyAll": {}, "allowedRanges": {"ranges": ["0.0.0.0/0", "::/0"]}}),
        json!({"denyAll": {}, "allowedRanges": {"ranges": ["192.0.2.0/24"], "validationActions": ["Warn"]}}),
    ];
    let policies = files.map(|mut file| {
        file["apiVersion"] = json!("servicecidr-guard/v1alpha1");
        file["kind"] = json!("Policy");
        policy(&file.to_string()).unwrap()
    });
    let mut answers = Vec::new();
    for (index, create) in creates(3, CREATES).iter().enumerate() {
        let policy = &policies[index % policies.len()];
        let denied = answer(policy, &review("CREATE", create.name, None, Some(&create.cidrs)));
        assert!(!denied.allowed, "{}: {:?}", create.name, create.cidrs);
        let allowed = answer(policy, &review("CREATE", "kubernetes", None, Some(&create.cidrs)));
        assert!(allowed.allowed, "kubernetes: {:?}: {}", create.cidrs, allowed.message);
        answers.extend([denied, allowed]);
    }
    println!("{} creates", answers.len());
    check_all(&answers[..CREATES / 2]);
}

#[test]
fn kubernetes_is_never_denied() {
    let mut answers = Vec::new();
    let mut previous: Vec<String> = Vec::new();
    for create in creates(4, CREATES / 4) {
        let file = json!({
            "apiVersion": "servicecidr-guard/v1alpha1", "kind": "Policy",
            "denyAll": {"operations": ["CREATE", "UPDATE", "DELETE"]}, "allowedRanges": {"ranges": create.allowed},
        });
        let policy = policy(&file.to_string()).unwrap();
        for (operation, old, new) in [
            ("CREATE", None, Some(&*create.cidrs)),
            ("UPDATE", Some(&*previous), Some(&*create.cidrs)),
            ("DELETE", Some(&*create.cidrs), None),
        ] {
            let answer = answer(&policy, &review(operation, "kubernetes", old, new));
            assert!(answer.allowed, "{operation} {old:?} {new:?}: {}", answer.message);
            answers.push(answer);
        }
        previous = create.cidrs;
    }
    println!("{} requests", answers.len());
    check_all(&answers);
}

/// An empty list, and one with an entry that CEL's `cidr()` rejects, are invalid policies.
#[test]
fn policy_accepts_the_ranges_that_cel_accepts() {
    assert!(policy(&allowed_ranges_policy(&[])).is_none());
    let mut rng = Rng::seeded(5);
    let lists: Vec<Vec<String>> = (0..POLICIES)
        .map(|_| (0..=rng.below(3)).map(|_| if rng.one_in(4) { text(&mut rng) } else { range(&mut rng) }).collect())
        .collect();
    let questions: Vec<_> = lists.iter().flatten().map(|text| Question::Cidr { text }).collect();
    let mut parsed = query::<Parsed>(&questions).into_iter();
    let mut refused = 0;
    for list in &lists {
        let all = parsed.by_ref().take(list.len()).filter(|parsed| parsed.canonical().is_some()).count() == list.len();
        assert_eq!(policy(&allowed_ranges_policy(list)).is_some(), all, "{list:?}");
        refused += usize::from(!all);
    }
    println!("{} policies: {refused} refused", lists.len());
    assert!(refused >= 500 && refused <= lists.len() - 500, "{refused} refused");
}
