//! Converts a YAML document to JSON as kubectl does, with the source position of each value.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Spanned};

use crate::text::{Quoted, escape_line, without_position};

/// The JSON of a YAML document, and pairs of offsets of its values in both texts, ascending.
pub(super) struct MappedJson {
    pub text: String,
    pub places: Vec<(usize, usize)>,
}

/// A value with its source position.
#[derive(Deserialize)]
struct Node(Spanned<Value>);

enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    ManifestDocument(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Why a document can't be parsed: the line and column, from 1, and the problem.
type YamlError = (Option<(usize, usize)>, String);

/// Converts a document to JSON.
pub(super) fn to_json(text: &str) -> Result<MappedJson, YamlError> {
    let options = serde_saphyr::options! { with_snippet: false };
    let node: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| complaint(&error))?;
    let mut json = MappedJson { text: String::with_capacity(text.len()), places: Vec::new() };
    node.write(&mut json);
    Ok(json)
}

fn complaint(error: &Error) -> YamlError {
    let error = error.without_snippet();
    let at = error.location().filter(|at| at.line() > 0);
    let at = at.and_then(|at| Some((usize::try_from(at.line()).ok()?, usize::try_from(at.column()).ok()?)));
    let message = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("duplicate field {}: keep one of the two", Quoted(key))
        }
        Error::MultipleDocuments { .. } => "a second document: put --- before it".to_owned(),
        other => {
            let text = other.to_string();
            let message = without_position(&text);
            match message {
                _ if message.starts_with("budget breached") || message.starts_with("alias") => {
                    "too much for one document: aliases of aliases, or too many values".to_owned()
                }
                _ => format!("not YAML: {}", escape_line(message)),
            }
        }
    };
    (at, message)
}

impl Node {
    fn write(&self, json: &mut MappedJson) {
        let written = self.0.referenced.span().byte_offset().and_then(|offset| usize::try_from(offset).ok());
        json.places.push((json.text.len(), written.unwrap_or(0)));
        match &self.0.value {
            Value::Null => json.text.push_str("null"),
            Value::Bool(value) => json.text.push_str(if *value { "true" } else { "false" }),
            // Writing to a String can't fail.
            Value::Number(number) => drop(write!(json.text, "{number}")),
            Value::ManifestDocument(text) => push_text(text, &mut json.text),
            Value::List(items) => {
                json.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.text.push_str(if index == 0 { "" } else { "," });
                    item.write(json);
                }
                json.text.push(']');
            }
            Value::Map(fields) => {
                json.text.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    json.text.push_str(if index == 0 { "" } else { "," });
                    push_text(key, &mut json.text);
                    json.text.push(':');
                    value.write(json);
                }
                json.text.push('}');
            }
        }
    }
}

fn push_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::ManifestDocument(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::ManifestDocument(text))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("binary data in a manifest"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            fields.push((key, access.next_value()?));
        }
        Ok(Value::Map(fields))
    }
}
