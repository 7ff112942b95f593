//! `ItemReader`: reads the items of a list into an inventory, and counts them.

use serde::Deserialize as _;
use serde_json::Value;

use crate::inventory::Inventory;
use crate::k8s::item::{InventoryObject, Item, UnreadableReason};

use super::reading::{Reading, SkippedObject};

/// Reads items into an inventory, one by one.
pub(super) struct ItemReader<'a> {
    inventory: &'a mut Inventory,
    reading: Reading,
    source_name: String,
    /// The position of the last item in its file, from 1; 0 before the first.
    position: u64,
    /// The number of items that are skipped because an earlier pass over the same file has read them.
    already_read: u64,
    progress: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> ItemReader<'a> {
    /// A reader into `inventory`. `progress` is called before each item with its position among those read.
    pub fn new(inventory: &'a mut Inventory, progress: impl FnMut(u64) + 'a) -> Self {
        Self {
            inventory,
            reading: Reading::default(),
            source_name: String::new(),
            position: 0,
            already_read: 0,
            progress: Box::new(progress),
        }
    }

    /// Begins a file.
    pub fn begin_file(&mut self, source_name: &str) {
        source_name.clone_into(&mut self.source_name);
        (self.position, self.already_read) = (0, 0);
    }

    /// Begins a second pass over the same file: items that are read already are not read again.
    pub fn begin_second_pass(&mut self) {
        self.already_read = self.position;
        self.position = 0;
    }

    /// The file.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// The position of the last item in its file, from 1; 0 before the first.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What was read in all.
    pub fn finish(self) -> Reading {
        self.reading
    }

    pub fn take_text(&mut self, list_kind: Option<&str>, text: &str) {
        self.take(list_kind, serde_json::from_str(text).map_err(|error| UnreadableReason::shape(&error)));
    }

    pub fn take_value(&mut self, list_kind: Option<&str>, value: &Value) {
        self.take(list_kind, Item::deserialize(value).map_err(|error| UnreadableReason::Shape(error.to_string())));
    }

    pub fn take(&mut self, list_kind: Option<&str>, item: Result<Item<'_>, UnreadableReason>) {
        self.position += 1;
        if self.position <= self.already_read {
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

    fn put(&mut self, object: InventoryObject) {
        match &object {
            InventoryObject::ServiceCidr(_) => self.reading.service_cidrs += 1,
            InventoryObject::Address(_) => self.reading.addresses += 1,
            InventoryObject::Service { .. } => self.reading.services += 1,
            InventoryObject::Node(_) => self.reading.nodes += 1,
        }
        object.put(self.inventory);
    }

    fn skip(&mut self, name: &str, reason: UnreadableReason) {
        let (source_name, item) = (self.source_name.clone(), self.position);
        self.reading.skip(SkippedObject { source_name, item, name: name.to_owned(), reason });
    }
}
