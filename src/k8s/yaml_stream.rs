//! `YamlStream`: splits a YAML stream into documents, and reads each without buffering it.
//!
//! A document ends at a line with the marker `---`, or at the end of the stream. Blank lines, comments and directives
//! before a document are skipped: they contain no object, however many there are.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// The byte order mark of UTF-8, which some editors write.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A longer line is read in pieces of this size, in bytes.
const MAX_PIECE: u64 = 64 * 1024;

/// The stream that [`detect`] returns: the blanks that it has read, and the rest.
pub(super) type Detected<R> = io::Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// Reads up to the first non-blank byte. Returns the stream with those blanks but without a byte order mark, and
/// whether that byte is a brace: then the stream is JSON.
pub(super) fn detect<R: Read>(reader: R) -> io::Result<(Detected<R>, bool)> {
    let mut reader = BufReader::with_capacity(1 << 18, reader);
    if reader.fill_buf()?.starts_with(BOM) {
        reader.consume(BOM.len());
    }
    let mut blank = Vec::new();
    let has_brace = loop {
        let bytes = reader.fill_buf()?;
        match bytes.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) => break bytes.get(at) == Some(&b'{'),
            None if bytes.is_empty() => break false,
            None => {
                blank.extend_from_slice(bytes);
                let count = bytes.len();
                reader.consume(count);
            }
        }
    };
    Ok((Cursor::new(blank).chain(reader), has_brace))
}

/// A YAML stream. It reads as the current document.
pub(super) struct YamlStream<R> {
    reader: R,
    /// A line of the current document, or a part of a long line.
    piece: Vec<u8>,
    /// How much of the piece was returned, in bytes.
    consumed: usize,
    /// The line of the piece, from 1; 0 before the first.
    line: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The piece is a part of the current document.
    InDocument,
    /// The piece is the first line of the next document, its marker replaced by blanks.
    AtMarker,
    Ended,
}

impl<R: BufRead> YamlStream<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, piece: Vec::new(), consumed: 0, line: 0, state: State::InDocument }
    }

    /// Moves to the next document, past what is unread of the current one. Returns the line of its first character,
    /// from 1; `None` at the end of the stream.
    ///
    /// # Errors
    /// If the stream can't be read.
    pub fn next_document(&mut self) -> io::Result<Option<u64>> {
        let mut is_content = false;
        while self.state == State::InDocument && self.line > 0 {
            self.read_piece()?;
        }
        while !is_content {
            match self.state {
                State::Ended => return Ok(None),
                State::AtMarker => self.state = State::InDocument,
                State::InDocument => self.read_piece()?,
            }
            is_content = self.state == State::InDocument && !self.skip_comment()?;
        }
        Ok(Some(self.line))
    }

    /// Whether the piece, which starts a line, is blank, a comment or a directive. Reads the rest of a long one.
    fn skip_comment(&mut self) -> io::Result<bool> {
        let text = self.piece.trim_ascii();
        let is_skipped = text.is_empty() || matches!(text.first(), Some(b'#' | b'%'));
        while is_skipped && self.state == State::InDocument && !self.piece.ends_with(b"\n") {
            self.read_piece()?;
        }
        Ok(is_skipped)
    }

    fn read_piece(&mut self) -> io::Result<()> {
        let starts_line = self.line == 0 || self.piece.ends_with(b"\n");
        self.piece.clear();
        self.consumed = 0;
        if self.reader.by_ref().take(MAX_PIECE).read_until(b'\n', &mut self.piece)? == 0 {
            self.state = State::Ended;
        }
        if starts_line {
            self.line += 1;
            if is_marker(&self.piece) {
                self.piece.iter_mut().take(3).for_each(|byte| *byte = b' ');
                self.state = State::AtMarker;
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Read for YamlStream<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.consumed == self.piece.len() && self.state == State::InDocument {
            self.read_piece()?;
        }
        if self.state != State::InDocument {
            return Ok(0);
        }
        let rest = self.piece.get(self.consumed..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(from), Some(to)) = (rest.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consumed += count;
        Ok(count)
    }
}

fn is_marker(line: &[u8]) -> bool {
    line.strip_prefix(b"---").is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documents of a stream with their first lines.
    fn documents(text: &str) -> Vec<(u64, String)> {
        let mut stream = YamlStream::new(detect(text.as_bytes()).unwrap().0);
        let mut documents = Vec::new();
        while let Some(line) = stream.next_document().unwrap() {
            let mut document = String::new();
            stream.read_to_string(&mut document).unwrap();
            documents.push((line, document));
        }
        documents
    }

    #[test]
    fn stream_is_split_at_markers() {
        let long = format!("a: {}\n", "x".repeat(200_000));
        let comment = format!("#{}\n", "-".repeat(200_000));
        for (text, expected) in [
            ("", vec![]),
            ("\n# a\n---\n", vec![]),
            ("a: 1", vec![(1, "a: 1")]),
            ("\u{feff}a: 1\n", vec![(1, "a: 1\n")]),
            ("\n  a: 1\n", vec![(2, "  a: 1\n")]),
            ("%YAML 1.2\n---\na: 1\n---\n\n# b\nb: 2\n", vec![(3, "a: 1\n"), (7, "b: 2\n")]),
            ("--- {a: 1}\n---\r\nb: 2\n---", vec![(1, "    {a: 1}\n"), (3, "b: 2\n")]),
            ("a: |\n  ---\n---b: 2\n", vec![(1, "a: |\n  ---\n---b: 2\n")]),
            (&long, vec![(1, long.as_str())]),
            (&format!("{comment}{long}---\n{comment}b: 2\n"), vec![(2, long.as_str()), (5, "b: 2\n")]),
        ] {
            let documents = documents(text);
            let documents: Vec<(u64, &str)> = documents.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert!(documents == expected, "{:?}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn unread_rest_of_a_document_is_skipped() {
        let mut stream = YamlStream::new(&b"a: 1\nb: 2\n---\nc: 3\n"[..]);
        assert_eq!(stream.next_document().unwrap(), Some(1));
        assert_eq!(stream.read(&mut [0; 2]).unwrap(), 2);
        assert_eq!(stream.next_document().unwrap(), Some(4));
        assert_eq!(stream.next_document().unwrap(), None);
    }
}
