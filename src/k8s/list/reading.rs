//! `Reading`: how many objects a list contained, and which of them were skipped.

use thiserror::Error;

use crate::k8s::item::UnreadableReason;

/// How many objects that are left out are kept by name.
const MAX_SKIPPED_OBJECTS: usize = 10;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many ServiceCIDRs.
    pub service_cidrs: u64,
    /// How many IPAddresses.
    pub addresses: u64,
    /// How many Services.
    pub services: u64,
    /// How many Nodes.
    pub nodes: u64,
    /// How many objects, or parts of objects, were left out.
    pub left_out: u64,
    /// The first ten of them.
    pub first_left_out: Vec<SkippedObject>,
}

/// An object, or a part of one, that is not in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{source_name}: item {item}{name}: {reason}", name = self.named())]
pub struct SkippedObject {
    /// The file.
    pub source_name: String,
    /// The place of the object among all of the file, from 1.
    pub item: u64,
    /// Its name, empty if that can't be read.
    pub name: String,
    /// Why.
    pub reason: UnreadableReason,
}

impl Reading {
    /// Counts what is left out, and keeps the first ten.
    pub(in crate::k8s) fn skip(&mut self, skipped: SkippedObject) {
        self.left_out += 1;
        if self.first_left_out.len() < MAX_SKIPPED_OBJECTS {
            self.first_left_out.push(skipped);
        }
    }

    /// How many objects were taken up.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.service_cidrs + self.addresses + self.services + self.nodes
    }
}

impl SkippedObject {
    fn named(&self) -> String {
        match self.name.as_str() {
            "" => String::new(),
            name => format!(" {}", crate::text::Quoted(name)),
        }
    }
}
