//! `Page`: one page of a list, from its bytes.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::k8s::item::Item;

use super::entry::Entry;
use super::failure::{FailureReason, WatchFailure};

/// One page of a list.
pub(super) struct Page<'a> {
    /// The resourceVersion of the list.
    pub version: String,
    /// The `continue` token of the next page, if there is one.
    pub next: Option<String>,
    /// The number of objects that follow, if the API server reports it.
    pub remaining: Option<u64>,
    pub items: Items<'a>,
}

/// The objects of a page: all valid for their kind, or else all as raw text, to be parsed one by one.
pub(super) enum Items<'a> {
    Read(Vec<Item<'a>>),
    Text(Vec<&'a RawValue>),
}

#[derive(Deserialize)]
struct Wire<T> {
    kind: String,
    metadata: Metadata,
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
    #[serde(default)]
    r#continue: Option<String>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

impl<'a> Page<'a> {
    /// Strict where the inventory depends on it: objects that no page contains are removed.
    pub fn decode(kind: &str, bytes: &'a [u8]) -> Result<Self, WatchFailure> {
        // In one pass, unless an object or a byte is invalid.
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(wire) = serde_json::from_str(text)
        {
            return Self::of(kind, wire, Items::Read);
        }
        let wire = serde_json::from_slice(bytes).map_err(|error| invalid_response(&error.to_string()))?;
        Self::of(kind, wire, Items::Text)
    }

    fn of<T>(kind: &str, wire: Wire<T>, taken: impl Fn(Vec<T>) -> Items<'a>) -> Result<Self, WatchFailure> {
        if wire.kind.strip_suffix("List") != Some(kind) {
            return Err(invalid_response(&format!("it is a {}, not a {kind}List", wire.kind)));
        }
        let items = taken(wire.items.ok_or_else(|| invalid_response("it has no items"))?);
        let Metadata { resource_version: version, r#continue: next, remaining_item_count: remaining } = wire.metadata;
        if version.is_empty() {
            return Err(invalid_response("it has no resourceVersion"));
        }
        let next = next.filter(|token| !token.is_empty());
        Ok(Self { version, next, remaining: remaining.and_then(|count| u64::try_from(count).ok()), items })
    }
}

impl Items<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::Read(items) => items.len(),
            Self::Text(texts) => texts.len(),
        }
    }

    /// The entries for an inventory of one kind.
    pub fn entries(self, kind: &'static str) -> impl Iterator<Item = Entry> {
        let (read, texts) = match self {
            Self::Read(items) => (items, Vec::new()),
            Self::Text(texts) => (Vec::new(), texts),
        };
        let read = read.into_iter().map(move |item| Entry::of(kind, item));
        read.chain(texts.into_iter().map(move |text| Entry::read(kind, text.get())))
    }
}

fn invalid_response(problem: &str) -> WatchFailure {
    WatchFailure::new(FailureReason::InvalidResponse, format!("the list can't be read: {problem}"))
}
