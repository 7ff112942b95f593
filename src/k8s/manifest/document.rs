//! `ManifestDocument`: one document as JSON, and the source position of each of its values.

use serde_json::value::RawValue;

use crate::diagnostic::Diagnostic;
use crate::text::{escape_line, without_position};

use super::splitter::{RawDocument, Syntax};
use super::yaml::{self, MappedJson};

/// The distance between precomputed positions, in bytes.
const CHECKPOINT_BYTES: usize = 4096;

/// One document, as the JSON that it is or means.
pub struct ManifestDocument<'a> {
    source_name: &'a str,
    /// The source text.
    written: String,
    /// The position of its first character: line and column from 1.
    start: (u64, u64),
    /// The positions of every [`CHECKPOINT_BYTES`] of the source text.
    counted: Vec<(u64, u64)>,
    json: Option<MappedJson>,
}

impl<'a> ManifestDocument<'a> {
    pub(super) fn read(source_name: &'a str, piece: RawDocument) -> Result<Self, Box<Diagnostic>> {
        let RawDocument { text, syntax, start } = piece;
        let mut read = Self { source_name, counted: counted(&text, start), written: text, start, json: None };
        match syntax {
            Syntax::Json => {
                let parsed = serde_json::from_str::<&RawValue>(&read.written);
                parsed.map(drop).map_err(|error| Box::new(read.complaint_of_json(&error)))?;
            }
            Syntax::Yaml => {
                let json = yaml::to_json(&read.written)
                    .map_err(|(at, message)| Box::new(read.complaint_of_yaml(at, message)))?;
                read.json = Some(json);
            }
        }
        Ok(read)
    }

    /// The name of the file.
    #[must_use]
    pub fn source_name(&self) -> &'a str {
        self.source_name
    }

    pub(super) fn json(&self) -> &str {
        self.json.as_ref().map_or(&self.written, |json| &json.text)
    }

    /// The offset in the source text of a value of the document, in bytes.
    pub(super) fn offset(&self, value: &str) -> usize {
        let within = (value.as_ptr() as usize).saturating_sub(self.json().as_ptr() as usize);
        let Some(json) = &self.json else { return within };
        let next = json.places.partition_point(|(offset, _)| *offset <= within);
        json.places.get(next.saturating_sub(1)).map_or(0, |(_, written)| *written)
    }

    /// Line and column of an offset, both from 1; the column counts characters.
    #[must_use]
    pub fn at(&self, offset: usize) -> (u64, u64) {
        let mut from = (offset / CHECKPOINT_BYTES).min(self.counted.len().saturating_sub(1));
        while from > 0 && !self.written.is_char_boundary(from * CHECKPOINT_BYTES) {
            from -= 1;
        }
        let start = self.counted.get(from).copied().unwrap_or(self.start);
        advance(start, self.written.get(from * CHECKPOINT_BYTES..offset).unwrap_or_default())
    }

    /// The diagnostic at an offset.
    #[must_use]
    pub fn diagnostic(&self, offset: usize, message: String) -> Diagnostic {
        let (before, after) = self.written.split_at_checked(offset).unwrap_or((&self.written, ""));
        // No more than is shown: a line may be as long as the document.
        let near = before.char_indices().rev().take(400).take_while(|(_, c)| *c != '\n').last();
        let before = near.map_or("", |(from, _)| before.get(from..).unwrap_or_default());
        let far = after.char_indices().take(400).find(|(_, c)| *c == '\n' || *c == '\r');
        let far = far.or_else(|| after.char_indices().nth(400)).map_or(after.len(), |(end, _)| end);
        let after = after.get(..far).unwrap_or_default();
        Diagnostic::between(self.source_name, self.at(offset), before, after, message)
    }

    fn complaint_of_json(&self, error: &serde_json::Error) -> Diagnostic {
        let message = format!("not JSON: {}", escape_line(without_position(&error.to_string())));
        self.diagnostic(self.offset_of(error.line(), error.column()), message)
    }

    fn complaint_of_yaml(&self, at: Option<(usize, usize)>, message: String) -> Diagnostic {
        let offset = at.map_or(0, |(line, column)| {
            let line = self.offset_of(line, 1);
            let rest = self.written.get(line..).unwrap_or_default();
            line + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(offset, _)| offset)
        });
        self.diagnostic(offset, message)
    }

    /// The offset of a line and a column, in bytes. Both are from 1, relative to the document.
    fn offset_of(&self, line: usize, column: usize) -> usize {
        let lines = line.saturating_sub(1);
        let ends = self.written.match_indices('\n').take(lines).last();
        let line = if lines == 0 { 0 } else { ends.map_or(0, |(end, _)| end + 1) };
        let mut offset = (line + column.saturating_sub(1)).min(self.written.len());
        while !self.written.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// The positions of every [`CHECKPOINT_BYTES`], moved to character boundaries.
fn counted(text: &str, start: (u64, u64)) -> Vec<(u64, u64)> {
    let mut places = vec![start];
    let (mut last, mut at) = (0, start);
    for offset in (CHECKPOINT_BYTES..text.len()).step_by(CHECKPOINT_BYTES) {
        if let Some(between) = text.get(last..offset) {
            at = advance(at, between);
            last = offset;
        }
        places.push(at);
    }
    places
}

/// The position after some text.
fn advance(start: (u64, u64), text: &str) -> (u64, u64) {
    match text.rsplit_once('\n') {
        None => (start.0, start.1 + text.chars().count() as u64),
        Some((lines, rest)) => (start.0 + 1 + lines.matches('\n').count() as u64, 1 + rest.chars().count() as u64),
    }
}
