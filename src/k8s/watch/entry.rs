//! `Entry`: one object of a list or a watch, read as far as it can be.

use serde::Deserialize;

use crate::inventory::{Inventory, ResourceKind};
use crate::k8s::item::{InventoryObject, Item, UnreadableReason};

/// One object of a list or a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, empty if that can't be read.
    pub name: String,
    /// What is taken up of it, or why nothing is.
    pub object: Result<InventoryObject, UnreadableReason>,
    /// The parts of it that can't be read.
    pub parts: Vec<UnreadableReason>,
}

/// What is read of an object that can't be read as its kind.
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
    /// Reads an object of a kind.
    pub(super) fn read(kind: &'static str, text: &str) -> Self {
        match serde_json::from_str::<Item<'_>>(text) {
            Ok(item) => Self::of(kind, item),
            Err(error) => {
                let name = serde_json::from_str::<Head>(text).unwrap_or_default().metadata.name;
                Self { name, object: Err(UnreadableReason::shape(&error)), parts: Vec::new() }
            }
        }
    }

    /// What was read as an object of a kind.
    pub(super) fn of(kind: &'static str, item: Item<'_>) -> Self {
        let mut parts = Vec::new();
        let name = item.metadata.name.to_string();
        let object = match item.kind.some().filter(|seen| *seen != kind) {
            Some(seen) => Err(UnreadableReason::NotAsked { seen: seen.to_owned(), wanted: kind }),
            None => item.read(Some(kind), &mut |part| parts.push(part)),
        };
        Self { name, object, parts }
    }

    /// Whether something of it is left out.
    pub(super) fn is_left_out(&self) -> bool {
        self.object.is_err() || !self.parts.is_empty()
    }

    /// Puts it into an inventory. What can't be read takes the place of what was known by its name as
    /// well: a state that is gone must not be answered with.
    pub(super) fn put(self, kind: ResourceKind, inventory: &mut Inventory) {
        match self.object {
            Ok(object) => object.put(inventory),
            Err(_) => {
                forget(kind, &self.name, inventory);
            }
        }
    }
}

/// Forgets the object of a name. Whether it was known.
pub(super) fn forget(kind: ResourceKind, name: &str, inventory: &mut Inventory) -> bool {
    match kind {
        ResourceKind::ServiceCidrs => inventory.remove_service_cidr(name),
        ResourceKind::IpAddresses => name.parse().is_ok_and(|address| inventory.remove_address(address)),
        ResourceKind::Nodes => inventory.remove_node(name),
    }
}
