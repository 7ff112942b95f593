//! `Diagnostic`: what is wrong at one place of a file, with that line and a hint.

use std::fmt;

use crate::text::escape_line;

/// How many characters of a line are shown before the place, and how many after.
const SHOWN: (usize, usize) = (80, 120);

/// What is wrong at one place of a file.
///
/// Printed with `{}` it is one line; with `{:#}` the offending line, a mark below it and the hint follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub source: String,
    /// Line and column, both from 1; the column counts characters. `None` for the file as a whole.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
    /// The text of the line before the place and from it on, as far as it is shown.
    line: Option<(String, String)>,
}

impl Diagnostic {
    /// Of a file as a whole.
    pub(crate) fn whole(source: &str, message: String) -> Self {
        Self { source: source.to_owned(), at: None, message, hint: None, line: None }
    }

    /// At a line and column whose text isn't shown.
    pub(crate) fn bare(source: &str, at: (u64, u64), message: String) -> Self {
        Self { at: Some(at), ..Self::whole(source, message) }
    }

    /// At a line and column, in the text of that line.
    pub(crate) fn at(source: &str, at: (u64, u64), line: &str, message: String) -> Self {
        let column = usize::try_from(at.1).unwrap_or(1).saturating_sub(1);
        let split = line.char_indices().nth(column).map_or(line.len(), |(split, _)| split);
        let (before, after) = line.split_at(split);
        Self::between(source, at, before, after, message)
    }

    /// At a line and column, between what stands before it in its line and what follows.
    pub(crate) fn between(source: &str, at: (u64, u64), before: &str, after: &str, message: String) -> Self {
        let cut = before.char_indices().rev().nth(SHOWN.0).map(|(start, _)| start);
        let before = match cut {
            Some(start) => format!("…{}", visible(before.get(start..).unwrap_or_default())),
            None => visible(before),
        };
        let after = match after.char_indices().nth(SHOWN.1) {
            Some((end, _)) => format!("{}…", visible(after.get(..end).unwrap_or_default())),
            None => visible(after),
        };
        Self { source: source.to_owned(), at: Some(at), message, hint: None, line: Some((before, after)) }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A line that a terminal can take. Tabs stay, so that the mark stands where it should.
fn visible(line: &str) -> String {
    line.split('\t').map(escape_line).collect::<Vec<_>>().join("\t")
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = escape_line(&self.source);
        match self.at {
            Some((line, column)) => write!(f, "{source}:{line}:{column}: {}", self.message)?,
            None => write!(f, "{source}: {}", self.message)?,
        }
        if !f.alternate() {
            return match &self.hint {
                Some(hint) => write!(f, ": {hint}"),
                None => Ok(()),
            };
        }
        if let (Some((line, _)), Some((before, after))) = (self.at, &self.line) {
            let number = line.to_string();
            let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {before}{after}\n  {:>1$} | {indent}^", "", number.len())?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_is_truncated_and_escaped() {
        let long = format!("{}\u{1b}[2J{}", "a".repeat(500), "b".repeat(500));
        let shown = format!("{:#}", Diagnostic::at("f\n", (7, 501), &long, "odd".to_owned()));
        let (before, after) = ("a".repeat(81), "b".repeat(116));
        let indent = " ".repeat(82);
        assert_eq!(shown, format!("f\\n:7:501: odd\n  7 | …{before}\\u{{1b}}[2J{after}…\n    | {indent}^"));
    }
}
