//! `Documents`: a YAML stream, document by document.
//!
//! The parser reads one document from a reader. A line that begins with `---` is a document marker
//! wherever it stands, so the stream is cut there.

use std::io::{self, BufRead, Read};

use serde_saphyr::{Options, budget::Budget};

/// A YAML stream.
pub(super) struct Documents<R> {
    reader: R,
    /// The rest of the line that is being handed out.
    line: Vec<u8>,
    given: usize,
    /// Lines handed out, in this document and before it.
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
        Self { reader, line: Vec::new(), given: 0, lines: 0, lines_before: 0, state: State::Between }
    }

    /// The next document, `None` at the end. The one before must have been read to its end.
    pub fn next_document(&mut self) -> Option<&mut Self> {
        while self.state == State::Within {
            // What the parser left unread, as after a mistake.
            self.given = self.line.len();
            self.next_line().ok()?;
        }
        loop {
            match self.state {
                State::Ended => return None,
                State::Between | State::Within => {}
            }
            self.state = State::Within;
            self.lines_before = self.lines;
            // Blank lines, comments and empty documents hold no object.
            self.skip_to_content().ok()?;
            if self.state == State::Within {
                return Some(self);
            }
        }
    }

    /// How many lines came before the document that was last begun.
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

    /// Takes up the next line, or learns that there is none in this document.
    fn next_line(&mut self) -> io::Result<()> {
        self.line.clear();
        self.given = 0;
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
        if self.given == self.line.len() && self.state == State::Within {
            self.next_line()?;
        }
        let rest = self.line.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(from), Some(to)) = (rest.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

/// The parser's limits, but for those on length: a cluster may hold millions of objects.
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
