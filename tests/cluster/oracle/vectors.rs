//! Recorded questions and answers: the oracle and servicecidr-guard return the same.

use servicecidr_guard::net::Cidr;

use super::query::{Cel, Invalid, Parsed, Question, query, short};
use super::webhook::{allowed_ranges_policy, answer, error_letter, policy, review, validation_errors};

type Texts = &'static [&'static str];

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A list of CIDRs, and the errors of a CREATE: R required, N too many, F same family, and for an entry a not a CIDR,
/// b leading zeros, c IPv4-mapped, d host bits, e not canonical.
const CREATES: &[(Texts, &str)] = &[
    (&["10.0.0.0/24"], ""),
    (&["10.0.0.0/24", "fd00::/64"], ""),
    (&["fd00::/64", "10.0.0.0/24"], ""),
    (&["1.2.3.4/32", "fd00::1/128"], ""),
    (&["0.0.0.0/0"], ""),
    (&["::/0"], ""),
    (&["10.0.0.0/31"], ""),
    (&["10.0.0.0/32"], ""),
    (&["255.255.255.255/32"], ""),
    (&["fd00::/48"], ""),
    (&["fd00::/63"], ""),
    (&["::fffe:0:0/95"], ""),
    (&["::a00:0/104"], ""),
    (&["2001:db8:0:0:1::/80"], ""),
    (&["fe80::/10"], ""),
    (&["ff00::/8"], ""),
    (&["127.0.0.0/8"], ""),
    (&["224.0.0.0/4"], ""),
    (&[], "R"),
    (&[""], "[0]a"),
    (&["10.0.0.0"], "[0]a"),
    (&["10.0.0.0/33"], "[0]a"),
    (&["10.0.0.0/-1"], "[0]a"),
    (&["10.0.0.0/"], "[0]a"),
    (&["10.0.0.0/+8"], "[0]a"),
    (&["10.0.0.0/24 "], "[0]a"),
    (&[" 10.0.0.0/24"], "[0]a"),
    (&["10.0.0.0/24\n"], "[0]a"),
    (&["10.0.0/24"], "[0]a"),
    (&["0x0a.0.0.0/8"], "[0]a"),
    (&["fd00::/129"], "[0]a"),
    (&["fd00::%eth0/64"], "[0]a"),
    (&["[fd00::]/64"], "[0]a"),
    (&["12345::/64"], "[0]a"),
    (&["a::b::c/64"], "[0]a"),
    (&["10.0.0.0/033"], "[0]a"),
    (&["fd00::/0129"], "[0]a"),
    (&["010.0.0.0/33"], "[0]a"),
    (&["010.0.0.0/"], "[0]a"),
    (&["10.0.0.0/08"], "[0]b"),
    (&["0.0.0.0/00"], "[0]b"),
    (&["fd00::/064"], "[0]b"),
    (&["010.0.0.0/8"], "[0]b"),
    (&["0000010.0.0.0/24"], "[0]b"),
    (&["fd00:00001::/64"], "[0]b"),
    (&["::ffff:10.0.0.0/104"], "[0]c"),
    (&["::ffff:a00:0/104"], "[0]c"),
    (&["::ffff:0:0/96"], "[0]c"),
    (&["10.0.0.1/24"], "[0]d"),
    (&["fd00::1/64"], "[0]d"),
    (&["FD00::/64"], "[0]e fd00::/64"),
    (&["fd00:0::/64"], "[0]e fd00::/64"),
    (&["fd00:0:0:0::/64"], "[0]e fd00::/64"),
    (&["2001:0db8::/64"], "[0]e 2001:db8::/64"),
    (&["2001:db8::1:0:0:0/80"], "[0]e 2001:db8:0:0:1::/80"),
    (&["::10.0.0.0/104"], "[0]e ::a00:0/104"),
    (&["1:2:3:4:5:6:7::/128"], "[0]e 1:2:3:4:5:6:7:0/128"),
    (&["0:0:0:0::/64"], "[0]e ::/64"),
    (&["0::/64"], "[0]e ::/64"),
    (&["10.0.0.0/24", "10.1.0.0/24"], "F"),
    (&["10.0.0.0/24", "10.0.0.0/24"], "F"),
    (&["fd00::/64", "fd01::/64"], "F"),
    (&["10.0.0.0/24", "::ffff:1.2.3.0/120"], "[1]c,F"),
    (&["fd00::/64", "::ffff:1.2.3.0/120"], "[1]c"),
    (&["10.0.0.0/24", "::00ffff:1.2.3.0/120"], "[1]b,F"),
    (&["fd00::/64", "::00ffff:1.2.3.0/120"], "[1]b"),
    (&["10.0.0.0/24", "bogus"], "[1]a"),
    (&["bogus", "bogus"], "[0]a,[1]a"),
    (&["10.0.0.1/24", "010.1.0.0/24"], "[0]d,[1]b,F"),
    (&["10.0.0.0/24", "fd00::/64", "bogus"], "N"),
];

#[test]
fn recorded_creates_match() {
    let lists: Vec<Vec<String>> = CREATES.iter().map(|(cidrs, _)| owned(cidrs)).collect();
    let questions: Vec<_> = lists.iter().map(|cidrs| Question::ValidateCreate { cidrs }).collect();
    let answers: Vec<Vec<Invalid>> = query(&questions);
    for (((_, expected), cidrs), errors) in CREATES.iter().zip(&lists).zip(&answers) {
        assert_eq!(short(errors), *expected, "{cidrs:?}: Kubernetes");
        assert_eq!(validation_errors(cidrs), *expected, "{cidrs:?}: servicecidr-guard");
        if let [text] = &**cidrs {
            let seen = text.parse::<Cidr>().err().map(|error| format!("[0]{}", error_letter(error)));
            assert_eq!(seen.unwrap_or_default(), *expected, "{text:?}");
        }
    }
}

const V4: &str = "10.0.0.0/24";
const V6: &str = "fd00::/64";

/// Old CIDRs, new ones, the errors of the UPDATE, and the status code of servicecidr-guard if every range is allowed.
/// Immutability is left to Kubernetes.
const UPDATES: &[(Texts, Texts, &str, u16)] = &[
    (&[V4], &[V4], "", 0),
    (&[V4], &[V4, V6], "", 0),
    (&[V6], &[V6, V4], "", 0),
    (&[V4], &[V6, V4], "[0]imm", 0),
    (&[V4], &["10.0.0.0/16"], "[0]imm", 0),
    (&[V4], &["10.0.0.0/16", V6], "[0]imm", 0),
    (&[V4], &[V4, "10.1.0.0/24"], "F", 422),
    (&[V4], &[V4, V4], "F", 422),
    (&[V4], &[V4, "FD00::/64"], "[1]e fd00::/64", 422),
    (&[V4], &[V4, "fd00::/48"], "", 0),
    (&[V4, V6], &[V6, V4], "[0]imm,[1]imm", 0),
    (&[V4, V6], &[V4], "imm", 0),
    (&[V4, V6], &[], "imm", 422),
    (&[V4], &[], "imm", 422),
    (&[V4], &[V4, V6, "fd01::/64"], "imm", 422),
    (&[V4, V6], &[V4, "fd01::/64"], "[1]imm", 0),
    (&["010.0.0.0/24"], &["010.0.0.0/24"], "", 0),
    (&["010.0.0.0/24"], &["010.0.0.0/24", V6], "[0]b", 0),
    (&[V4], &["10.0.0.0/24 "], "[0]imm", 422),
    (&[], &[], "", 0),
    (&[], &[V4], "imm", 0),
];

#[test]
fn recorded_updates_match() {
    let policy = policy(&allowed_ranges_policy(&owned(&["0.0.0.0/0", "::/0"]))).unwrap();
    let lists: Vec<_> = UPDATES.iter().map(|(old, new, ..)| (owned(old), owned(new))).collect();
    let questions: Vec<_> = lists.iter().map(|(old, new)| Question::ValidateUpdate { old, new }).collect();
    let answers: Vec<Vec<Invalid>> = query(&questions);
    for (((_, _, expected, code), (old, new)), errors) in UPDATES.iter().zip(&lists).zip(&answers) {
        assert_eq!(short(errors), *expected, "{old:?} to {new:?}: Kubernetes");
        let answer = answer(&policy, &review("UPDATE", "a", Some(old), Some(new)));
        assert_eq!(answer.code, *code, "{old:?} to {new:?}: servicecidr-guard: {}", answer.message);
    }
}

const ALLOWED: Texts = &["10.96.0.0/16", "2001:db8::/64"];

/// Allowed ranges, the CIDRs of a CREATE, and the result of the documented policy.
const POLICIES: &[(Texts, Option<Texts>, Cel)] = &[
    (ALLOWED, Some(&["10.96.1.0/24"]), Cel::Allow),
    (ALLOWED, Some(&["10.96.0.0/16"]), Cel::Allow),
    (ALLOWED, Some(&["2001:db8:0:0:ffff::/80", "10.96.0.0/20"]), Cel::Allow),
    (ALLOWED, Some(&["2001:db8::/64"]), Cel::Allow),
    (ALLOWED, Some(&["2001:DB8::/64"]), Cel::Allow),
    (ALLOWED, Some(&["10.96.5.7/24"]), Cel::Allow),
    (ALLOWED, Some(&["10.96.5.7/16"]), Cel::Allow),
    (ALLOWED, Some(&[]), Cel::Allow),
    (ALLOWED, Some(&["172.20.0.0/16"]), Cel::Deny),
    (ALLOWED, Some(&["10.96.0.0/15"]), Cel::Deny),
    (ALLOWED, Some(&["10.97.0.0/24"]), Cel::Deny),
    (ALLOWED, Some(&["10.96.0.0/16", "2001:db8::/63"]), Cel::Deny),
    (ALLOWED, Some(&["0.0.0.0/0"]), Cel::Deny),
    (ALLOWED, Some(&["::/0"]), Cel::Deny),
    (ALLOWED, Some(&["bogus", "172.20.0.0/16"]), Cel::Deny),
    (ALLOWED, Some(&["172.20.0.0/16", "bogus"]), Cel::Deny),
    (ALLOWED, Some(&["010.96.0.0/24"]), Cel::Error),
    (ALLOWED, Some(&["::ffff:10.96.0.0/112"]), Cel::Error),
    (ALLOWED, Some(&["bogus"]), Cel::Error),
    (ALLOWED, Some(&["bogus", "10.96.0.0/24"]), Cel::Error),
    (ALLOWED, Some(&["10.96.0.0/16 "]), Cel::Error),
    (ALLOWED, Some(&["10.96.0.0"]), Cel::Error),
    (ALLOWED, Some(&[""]), Cel::Error),
    (ALLOWED, Some(&["10.96.0.0/016"]), Cel::Error),
    (ALLOWED, Some(&["fd00::%eth0/64"]), Cel::Error),
    (ALLOWED, None, Cel::Error),
    (&[], Some(&["10.96.0.0/24"]), Cel::Deny),
    (&[], Some(&["bogus"]), Cel::Deny),
    (&[], Some(&[]), Cel::Allow),
    (&["bad", "10.96.0.0/16"], Some(&["10.96.0.0/24"]), Cel::Allow),
    (&["10.96.0.0/16", "bad"], Some(&["10.96.0.0/24"]), Cel::Allow),
    (&["bad", "10.96.0.0/16"], Some(&["10.97.0.0/24"]), Cel::Error),
    (&["bad"], Some(&["10.96.0.0/24"]), Cel::Error),
    (&["bad"], Some(&["bogus"]), Cel::Error),
    (&["10.96.5.7/16"], Some(&["10.96.0.0/24"]), Cel::Allow),
    (&["10.96.0.0/17", "10.96.128.0/17"], Some(&["10.96.0.0/16"]), Cel::Deny),
    (&["0.0.0.0/0"], Some(&["10.96.0.0/24"]), Cel::Allow),
    (&["0.0.0.0/0"], Some(&["fd00::/64"]), Cel::Deny),
    (&["::/0"], Some(&["10.96.0.0/24"]), Cel::Deny),
    (&["::/0"], Some(&["::fffe:0:0/95"]), Cel::Allow),
    (&["::ffff:10.0.0.0/104"], Some(&["10.0.0.0/24"]), Cel::Error),
    (&["::ffff:10.0.0.0/104", "10.0.0.0/8"], Some(&["10.0.0.0/24"]), Cel::Allow),
];

/// servicecidr-guard returns 422 for objects that Kubernetes rejects, and rejects policies with an invalid range.
#[test]
fn recorded_policies_match() {
    let lists: Vec<_> = POLICIES.iter().map(|(allowed, cidrs, _)| (owned(allowed), cidrs.map(owned))).collect();
    let questions: Vec<_> =
        lists.iter().map(|(allowed, cidrs)| Question::Cel { allowed, cidrs: cidrs.as_deref() }).collect();
    let cel: Vec<Cel> = query(&questions);
    let texts: Vec<_> = lists.iter().flat_map(|(allowed, _)| allowed).map(|text| Question::Cidr { text }).collect();
    let mut parsed = query::<Parsed>(&texts).into_iter();
    let questions: Vec<_> = lists
        .iter()
        .map(|(_, cidrs)| Question::ValidateCreate { cidrs: cidrs.as_deref().unwrap_or_default() })
        .collect();
    let valid: Vec<Vec<Invalid>> = query(&questions);

    for ((((_, _, expected), (allowed, cidrs)), cel), errors) in POLICIES.iter().zip(&lists).zip(&cel).zip(&valid) {
        let case = format!("{cidrs:?} under {allowed:?}");
        assert_eq!(cel, expected, "{case}: Kubernetes");
        let valid_count = parsed.by_ref().take(allowed.len()).filter(|parsed| parsed.canonical().is_some()).count();
        let policy = policy(&allowed_ranges_policy(allowed));
        assert_eq!(policy.is_some(), valid_count == allowed.len() && !allowed.is_empty(), "{case}");
        let Some(policy) = policy else { continue };
        let code = match (errors.is_empty(), expected) {
            (false, _) => 422,
            (true, Cel::Allow) => 0,
            (true, Cel::Deny | Cel::Error) => 403,
        };
        let answer = answer(&policy, &review("CREATE", "a", None, Some(cidrs.as_deref().unwrap_or_default())));
        assert_eq!(answer.code, code, "{case}: servicecidr-guard: {}", answer.message);
    }
}
