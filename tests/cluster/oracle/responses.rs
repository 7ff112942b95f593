//! kube-apiserver accepts every response, and parses the intended verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::evaluator::Evaluator;
use super::generate::{Rng, cidrs, ranges};
use super::query::{Question, Received, query};
use super::webhook::{GuardResponse, answer, parse_response, policy, review};

const ANSWERS: usize = 26_000;
const POLICIES: usize = 200;
/// Names and uids that are hard to print or parse.
const NAMES: [&str; 10] =
    ["a", "team-a.b", "kubernetes", "", "A", "a\nb\t\u{7f}", "\u{85}\u{200e}\u{202e}`", "ü\"\\", "\u{0}", "a/b"];
const UIDS: [&str; 10] = [
    "b3276ca1-f347-49c4-b95e-2dcec3a2d40a",
    "u",
    "\"",
    "\\",
    "\n\t\u{0}\u{7f}",
    "é١😀",
    "\u{2028}<>&",
    "null",
    " ",
    "'\\u0041",
];

/// Checks responses with the code of kube-apiserver.
pub fn check_all(answers: &[GuardResponse]) {
    let questions: Vec<_> =
        answers.iter().map(|answer| Question::Verify { uid: &answer.uid, review: &answer.body }).collect();
    for (answer, received) in answers.iter().zip(query::<Received>(&questions)) {
        check(answer, received);
    }
}

fn check(answer: &GuardResponse, received: Received) {
    let body = &answer.body;
    assert_eq!(received.error, "", "{body}");
    assert_eq!(received.allowed, answer.allowed, "{body}");
    assert_eq!((received.code, &received.message), (answer.code, &answer.message), "{body}");
    if answer.allowed {
        assert_eq!((answer.code, &*answer.message, &*received.rejection), (0, "", ""), "{body}");
    } else {
        let reason = match answer.code {
            400 => "BadRequest",
            403 => "Forbidden",
            422 => "Invalid",
            code => panic!("{code}: {body}"),
        };
        assert_eq!(received.reason, reason, "{body}");
        assert!((1..=1024).contains(&answer.message.len()), "{body}");
        let rejection = received.rejection.split_once(" denied the request: ");
        assert_eq!(rejection.map(|(_, message)| message), Some(&*answer.message), "{body}");
    }
    assert_eq!(received.audit_annotations.unwrap_or_default(), answer.annotations, "{body}");
    assert_eq!(received.bad_annotations.unwrap_or_default(), BTreeMap::new(), "{body}");
    assert_eq!(received.warnings.unwrap_or_default(), answer.warnings, "{body}");
    assert_eq!(received.delivered.unwrap_or_default(), answer.warnings, "{body}");
    let lengths: Vec<usize> = answer.warnings.iter().map(|warning| warning.chars().count()).collect();
    assert!(lengths.iter().all(|length| *length <= 256) && lengths.iter().sum::<usize>() <= 4096, "{body}");
}

/// A policy with one or both rules, with any actions.
fn file(rng: &mut Rng) -> Value {
    let mut file = json!({"apiVersion": "servicecidr-guard/v1alpha1", "kind": "Policy"});
    let actions = [&["Deny"][..], &["Warn"], &["Audit"], &["Deny", "Audit"], &["Warn", "Audit"]];
    let rules = rng.below(3);
    if rules != 1 {
        let mut ranges = ranges(rng);
        if rng.one_in(4) {
            // Messages of maximum length.
            ranges.extend((0..8).map(|n| format!("2001:db8:aaaa:bbbb:cccc:dddd:eeee:{n}fff/128")));
        }
        file["allowedRanges"] = json!({"ranges": ranges, "validationActions": rng.pick(&actions)});
    }
    if rules != 0 {
        file["denyAll"] =
            json!({"operations": ["CREATE", "UPDATE", "DELETE"], "validationActions": rng.pick(&actions)});
    }
    file
}

fn request(rng: &mut Rng) -> Value {
    let list = |rng: &mut Rng| match rng.below(16) {
        0 => (0..rng.below(100)).map(|n| format!("2001:db8:aaaa:bbbb:cccc:dddd:{n:x}:0/112")).collect(),
        1 => vec!["x\n`😀".repeat(rng.below(100))],
        _ => cidrs(rng, &[]),
    };
    let (old, new) = (list(rng), list(rng));
    let name = *rng.pick(&NAMES);
    let mut review = match rng.below(5) {
        0 => review("UPDATE", name, Some(&old), Some(&new)),
        1 => review("DELETE", name, Some(&old), None),
        2 => review("UPDATE", name, Some(&old), Some(&old)),
        _ => review("CREATE", name, None, Some(&new)),
    };
    let request = &mut review["request"];
    if !rng.one_in(4) {
        let uid = rng.pick(&UIDS);
        request["uid"] = json!(if rng.one_in(4) { uid.repeat(128 / uid.len()) } else { (*uid).to_owned() });
    }
    match rng.below(24) {
        0 => request["subResource"] = json!("status"),
        1 => request["subResource"] = json!("scale\n"),
        2 => request["resource"]["resource"] = json!("pods"),
        3 => request["operation"] = json!("CONNECT"),
        4 => request["name"] = json!("another\u{7f}"),
        5 => request["object"] = json!(["\u{1}"]),
        6 => request["object"]["spec"] = json!(7),
        7 => request["object"]["spec"] = json!({"cidrs": [null, 7]}),
        8 => request["oldObject"] = Value::Null,
        _ => {}
    }
    review
}

#[test]
fn kube_apiserver_accepts_every_response() {
    let mut rng = Rng::seeded(7);
    let policies: Vec<_> = (0..POLICIES).map(|_| policy(&file(&mut rng).to_string()).unwrap()).collect();
    let answers: Vec<GuardResponse> = (0..ANSWERS)
        .map(|_| {
            let policy = rng.pick(&policies);
            answer(policy, &request(&mut rng))
        })
        .collect();
    check_all(&answers);

    let shape = |a: &GuardResponse| (a.code, a.warnings.len(), a.annotations.len(), a.causes);
    let shapes: BTreeSet<_> = answers.iter().map(shape).collect();
    let uids: BTreeSet<_> = answers.iter().map(|answer| &answer.uid).collect();
    let having = |what: fn(&GuardResponse) -> bool| answers.iter().filter(|answer| what(answer)).count();
    let counts = [
        having(|a| a.code == 400),
        having(|a| a.code == 403),
        having(|a| a.code == 422),
        having(|a| a.allowed && a.warnings.is_empty()),
        having(|a| a.allowed && !a.warnings.is_empty()),
        having(|a| !a.allowed && !a.warnings.is_empty()),
        having(|a| a.warnings.len() > 10),
        having(|a| a.warnings.iter().any(|warning| warning.ends_with('…'))),
        having(|a| a.annotations.len() == 1),
        having(|a| a.annotations.len() == 2),
        having(|a| a.message.ends_with('…')),
        having(|a| a.uid.len() > 120),
    ];
    println!("{} answers, {} shapes, {} uids: {counts:?}", answers.len(), shapes.len(), uids.len());
    assert!(counts.iter().all(|count| *count >= 50) && shapes.len() >= 50, "few of a kind: {counts:?}");
}

/// The corpus and the seeds of the fuzzer.
fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut bodies = Vec::new();
    for folder in ["fuzz/seeds/review", "fuzz/corpus/review", "tests/fixtures/recorded"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        bodies.extend(entries.filter_map(|entry| fs::read(entry.unwrap().path()).ok()));
    }
    for fixture in fs::read_dir(root.join("tests/fixtures/admission")).unwrap() {
        bodies.push(fs::read(fixture.unwrap().path().join("request.json")).unwrap());
    }
    bodies
}

#[test]
fn kube_apiserver_accepts_responses_to_the_fuzz_corpus() {
    let (bodies, evaluator) = (corpus(), Evaluator::new());
    let evaluated = bodies.iter().filter_map(|body| evaluator.answer(body));
    let answers: Vec<GuardResponse> =
        evaluated.map(|evaluated| parse_response(evaluated.uid, evaluated.text, evaluated.is_allowed)).collect();
    check_all(&answers);
    println!("{} bodies, {} of them reviews", bodies.len(), answers.len());
    assert!(answers.len() >= 300, "only {} of {} bodies are reviews", answers.len(), bodies.len());
}
