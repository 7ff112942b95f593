//! CIDR parsing: valid texts, and the reasons of the others.

use std::collections::{BTreeMap, HashSet};

use servicecidr_guard::net::Cidr;

use super::generate::{Rng, text};
use super::query::{Invalid, Parsed, Question, query, short};
use super::webhook::error_letter;

const TEXTS: usize = 160_000;
/// The number of differences in a failure, the shortest first.
const SHOWN: usize = 40;

fn texts(seed: u64) -> Vec<String> {
    let mut rng = Rng::seeded(seed);
    let mut distinct = HashSet::new();
    while distinct.len() < TEXTS {
        distinct.insert(text(&mut rng));
    }
    let mut texts: Vec<String> = distinct.into_iter().collect();
    texts.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    texts
}

fn assert_none(differences: &[String]) {
    let shown = &differences[..differences.len().min(SHOWN)];
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), shown.join("\n"));
}

#[test]
fn cidr_validation_matches_kube_apiserver() {
    let texts = texts(1);
    let lists: Vec<[String; 1]> = texts.iter().map(|text| [text.clone()]).collect();
    let questions: Vec<_> = lists.iter().map(|list| Question::ValidateCreate { cidrs: list }).collect();
    let answers: Vec<Vec<Invalid>> = query(&questions);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for (text, errors) in texts.iter().zip(&answers) {
        let theirs = short(errors);
        let ours = match text.parse::<Cidr>() {
            Ok(cidr) => {
                assert_eq!(cidr.to_string(), *text);
                String::new()
            }
            Err(error) => format!("[0]{}", error_letter(error)),
        };
        *counts.entry(theirs.chars().take(4).collect()).or_default() += 1;
        if ours != theirs {
            differences.push(format!("{text:?}: {ours:?} here, {theirs:?} there"));
        }
    }
    println!("{} texts: {counts:?}", texts.len());
    assert_none(&differences);
    for kind in ["", "[0]a", "[0]b", "[0]c", "[0]d", "[0]e"] {
        assert!(counts.get(kind).is_some_and(|count| *count >= 1000), "few texts are {kind:?}: {counts:?}");
    }
}

#[test]
fn lenient_parsing_matches_cel() {
    let texts = texts(2);
    let questions: Vec<_> = texts.iter().map(|text| Question::Cidr { text }).collect();
    let answers: Vec<Parsed> = query(&questions);
    let mut accepted = 0;
    let mut differences = Vec::new();
    for (text, parsed) in texts.iter().zip(&answers) {
        let ours = Cidr::parse_lenient(text).ok().map(|cidr| cidr.to_string());
        accepted += usize::from(ours.is_some());
        if ours.as_deref() != parsed.canonical() {
            differences.push(format!("{text:?}: {ours:?} here, {:?} there", parsed.canonical()));
        }
    }
    println!("{} texts: {accepted} accepted", texts.len());
    assert_none(&differences);
    assert!(accepted > 10_000 && accepted < texts.len() - 10_000, "{accepted} accepted");
}
