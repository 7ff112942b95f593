//! `Removal`, for programs: what the deletion of a ServiceCIDR does.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::DeletionImpact;

use super::{AddressDocument, NamedDocument};

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemovalDocument {
    /// Whether kube-controller-manager lets it go as things are.
    completes: bool,
    blocking: NamedDocument<AddressDocument>,
    stranded: NamedDocument<AddressDocument>,
    /// Families left without any address to give.
    exhausted_families: Vec<String>,
}

impl RemovalDocument {
    pub fn new(removal: &DeletionImpact) -> Self {
        Self {
            completes: removal.completes(),
            blocking: NamedDocument::new(&removal.blocking, AddressDocument::new),
            stranded: NamedDocument::new(&removal.stranded, AddressDocument::new),
            exhausted_families: removal.exhausted.iter().map(ToString::to_string).collect(),
        }
    }
}
