//! `DocumentSplitter`: splits a stream of YAML or JSON into documents. At most one document is in memory.

use std::io::{self, BufRead, BufReader, Read};

/// The largest document, in bytes. kube-apiserver accepts objects of up to 3 MiB, and sends two in a review.
pub const MAX_DOCUMENT: usize = 8 * 1024 * 1024;

/// The byte order mark of UTF-8, which some editors write.
const BOM: &[u8] = b"\xef\xbb\xbf";

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
pub(super) struct DocumentSplitter<R> {
    reader: BufReader<R>,
    syntax: Option<Syntax>,
    /// Line and column of the next byte, from 1.
    next: (u64, u64),
    /// The start of the next YAML document: a line whose marker is replaced by blanks, or blanks.
    pending: Option<(Vec<u8>, (u64, u64))>,
}

impl<R: Read> DocumentSplitter<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), syntax: None, next: (1, 1), pending: None }
    }

    /// The next document. Blank ones are skipped.
    pub fn next_document(&mut self) -> Result<Option<RawDocument>, Problem> {
        let syntax = match self.syntax {
            Some(syntax) => syntax,
            None => self.begin().map_err(Problem::Read)?,
        };
        let cut = match syntax {
            Syntax::Json => self.json()?,
            Syntax::Yaml => self.yaml()?,
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

    fn begin(&mut self) -> io::Result<Syntax> {
        if self.reader.fill_buf()?.starts_with(BOM) {
            self.reader.consume(BOM.len());
        }
        self.blank()?;
        let syntax = if self.reader.fill_buf()?.first() == Some(&b'{') { Syntax::Json } else { Syntax::Yaml };
        if let (Syntax::Yaml, (line, column @ 2..)) = (syntax, self.next) {
            // Indentation matters in YAML.
            let blanks = usize::try_from(column - 1).unwrap_or(0).min(MAX_DOCUMENT);
            self.pending = Some((vec![b' '; blanks], (line, 1)));
        }
        self.syntax = Some(syntax);
        Ok(syntax)
    }

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
    fn json(&mut self) -> Result<Option<Cut>, Problem> {
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

    /// The text between two markers.
    fn yaml(&mut self) -> Result<Option<Cut>, Problem> {
        let (mut bytes, mut start) = self.pending.take().unwrap_or((Vec::new(), self.next));
        loop {
            if bytes.ends_with(b"\n") && is_blank(&bytes) {
                // Comments, directives and blank lines contain no object, however many there are.
                bytes.clear();
                start = self.next;
            }
            let from = bytes.len();
            let left = (MAX_DOCUMENT + 1).saturating_sub(from) as u64;
            let count = self.reader.by_ref().take(left).read_until(b'\n', &mut bytes).map_err(Problem::Read)?;
            if bytes.len() > MAX_DOCUMENT {
                return Err(too_large(start));
            }
            if count == 0 {
                return Ok((!is_blank(&bytes)).then_some((bytes, start)));
            }
            let line = self.next.0;
            self.next = (line + 1, 1);
            if (from == 0 || bytes.get(from - 1) == Some(&b'\n')) && is_marker(bytes.get(from..).unwrap_or_default()) {
                let mut marker = bytes.split_off(from);
                marker.iter_mut().take(3).for_each(|byte| *byte = b' ');
                if from > 0 {
                    self.pending = Some((marker, (line, 1)));
                    return Ok(Some((bytes, start)));
                }
                (bytes, start) = (marker, (line, 1));
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

fn is_marker(line: &[u8]) -> bool {
    line.strip_prefix(b"---").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// Whether a line is blank, a comment, or a directive.
fn is_blank(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.is_empty() || (matches!(text.first(), Some(b'#' | b'%')) && !text.contains(&b'\n'))
}

fn too_large(at: (u64, u64)) -> Problem {
    let message = format!("a document larger than {} MiB: no manifest: split it with ---", MAX_DOCUMENT >> 20);
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
