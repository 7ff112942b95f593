//! Reads the output of `kubectl get servicecidrs,ipaddresses -o json` or `-o yaml` into an inventory, object by
//! object: a list of any length needs the memory of one object and of the inventory.

mod documents;
mod item_reader;
mod reading;
mod visitor;

use std::io::{BufRead, BufReader, Cursor, Read};

use serde::de::DeserializeSeed as _;
use thiserror::Error;

use crate::inventory::Inventory;
use crate::text::without_position;

pub use super::item::UnreadableReason;
use documents::Documents;
use item_reader::ItemReader;
pub use reading::{Reading, SkippedObject};
use visitor::{Document, Syntax};

/// Why a file can't be read to its end.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file is neither JSON nor YAML, or is incomplete.
    #[error("{source_name}: {problem}")]
    Syntax {
        /// The name of the file.
        source_name: String,
        /// The parser's error, with the position.
        problem: String,
    },
    /// The file can't be read.
    #[error("{source_name}: {error}")]
    Read {
        /// The name of the file.
        source_name: String,
        /// The I/O error.
        error: std::io::Error,
    },
}

/// Reads files into an inventory, one after the other.
pub struct ListReader<'a> {
    items: ItemReader<'a>,
}

impl<'a> ListReader<'a> {
    /// A reader into `inventory`. `progress` is called before each object with its position among those read.
    pub fn new(inventory: &'a mut Inventory, progress: impl FnMut(u64) + 'a) -> Self {
        Self { items: ItemReader::new(inventory, progress) }
    }

    /// Reads a file to its end: lists, single objects, several documents. JSON if it begins with a brace, else YAML.
    ///
    /// # Errors
    /// If the file is neither, is incomplete, or can't be read. Objects before the error stay in the inventory.
    pub fn read(&mut self, source_name: &str, reader: impl Read) -> Result<(), ListError> {
        self.items.begin_file(source_name);
        let mut reader = BufReader::with_capacity(1 << 18, reader);
        let failed = |error| ListError::Read { source_name: source_name.to_owned(), error };
        let (blank, has_brace) = beginning(&mut reader).map_err(failed)?;
        let reader = Cursor::new(blank).chain(reader);
        if has_brace {
            self.read_json(serde_json::Deserializer::from_reader(reader), Syntax::Json)
        } else {
            self.read_yaml(reader)
        }
    }

    /// Reads a page that is in memory.
    ///
    /// # Errors
    /// As [`ListReader::read`].
    pub fn read_page(&mut self, source_name: &str, page: &[u8]) -> Result<(), ListError> {
        self.items.begin_file(source_name);
        // Skipped parts must be UTF-8 too: otherwise the page is not JSON.
        if let Ok(page) = std::str::from_utf8(page)
            && self.read_json(serde_json::Deserializer::from_str(page), Syntax::Shaped).is_ok()
        {
            return Ok(());
        }
        // One by one, so that only an invalid object is skipped.
        self.items.begin_second_pass();
        self.read_json(serde_json::Deserializer::from_slice(page), Syntax::Page)
    }

    /// What was read in all.
    #[must_use]
    pub fn finish(self) -> Reading {
        self.items.finish()
    }

    fn read_json<'de, R: serde_json::de::Read<'de>>(
        &mut self,
        mut documents: serde_json::Deserializer<R>,
        syntax: Syntax,
    ) -> Result<(), ListError> {
        loop {
            match documents.end() {
                Ok(()) => return Ok(()),
                Err(error) if error.is_io() => return Err(self.syntax(error)),
                Err(_) => {
                    Document::new(&mut self.items, syntax)
                        .deserialize(&mut documents)
                        .map_err(|error| self.syntax(error))?;
                }
            }
        }
    }

    fn read_yaml(&mut self, reader: impl BufRead) -> Result<(), ListError> {
        let mut documents = Documents::new(reader);
        while let Some(document) = documents.next_document() {
            let options = documents::options();
            let read = serde_saphyr::with_deserializer_from_reader_with_options(document, options, |deserializer| {
                Document::new(&mut self.items, Syntax::Yaml).deserialize(deserializer)
            });
            let before = documents.lines_before();
            read.map_err(|error| {
                let error = error.without_snippet();
                let place =
                    error.location().map(|at| format!(" at line {} column {}", before + at.line(), at.column()));
                let text = error.to_string();
                self.syntax(format!("{}{}", without_position(&text), place.unwrap_or_default()))
            })?;
        }
        Ok(())
    }

    fn syntax(&self, problem: impl std::fmt::Display) -> ListError {
        let after = match self.items.position() {
            0 => String::new(),
            item => format!(" (after item {item})"),
        };
        ListError::Syntax { source_name: self.items.source_name().to_owned(), problem: format!("{problem}{after}") }
    }
}

/// Reads up to the first non-blank byte. Returns the blanks, and whether that byte is a brace. Positions count from
/// the very first byte of the file.
fn beginning(reader: &mut impl BufRead) -> std::io::Result<(Vec<u8>, bool)> {
    let mut blank = Vec::new();
    loop {
        let seen = reader.fill_buf()?;
        match seen.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(place) => return Ok((blank, seen.get(place) == Some(&b'{'))),
            None if seen.is_empty() => return Ok((blank, false)),
            None => {
                blank.extend_from_slice(seen);
                let length = seen.len();
                reader.consume(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ResourceKind;

    #[test]
    fn page_and_stream_reading_agree() {
        let object = |name: &str, rest: &str| format!(r#"{{"metadata":{{"name":"{name}"}}{rest}}}"#);
        let good = [object("10.0.0.1", ""), object("10.0.0.2", r#","spec":null"#), object("10.0.0.3", "")];
        let odd = [object("10.0.0.1", ""), object("x", ""), r#"{"metadata":7}"#.to_owned(), object("10.0.0.3", "")];
        let text = |items: &[String]| format!(r#"{{"kind":"IPAddressList","items":[{}]}}"#, items.join(","));
        for (items, taken, left_out) in [(&good[..1], 1, 0), (&good, 2, 1), (&odd, 2, 2)] {
            let text = text(items);
            let (mut paged, mut streamed) = (Inventory::default(), Inventory::default());
            let mut reader = ListReader::new(&mut paged, |_| {});
            reader.read_page("a", text.as_bytes()).unwrap();
            let reading = reader.finish();
            let mut reader = ListReader::new(&mut streamed, |_| {});
            reader.read("a", text.as_bytes()).unwrap();
            assert_eq!(reading, reader.finish());
            assert_eq!((reading.addresses, reading.left_out), (taken, left_out), "{reading:?}");
            assert_eq!(
                (paged.count(ResourceKind::IpAddresses), streamed.count(ResourceKind::IpAddresses)),
                (taken, taken)
            );
        }
        let skipped = [object("10.0.0.1", r#","x":"?""#), object("10.0.0.2", "")];
        let no_text: Vec<u8> = text(&skipped).bytes().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
        let mut inventory = Inventory::default();
        let error = ListReader::new(&mut inventory, |_| {}).read_page("a", &no_text).unwrap_err();
        assert!(error.to_string().contains("invalid unicode code point"), "{error}");
        assert_eq!(inventory.count(ResourceKind::IpAddresses), 0);
    }
}
