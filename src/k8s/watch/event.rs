//! `WatchEvent`: one event of a watch, from its bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::inventory::ResourceKind;
use crate::k8s::item::Item;

use super::entry::{Entry, Head};
use super::failure::Status;

/// One event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// ADDED or MODIFIED: an object exists in this state.
    Applied {
        /// The resourceVersion from which a watch can continue.
        version: String,
        /// The object. The event is valid even if the object can't be parsed.
        entry: Entry,
    },
    /// DELETED: an object was deleted.
    Deleted {
        /// The resourceVersion from which a watch can continue.
        version: String,
        /// The name of the object.
        name: String,
    },
    /// BOOKMARK: no events up to this version.
    Bookmark {
        /// The resourceVersion from which a watch can continue.
        version: String,
    },
    /// ERROR: the watch can't continue.
    Error {
        /// The HTTP status code: 410 if the version is too old; 0 if there is none.
        code: u16,
        /// The `Status` object, as JSON.
        status: String,
    },
}

/// Why bytes are not an event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WatchEventError {
    /// The bytes are not the JSON of an event.
    #[error("a watch event can't be read: {0}")]
    Shape(String),
    /// The type of the event is unknown.
    #[error("a watch event of the unknown type {0:?}")]
    UnknownType(String),
    /// The event has no resourceVersion.
    #[error("a watch event without a resourceVersion")]
    NoVersion,
}

/// An event whose object is raw text, or parsed.
#[derive(Deserialize)]
struct Event<'a, T> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    object: T,
}

impl WatchEvent {
    /// Parses one line of a watch of a kind.
    ///
    /// # Errors
    /// If the line is not an event. An event with an object that can't be parsed is one.
    ///
    /// ```
    /// use servicecidr_guard::inventory::ResourceKind;
    /// use servicecidr_guard::k8s::WatchEvent;
    ///
    /// let line = br#"{"type":"BOOKMARK","object":{"kind":"Node","metadata":{"resourceVersion":"7"}}}"#;
    /// assert_eq!(WatchEvent::decode(ResourceKind::Nodes, line), Ok(WatchEvent::Bookmark { version: "7".to_owned() }));
    /// ```
    pub fn decode(kind: ResourceKind, line: &[u8]) -> Result<Self, WatchEventError> {
        if let Some(frame) = Self::common(kind, line) {
            return Ok(frame);
        }
        let shape = |error: serde_json::Error| WatchEventError::Shape(error.to_string());
        let event: Event<'_, &RawValue> = serde_json::from_slice(line).map_err(shape)?;
        let text = event.object.get();
        if event.kind == "ERROR" {
            let Status { code, .. } = serde_json::from_str(text).unwrap_or_default();
            return Ok(Self::Error { code, status: text.to_owned() });
        }
        if !["ADDED", "MODIFIED", "DELETED", "BOOKMARK"].contains(&&*event.kind) {
            return Err(WatchEventError::UnknownType(event.kind.into_owned()));
        }
        let Head { metadata } = serde_json::from_str(text).map_err(shape)?;
        let version = metadata.resource_version;
        if version.is_empty() {
            return Err(WatchEventError::NoVersion);
        }
        Ok(match &*event.kind {
            "BOOKMARK" => Self::Bookmark { version },
            "DELETED" => Self::Deleted { version, name: metadata.name },
            _ => Self::Applied { version, entry: Entry::read(kind.as_str(), text) },
        })
    }
    /// ADDED or MODIFIED, with a valid object of its kind: nearly all events, parsed in one pass.
    fn common(kind: ResourceKind, line: &[u8]) -> Option<Self> {
        // Skipped parts must be UTF-8 too.
        let event: Event<'_, Item<'_>> = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
        let version = event.object.metadata.resource_version.some()?.to_owned();
        ["ADDED", "MODIFIED"]
            .contains(&&*event.kind)
            .then(|| Self::Applied { version, entry: Entry::of(kind.as_str(), event.object) })
    }
}
