//! Reads the output of `kubectl get servicecidrs,ipaddresses -o json` or `-o yaml` into an inventory, object by
//! object: a list of any length needs the memory of one object and of the inventory.

mod item_reader;
mod reading;
mod visitor;

use std::io::{BufRead, Read};

use serde::de::DeserializeSeed as _;
use serde_saphyr::{Options, budget::Budget};
use thiserror::Error;

use crate::inventory::Inventory;
use crate::text::without_position;

pub use super::item::UnreadableReason;
use super::yaml_stream::{YamlStream, detect};
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
        let (reader, is_json) = detect(reader).map_err(|error| self.unreadable(error))?;
        if is_json {
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
        let mut stream = YamlStream::new(reader);
        while let Some(first_line) = stream.next_document().map_err(|error| self.unreadable(error))? {
            let read =
                serde_saphyr::with_deserializer_from_reader_with_options(&mut stream, options(), |deserializer| {
                    Document::new(&mut self.items, Syntax::Yaml).deserialize(deserializer)
                });
            read.map_err(|error| {
                let error = error.without_snippet();
                let place = error
                    .location()
                    .map(|at| format!(" at line {} column {}", first_line + at.line() - 1, at.column()));
                let text = error.to_string();
                self.syntax(format!("{}{}", without_position(&text), place.unwrap_or_default()))
            })?;
        }
        Ok(())
    }

    fn unreadable(&self, error: std::io::Error) -> ListError {
        ListError::Read { source_name: self.items.source_name().to_owned(), error }
    }

    fn syntax(&self, problem: impl std::fmt::Display) -> ListError {
        let after = match self.items.position() {
            0 => String::new(),
            item => format!(" (after item {item})"),
        };
        ListError::Syntax { source_name: self.items.source_name().to_owned(), problem: format!("{problem}{after}") }
    }
}

/// The parser's limits, without those on length: a cluster may have millions of objects.
fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_reader_input_bytes = None;
    budget.max_events = usize::MAX;
    budget.max_nodes = usize::MAX;
    budget.max_total_scalar_bytes = usize::MAX;
    let mut options = Options::default();
    options.budget = Some(budget);
    options
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
        for (items, taken, skipped) in [(&good[..1], 1, 0), (&good, 2, 1), (&odd, 2, 2)] {
            let text = text(items);
            let (mut paged, mut streamed) = (Inventory::default(), Inventory::default());
            let mut reader = ListReader::new(&mut paged, |_| {});
            reader.read_page("a", text.as_bytes()).unwrap();
            let reading = reader.finish();
            let mut reader = ListReader::new(&mut streamed, |_| {});
            reader.read("a", text.as_bytes()).unwrap();
            assert_eq!(reading, reader.finish());
            assert_eq!((reading.addresses, reading.skipped), (taken, skipped), "{reading:?}");
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
