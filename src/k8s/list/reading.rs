//! `Reading`: how many objects a list contained, and which of them were skipped.

use thiserror::Error;

use crate::k8s::item::UnreadableReason;

/// The largest number of skipped objects that are kept by name.
const MAX_SKIPPED_OBJECTS: usize = 10;

/// What was read from lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The number of ServiceCIDRs.
    pub service_cidrs: u64,
    /// The number of IPAddresses.
    pub addresses: u64,
    /// The number of Services.
    pub services: u64,
    /// The number of Nodes.
    pub nodes: u64,
    /// The number of objects, or parts of objects, that were skipped.
    pub left_out: u64,
    /// The first ten skipped objects.
    pub first_left_out: Vec<SkippedObject>,
}

/// An object, or a part of one, that is not in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{source_name}: item {item}{name}: {reason}", name = self.named())]
pub struct SkippedObject {
    /// The name of the file.
    pub source_name: String,
    /// The position of the object in the file, from 1.
    pub item: u64,
    /// The name of the object; empty if it can't be read.
    pub name: String,
    /// Why the object was skipped.
    pub reason: UnreadableReason,
}

impl Reading {
    /// Counts a skipped object, and keeps the first ten.
    pub(in crate::k8s) fn skip(&mut self, skipped: SkippedObject) {
        self.left_out += 1;
        if self.first_left_out.len() < MAX_SKIPPED_OBJECTS {
            self.first_left_out.push(skipped);
        }
    }

    /// The number of objects in the inventory.
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
