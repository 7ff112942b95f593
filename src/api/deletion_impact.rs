//! `DeletionImpactDocument`: the effect of deleting a ServiceCIDR.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::DeletionImpact;

use super::{AddressDocument, CappedListDocument};

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletionImpactDocument {
    /// Whether kube-controller-manager would remove its finalizer now.
    completes: bool,
    blocking: CappedListDocument<AddressDocument>,
    stranded: CappedListDocument<AddressDocument>,
    /// IP families that would have no allocatable address.
    exhausted_families: Vec<String>,
}

impl DeletionImpactDocument {
    pub fn new(removal: &DeletionImpact) -> Self {
        Self {
            completes: removal.completes(),
            blocking: CappedListDocument::new(&removal.blocking, AddressDocument::new),
            stranded: CappedListDocument::new(&removal.stranded, AddressDocument::new),
            exhausted_families: removal.exhausted.iter().map(ToString::to_string).collect(),
        }
    }
}
