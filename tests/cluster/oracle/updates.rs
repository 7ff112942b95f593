//! UPDATE: only added CIDRs are evaluated.

use std::collections::BTreeMap;

use servicecidr_guard::policy::Policy;

use super::generate::{Rng, cidr, range, ranges};
use super::query::{Cel, Invalid, Question, query, short};
use super::responses::check_all;
use super::webhook::{GuardResponse, allowed_ranges_policy, answer, policy, review};

const UPDATES: usize = 12_000;

struct Update {
    allowed: Vec<String>,
    old: Vec<String>,
    new: Vec<String>,
    added: Vec<String>,
}

fn update(rng: &mut Rng) -> Update {
    let other = |rng: &mut Rng, is_v6: bool| {
        std::iter::repeat_with(|| range(rng)).find(|range| range.contains(':') == is_v6).unwrap()
    };
    let first = if rng.one_in(10) { cidr(rng) } else { range(rng) };
    let mut old = vec![first];
    if rng.one_in(4) {
        let is_v6 = !old[0].contains(':');
        old.push(other(rng, is_v6));
    } else if rng.one_in(24) {
        old.clear();
    }
    let mut new = old.clone();
    let is_v6 = old.first().is_some_and(|text| text.contains(':'));
    match rng.below(12) {
        0 | 1 => {}
        2..=4 => new.push(other(rng, !is_v6)),
        5 => new.push(other(rng, is_v6)),
        6 => new.push(cidr(rng)),
        7 => new = new.iter().map(|_| range(rng)).collect(),
        8 => new.reverse(),
        9 => _ = new.pop(),
        10 => new.insert(0, cidr(rng)),
        _ if rng.one_in(2) => new.clear(),
        _ => new.extend(old.clone()),
    }
    let added = new.iter().filter(|text| !old.contains(text)).cloned().collect();
    Update { allowed: ranges(rng), old, new, added }
}

fn answer_under(policy: &Policy, update: &Update) -> GuardResponse {
    answer(policy, &review("UPDATE", "a", Some(&update.old), Some(&update.new)))
}

#[test]
fn updates_match_documented_policy() {
    let mut rng = Rng::seeded(6);
    let updates: Vec<Update> = (0..UPDATES).map(|_| update(&mut rng)).collect();
    let changes: Vec<_> = updates.iter().map(|u| Question::ValidateUpdate { old: &u.old, new: &u.new }).collect();
    let changes: Vec<Vec<Invalid>> = query(&changes);
    let lists: Vec<_> = updates.iter().map(|u| Question::ValidateCreate { cidrs: &u.new }).collect();
    let lists: Vec<Vec<Invalid>> = query(&lists);
    let entries: Vec<_> =
        updates.iter().flat_map(|u| u.added.chunks(1)).map(|cidrs| Question::ValidateCreate { cidrs }).collect();
    let mut entries = query::<Vec<Invalid>>(&entries).into_iter();
    let cel: Vec<_> = updates.iter().map(|u| Question::Cel { allowed: &u.allowed, cidrs: Some(&u.added) }).collect();
    let cel: Vec<Cel> = query(&cel);

    let deny_all = policy("{apiVersion: servicecidr-guard/v1alpha1, kind: Policy, denyAll: {}}").unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut answers = Vec::new();
    for (((update, change), list), cel) in updates.iter().zip(&changes).zip(&lists).zip(&cel) {
        let Update { allowed, old, new, added } = update;
        let is_malformed = entries.by_ref().take(added.len()).filter(|errors| !errors.is_empty()).count() > 0;
        let answer = answer_under(&policy(&allowed_ranges_policy(allowed)).unwrap(), update);
        let (kind, expected) = if old == new {
            assert!(change.is_empty(), "{old:?}: {}", short(change));
            ("unchanged", Some(0))
        } else if change.is_empty() {
            if *cel == Cel::Allow { ("added within", Some(0)) } else { ("added outside", Some(403)) }
        } else if new.is_empty() {
            ("none", Some(422))
        } else if new.len() > 2 {
            ("too many", Some(422))
        } else if list.iter().any(Invalid::is_same_family) {
            ("one family", Some(422))
        } else if is_malformed {
            ("malformed", Some(422))
        } else {
            ("otherwise refused", None)
        };
        let case = || format!("{kind}: {old:?} to {new:?} under {allowed:?}: {}", answer.message);
        assert_eq!(answer.allowed, answer.code == 0, "{}", case());
        assert_eq!(answer.code, expected.unwrap_or(answer.code), "{}", case());
        let denied = answer_under(&deny_all, update);
        assert_eq!(denied.allowed, old == new, "under deny-all: {}", case());
        *counts.entry(kind).or_default() += 1;
        answers.push(answer);
    }
    println!("{} updates: {counts:?}", updates.len());
    assert!(counts.len() == 8 && counts.values().all(|count| *count >= 100), "few of a kind: {counts:?}");
    check_all(&answers);
}
