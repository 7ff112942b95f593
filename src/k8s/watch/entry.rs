//! `Entry`: one object of a list or a watch, as far as it can be parsed.

use serde::Deserialize;

use crate::inventory::{Inventory, ResourceKind};
use crate::k8s::item::{InventoryObject, Item, UnreadableReason};

/// One object of a list or a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the object; empty if it can't be parsed.
    pub name: String,
    /// The parts that an inventory stores, or why the object is skipped.
    pub object: Result<InventoryObject, UnreadableReason>,
    /// The parts that can't be parsed.
    pub parts: Vec<UnreadableReason>,
}

/// What can be parsed of an object that is not valid for its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    pub metadata: HeadMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HeadMetadata {
    pub name: String,
    pub resource_version: String,
}

impl Entry {
    /// Parses an object of a kind.
    pub(super) fn read(kind: &'static str, text: &str) -> Self {
        match serde_json::from_str::<Item<'_>>(text) {
            Ok(item) => Self::of(kind, item),
            Err(error) => {
                let name = serde_json::from_str::<Head>(text).unwrap_or_default().metadata.name;
                Self { name, object: Err(UnreadableReason::shape(&error)), parts: Vec::new() }
            }
        }
    }

    /// The entry of a parsed object of a kind.
    pub(super) fn of(kind: &'static str, item: Item<'_>) -> Self {
        let mut parts = Vec::new();
        let name = item.metadata.name.to_string();
        let object = match item.kind.some().filter(|seen| *seen != kind) {
            Some(seen) => Err(UnreadableReason::NotAsked { seen: seen.to_owned(), wanted: kind }),
            None => item.read(Some(kind), &mut |part| parts.push(part)),
        };
        Self { name, object, parts }
    }

    /// Whether the object or a part of it is skipped.
    pub(super) fn is_left_out(&self) -> bool {
        self.object.is_err() || !self.parts.is_empty()
    }

    /// Puts the object into an inventory. An object that can't be parsed removes the previous one of the same name:
    /// rules must not be evaluated with an outdated state.
    pub(super) fn put(self, kind: ResourceKind, inventory: &mut Inventory) {
        match self.object {
            Ok(object) => object.put(inventory),
            Err(_) => {
                forget(kind, &self.name, inventory);
            }
        }
    }
}

/// Removes the object with this name. Returns whether it existed.
pub(super) fn forget(kind: ResourceKind, name: &str, inventory: &mut Inventory) -> bool {
    match kind {
        ResourceKind::ServiceCidrs => inventory.remove_service_cidr(name),
        ResourceKind::IpAddresses => name.parse().is_ok_and(|address| inventory.remove_address(address)),
        ResourceKind::Nodes => inventory.remove_node(name),
    }
}
