//! `Documents`: a YAML stream, document by document.
//!
//! The parser reads one document from a reader. A line that begins with `---` is always a document marker, so the
//! stream is split there.

use std::io::{self, BufRead, Read};

use serde_saphyr::{Options, budget::Budget};

/// A YAML stream.
pub(super) struct Documents<R> {
    reader: R,
    /// The rest of the current line.
    line: Vec<u8>,
    consumed: usize,
    /// The number of lines returned, in this document and before it.
    lines: u64,
    lines_before: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Within,
    Ended,
}

impl<R: BufRead> Documents<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), consumed: 0, lines: 0, lines_before: 0, state: State::Between }
    }

    /// The next document; `None` at the end. The previous one must be read to its end.
    pub fn next_document(&mut self) -> Option<&mut Self> {
        while self.state == State::Within {
            // Lines that the parser left unread, for example after an error.
            self.consumed = self.line.len();
            self.next_line().ok()?;
        }
        loop {
            match self.state {
                State::Ended => return None,
                State::Between | State::Within => {}
            }
            self.state = State::Within;
            self.lines_before = self.lines;
            // Blank lines, comments and empty documents contain no object.
            self.skip_to_content().ok()?;
            if self.state == State::Within {
                return Some(self);
            }
        }
    }

    /// The number of lines before the current document.
    pub fn lines_before(&self) -> u64 {
        self.lines_before
    }

    fn skip_to_content(&mut self) -> io::Result<()> {
        loop {
            self.lines_before = self.lines;
            self.next_line()?;
            let is_blank = self.line.iter().all(u8::is_ascii_whitespace) || self.line.starts_with(b"#");
            if self.state != State::Within || !is_blank {
                return Ok(());
            }
        }
    }

    /// Reads the next line of this document, if there is one.
    fn next_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.consumed = 0;
        if self.reader.read_until(b'\n', &mut self.line)? == 0 {
            self.state = State::Ended;
            return Ok(());
        }
        self.lines += 1;
        if self.line.starts_with(b"---") {
            self.line.clear();
            self.state = State::Between;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Documents<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.consumed == self.line.len() && self.state == State::Within {
            self.next_line()?;
        }
        let rest = self.line.get(self.consumed..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(from), Some(to)) = (rest.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consumed += count;
        Ok(count)
    }
}

/// The parser's limits, without those on length: a cluster may have millions of objects.
pub(super) fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_reader_input_bytes = None;
    budget.max_events = usize::MAX;
    budget.max_nodes = usize::MAX;
    budget.max_total_scalar_bytes = usize::MAX;
    let mut options = Options::default();
    options.budget = Some(budget);
    options
}
