//! `Document`: deserializes one document of a list file, item by item.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::k8s::item::Item;

use super::item_reader::ItemReader;

/// How items are deserialized: JSON as raw text (from memory without a copy), YAML as values. Shaped is JSON in
/// memory whose items are all valid: they are deserialized directly.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    Shaped,
    Page,
    Json,
    Yaml,
}

/// One document: a list, or a single object.
pub(super) struct Document<'r, 'a> {
    reader: &'r mut ItemReader<'a>,
    syntax: Syntax,
}

impl<'r, 'a> Document<'r, 'a> {
    pub fn new(reader: &'r mut ItemReader<'a>, syntax: Syntax) -> Self {
        Self { reader, syntax }
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a List or an object, as `kubectl get -o json` prints them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut kind: Option<String> = None;
        let mut object = serde_json::Map::new();
        let mut is_list = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => {
                    is_list = true;
                    let list_kind =
                        kind.as_deref().and_then(|kind| kind.strip_suffix("List")).filter(|kind| !kind.is_empty());
                    map.next_value_seed(Items { reader: self.reader, syntax: self.syntax, list_kind })?;
                }
                "kind" => kind = map.next_value()?,
                "metadata" | "spec" | "status" => drop(object.insert(key, map.next_value()?)),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if is_list {
            return Ok(());
        }
        if kind.as_deref().is_some_and(|kind| kind.ends_with("List")) {
            return Err(A::Error::custom("a List without items"));
        }
        object.extend(kind.map(|kind| ("kind".to_owned(), Value::String(kind))));
        self.reader.take_value(None, &Value::Object(object));
        Ok(())
    }
}

/// The items of a list.
struct Items<'r, 'a, 'k> {
    reader: &'r mut ItemReader<'a>,
    syntax: Syntax,
    list_kind: Option<&'k str>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            match self.syntax {
                Syntax::Shaped => match items.next_element::<Item<'_>>()? {
                    Some(item) => self.reader.take(self.list_kind, Ok(item)),
                    None => return Ok(()),
                },
                Syntax::Page => match items.next_element::<&RawValue>()? {
                    Some(text) => self.reader.take_text(self.list_kind, text.get()),
                    None => return Ok(()),
                },
                Syntax::Json => match items.next_element::<Box<RawValue>>()? {
                    Some(text) => self.reader.take_text(self.list_kind, text.get()),
                    None => return Ok(()),
                },
                Syntax::Yaml => match items.next_element::<Value>()? {
                    Some(value) => self.reader.take_value(self.list_kind, &value),
                    None => return Ok(()),
                },
            }
        }
    }
}
