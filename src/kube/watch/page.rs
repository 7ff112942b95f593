//! `Page`: one page of a list, from its bytes.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::inventory::Kind;

use super::failure::{Failure, Reason};

/// One page of a list. Its objects are still text.
pub(super) struct Page<'a> {
    /// The resourceVersion of the list.
    pub version: String,
    /// With what the next page is asked for, if there is one.
    pub next: Option<String>,
    /// How many objects follow, if the API server says so.
    pub remaining: Option<u64>,
    pub items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    kind: String,
    metadata: Metadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
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
    /// Strict where the inventory depends on it: what no page names will be forgotten.
    pub fn decode(kind: Kind, bytes: &'a [u8]) -> Result<Self, Failure> {
        let garbage = |problem: String| Failure::new(Reason::Garbage, format!("the list can't be read: {problem}"));
        let wire: Wire<'a> = serde_json::from_slice(bytes).map_err(|error| garbage(error.to_string()))?;
        if wire.kind.strip_suffix("List") != Some(kind.name()) {
            return Err(garbage(format!("it is a {}, not a {}List", wire.kind, kind.name())));
        }
        let items = wire.items.ok_or_else(|| garbage("it has no items".to_owned()))?;
        let Metadata { resource_version: version, r#continue: next, remaining_item_count: remaining } = wire.metadata;
        if version.is_empty() {
            return Err(garbage("it has no resourceVersion".to_owned()));
        }
        let next = next.filter(|token| !token.is_empty());
        Ok(Self { version, next, remaining: remaining.and_then(|count| u64::try_from(count).ok()), items })
    }
}
