//! `Diagnostic`: a problem at one position of a file, with the line and a hint.

use std::fmt;

use crate::text::escape_line;

/// The number of characters of a line that are shown before the position, and after it.
const SHOWN: (usize, usize) = (80, 120);

/// A problem at one position of a file.
///
/// `{}` prints one line; `{:#}` adds the line of the file, a mark below the position, and the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the file, as the user gave it.
    pub source: String,
    /// Line and column, both from 1; the column counts characters. `None` for the file as a whole.
    pub at: Option<(u64, u64)>,
    /// The problem.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
    /// The shown text of the line, before the position and after it.
    line: Option<(String, String)>,
}

impl Diagnostic {
    /// A problem of a file as a whole.
    pub(crate) fn whole(source: &str, message: String) -> Self {
        Self { source: source.to_owned(), at: None, message, hint: None, line: None }
    }

    /// A problem at a line and column whose text isn't shown.
    pub(crate) fn bare(source: &str, at: (u64, u64), message: String) -> Self {
        Self { at: Some(at), ..Self::whole(source, message) }
    }

    /// A problem at a line and column, with the text of that line.
    pub(crate) fn at(source: &str, at: (u64, u64), line: &str, message: String) -> Self {
        let column = usize::try_from(at.1).unwrap_or(1).saturating_sub(1);
        let split = line.char_indices().nth(column).map_or(line.len(), |(split, _)| split);
        let (before, after) = line.split_at(split);
        Self::between(source, at, before, after, message)
    }

    /// A problem at a line and column, with the text before and after it.
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

/// A line without control characters. Tabs stay, so that the mark is below the right column.
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
