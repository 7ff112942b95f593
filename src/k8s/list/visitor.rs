//! `Document`: one document of a list file, its items taken one by one.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::k8s::item::{Item, UnreadableReason};

use super::ListReader;

/// How items are taken up: JSON as the text that it is, from memory without a copy, YAML as values. Shaped are
/// those of JSON in memory of which none is in the way: they are read at once.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    Shaped,
    Page,
    Json,
    Yaml,
}

/// One document: a list, or a single object.
pub(super) struct Document<'r, 'a> {
    reader: &'r mut ListReader<'a>,
    syntax: Syntax,
}

impl<'r, 'a> Document<'r, 'a> {
    pub fn new(reader: &'r mut ListReader<'a>, syntax: Syntax) -> Self {
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
    reader: &'r mut ListReader<'a>,
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

impl ListReader<'_> {
    fn take_text(&mut self, list_kind: Option<&str>, text: &str) {
        self.take(list_kind, serde_json::from_str(text).map_err(|error| UnreadableReason::shape(&error)));
    }

    fn take_value(&mut self, list_kind: Option<&str>, value: &Value) {
        self.take(list_kind, Item::deserialize(value).map_err(|error| UnreadableReason::Shape(error.to_string())));
    }

    fn take(&mut self, list_kind: Option<&str>, item: Result<Item<'_>, UnreadableReason>) {
        self.item += 1;
        if self.item <= self.taken {
            return;
        }
        (self.progress)(self.reading.taken() + 1);
        let item = match item {
            Ok(item) => item,
            Err(problem) => return self.skip("", problem),
        };
        let name = item.name();
        let mut parts = Vec::new();
        let object = item.read(list_kind, &mut |part| parts.push(part));
        for part in parts {
            self.skip(&name.to_string(), part);
        }
        match object {
            Ok(object) => self.put(object),
            Err(reason) => self.skip(&name.to_string(), reason),
        }
    }
}
