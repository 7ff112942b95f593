//! Diagnostics for errors of the YAML parser, reworded where its own message says too little.

use serde_saphyr::{Error, Location};

use crate::diagnostic::Diagnostic;
use crate::text::without_position;

/// A diagnostic at a location of the parser, or of the whole file without one.
pub(super) fn diagnostic_at(source: &str, text: &str, location: Option<Location>, message: String) -> Diagnostic {
    let at = location.filter(|place| place.line() > 0).map(|place| (place.line(), place.column()));
    let line = at.and_then(|(line, _)| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?));
    match at {
        Some(at) => Diagnostic::at(source, at, line.unwrap_or_default(), message),
        None => Diagnostic::whole(source, message),
    }
}

/// The diagnostic for an error of the parser.
pub(super) fn parse_error(source: &str, text: &str, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let say = |message: String| diagnostic_at(source, text, error.location(), message);
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            say(format!("unknown field `{field}`")).with_hint(suggestion(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            say(format!("unknown value `{variant}`")).with_hint(suggestion(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => say(format!("missing field `{field}`")),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            say(format!("duplicate field `{key}`")).with_hint("keep one of the two")
        }
        Error::Unexpected { expected: "sequence start", .. } => {
            say("expected a list".to_owned()).with_hint("write it as [a, b], or one `- ` line an entry")
        }
        Error::Unexpected { expected: "mapping start", .. } => say("expected fields, as `name: value`".to_owned()),
        Error::NullIntoString { .. } => say("empty: expected a value".to_owned()),
        Error::MultipleDocuments { .. } => say("a second YAML document: a policy file has one".to_owned()),
        Error::Eof { .. } => diagnostic_at(source, text, None, "empty: a policy needs at least one rule".to_owned()),
        other => {
            // The diagnostic has the position and the line already.
            say(without_position(&other.to_string()).to_owned())
        }
    }
}

/// The most similar of the expected words, or all of them.
fn suggestion(written: &str, expected: &[&str]) -> String {
    let quoted = |word: &&str| format!("`{word}`");
    let near = |word: &&&str| strsim::damerau_levenshtein(&written.to_lowercase(), &word.to_lowercase()) <= 3;
    let best = expected.iter().filter(near).min_by_key(|word| strsim::damerau_levenshtein(written, word));
    match (best, expected) {
        (Some(word), _) => format!("did you mean {}?", quoted(word)),
        (None, [only]) => format!("expected {}", quoted(only)),
        (None, words) => format!("expected one of {}", words.iter().map(quoted).collect::<Vec<_>>().join(", ")),
    }
}
