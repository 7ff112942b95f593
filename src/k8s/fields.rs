//! Named fields of a JSON object as raw text, each at most once.
//!
//! Derived deserializers would accept an array for an object and, with unknown fields captured, let the last of two
//! equal keys win. More than one program reads a review; none may read another value than the evaluated one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::text::without_position;

/// What is wrong with a JSON value, as a predicate: `is not an object`.
pub(super) type Problem = String;

/// The raw text of each field in `names`; `None` if it is absent or null.
pub(super) fn fields<'a, const N: usize>(
    object: &'a RawValue,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Problem> {
    if !object.get().starts_with('{') {
        return Err("is not an object".to_owned());
    }
    fields_of(object.get(), names).map_err(|error| {
        // A `RawValue` is well-formed JSON, so the error is the visitor's own.
        without_position(&error.to_string()).to_owned()
    })
}

/// The same for any text.
pub(super) fn fields_of<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer.deserialize_map(Named { names })?;
    deserializer.end()?;
    Ok(found)
}

/// Parses a string.
pub(super) fn string(value: &RawValue) -> Result<String, Problem> {
    serde_json::from_str(value.get()).map_err(|_| "is not a string".to_owned())
}

/// Parses a list of strings.
pub(super) fn strings(value: &RawValue) -> Result<Vec<String>, Problem> {
    serde_json::from_str(value.get()).map_err(|_| "is not a list of strings".to_owned())
}

/// Parses a boolean.
pub(super) fn boolean(value: &RawValue) -> Result<bool, Problem> {
    serde_json::from_str(value.get()).map_err(|_| "is not a boolean".to_owned())
}

struct Named<const N: usize> {
    names: [&'static str; N],
}

impl<'de, const N: usize> Visitor<'de> for Named<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        let mut seen = [false; N];
        while let Some(position) = map.next_key_seed(Key { names: &self.names })? {
            let Some(position) = position else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (Some(slot), Some(seen)) = (found.get_mut(position), seen.get_mut(position)) else { continue };
            if std::mem::replace(seen, true) {
                let key = self.names.get(position).copied().unwrap_or_default();
                return Err(serde::de::Error::custom(format_args!("has `{key}` twice")));
            }
            let value: &'de RawValue = map.next_value()?;
            *slot = (value.get() != "null").then_some(value);
        }
        Ok(found)
    }
}

/// A key as its index in the requested names, without a copy.
struct Key<'n> {
    names: &'n [&'static str],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<[Option<&str>; 2], &str>) {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let seen = fields(raw, ["a", "b"]);
        let seen = seen.as_ref().map(|found| found.map(|value| value.map(RawValue::get))).map_err(String::as_str);
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn duplicate_fields_are_errors() {
        check(r#"{"a": [1, 2], "c": {"a": 3}, "b": "x"}"#, Ok([Some("[1, 2]"), Some(r#""x""#)]));
        check(r#"{"a": null}"#, Ok([None, None]));
        check("{}", Ok([None, None]));
        check(r#"{"\u0061": 1}"#, Ok([Some("1"), None]));
        check(r#"{"c": 1, "c": 2}"#, Ok([None, None]));
        check(r#"{"a": 1, "a": 1}"#, Err("has `a` twice"));
        check(r#"{"a": null, "\u0061": 1}"#, Err("has `a` twice"));
        check("[1, 2]", Err("is not an object"));
        check("7", Err("is not an object"));
    }
}
