//! `Diagnostic`: what is wrong at one place of a file, with that line and a hint.

use std::fmt;

use serde_saphyr::{Error, Location};

/// What is wrong at one place of a file.
///
/// Printed with `{}` it is one line; with `{:#}` the offending line, a mark below it and the hint follow.
#[derive(Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub source: String,
    /// Line and column, both from 1; the column counts characters. `None` for the file as a whole.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
    /// The text of the line.
    line: String,
}

impl Diagnostic {
    pub(super) fn new(source: &str, text: &str, location: Option<Location>, message: String) -> Self {
        let at = location.filter(|place| place.line() > 0).map(|place| (place.line(), place.column()));
        let line = at
            .and_then(|(line, _)| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?))
            .unwrap_or_default()
            .to_owned();
        Self { source: source.to_owned(), at, message, hint: None, line }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
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
                let text = other.to_string();
                // The parser's own place and snippet are left out: ours stands there already.
                let first_line = text.lines().next().unwrap_or_default();
                let message = first_line.rsplit_once(" at line ").map_or(first_line, |(message, _)| message);
                say(message.to_owned())
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

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.source, self.message)?,
            None => write!(f, "{}: {}", self.source, self.message)?,
        }
        if !f.alternate() {
            return match &self.hint {
                Some(hint) => write!(f, ": {hint}"),
                None => Ok(()),
            };
        }
        if let Some((line, column)) = self.at {
            let number = line.to_string();
            let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
            let indent: String = self.line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {}\n  {:>2$} | {indent}^", self.line, "", number.len())?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}
