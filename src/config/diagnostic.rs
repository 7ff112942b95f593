//! What is wrong in a policy file: the parser's complaints, in our words where ours say more.

use serde_saphyr::{Error, Location};

use crate::diagnostic::Diagnostic;
use crate::text::without_position;

impl Diagnostic {
    pub(super) fn new(source: &str, text: &str, location: Option<Location>, message: String) -> Self {
        let at = location.filter(|place| place.line() > 0).map(|place| (place.line(), place.column()));
        let line = at.and_then(|(line, _)| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?));
        match at {
            Some(at) => Self::at(source, at, line.unwrap_or_default(), message),
            None => Self::whole(source, message),
        }
    }

    /// The parser's complaint, in our words where ours say more.
    pub(super) fn of(source: &str, text: &str, error: &Error) -> Self {
        let error = error.without_snippet();
        let say = |message: String| Self::new(source, text, error.location(), message);
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
            Error::MultipleDocuments { .. } => say("a second YAML document: a policy file holds one".to_owned()),
            Error::Eof { .. } => Self::new(source, text, None, "empty: a policy needs at least one rule".to_owned()),
            other => {
                // The parser's own place and snippet are left out: ours stands there already.
                say(without_position(&other.to_string()).to_owned())
            }
        }
    }
}

/// The nearest of the expected words, or all of them.
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
