//! `DocumentSplitter`: splits a stream of YAML or JSON into documents. At most one document is in memory.

use std::io::{self, BufRead, Read};

use crate::k8s::yaml_stream::{Detected, YamlStream, detect};

/// The largest document, in bytes. kube-apiserver accepts objects of up to 3 MiB, and sends two in a review.
pub const MAX_DOCUMENT: usize = 8 * 1024 * 1024;

/// An unparsed document.
pub(super) struct RawDocument {
    pub text: String,
    pub syntax: Syntax,
    /// Line and column of its first character, from 1.
    pub start: (u64, u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Json,
    Yaml,
}

/// Why there is no further document.
pub(super) enum Problem {
    Read(io::Error),
    At { at: (u64, u64), message: String },
}

/// The bytes of a document, and line and column of the first.
type Cut = (Vec<u8>, (u64, u64));

/// A stream that is split where a document ends.
pub(super) enum DocumentSplitter<R> {
    Json(JsonStream<Detected<R>>),
    Yaml(YamlStream<Detected<R>>),
}

/// A stream of JSON values.
pub(super) struct JsonStream<R> {
    reader: R,
    /// Line and column of the next byte, from 1.
    next: (u64, u64),
}

impl<R: Read> DocumentSplitter<R> {
    pub fn new(reader: R) -> io::Result<Self> {
        let (reader, is_json) = detect(reader)?;
        Ok(if is_json { Self::Json(JsonStream { reader, next: (1, 1) }) } else { Self::Yaml(YamlStream::new(reader)) })
    }

    /// The next document. Blank ones are skipped.
    pub fn next_document(&mut self) -> Result<Option<RawDocument>, Problem> {
        let (cut, syntax) = match self {
            Self::Json(stream) => (stream.next_value()?, Syntax::Json),
            Self::Yaml(stream) => (next_yaml(stream)?, Syntax::Yaml),
        };
        let Some((bytes, start)) = cut else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(RawDocument { text, syntax, start })),
            Err(error) => {
                let sound = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
                let at = after(start, sound);
                Err(Problem::At { at, message: "not text: a byte is not UTF-8".to_owned() })
            }
        }
    }
}

fn next_yaml(stream: &mut YamlStream<impl BufRead>) -> Result<Option<Cut>, Problem> {
    let Some(line) = stream.next_document().map_err(Problem::Read)? else { return Ok(None) };
    let start = (line, 1);
    let mut bytes = Vec::new();
    stream.take(MAX_DOCUMENT as u64 + 1).read_to_end(&mut bytes).map_err(Problem::Read)?;
    if bytes.len() > MAX_DOCUMENT { Err(too_large(start)) } else { Ok(Some((bytes, start))) }
}

impl<R: BufRead> JsonStream<R> {
    /// Skips blank space.
    fn blank(&mut self) -> io::Result<()> {
        loop {
            let seen = self.reader.fill_buf()?;
            let count = seen.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(seen.len());
            if count == 0 {
                return Ok(());
            }
            self.next = after(self.next, seen.get(..count).unwrap_or_default());
            self.reader.consume(count);
        }
    }

    /// One JSON value, delimited by its brackets. Without brackets it is one line, which fails to parse.
    fn next_value(&mut self) -> Result<Option<Cut>, Problem> {
        self.blank().map_err(Problem::Read)?;
        let start = self.next;
        let mut bytes = Vec::new();
        let mut scan = JsonBraceScanner::default();
        loop {
            let seen = self.reader.fill_buf().map_err(Problem::Read)?;
            let end = seen.iter().position(|byte| scan.ends_with(*byte));
            let count = end.map_or(seen.len(), |end| end + 1);
            bytes.extend_from_slice(seen.get(..count).unwrap_or_default());
            self.reader.consume(count);
            if bytes.len() > MAX_DOCUMENT {
                return Err(too_large(start));
            }
            if end.is_some() || count == 0 {
                self.next = after(start, &bytes);
                return Ok((!bytes.is_empty()).then_some((bytes, start)));
            }
        }
    }
}

/// The nesting depth of a JSON value, byte by byte.
#[derive(Default)]
struct JsonBraceScanner {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
}

impl JsonBraceScanner {
    /// Reads the next byte. Returns whether the value ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.is_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            b'\n' => return self.depth == 0,
            _ => {}
        }
        false
    }
}

fn too_large(at: (u64, u64)) -> Problem {
    let message = format!("a document larger than {} MiB is not a manifest: split it with ---", MAX_DOCUMENT >> 20);
    Problem::At { at, message }
}

/// The position after some text.
fn after(start: (u64, u64), text: &[u8]) -> (u64, u64) {
    text.iter().fold(start, |(line, column), byte| match byte {
        b'\n' => (line + 1, 1),
        // Not the first byte of a character.
        0x80..0xc0 => (line, column),
        _ => (line, column + 1),
    })
}
