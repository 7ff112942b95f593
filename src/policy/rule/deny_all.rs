//! deny-all: only the ServiceCIDR `kubernetes` may change.

use crate::inventory::{Change, Operation};
use crate::policy::{ValidationActions, Violation};

/// Only the ServiceCIDR `kubernetes` may change, as in the documented ValidatingAdmissionPolicy `servicecidrs.deny`,
/// whose rule is `object.metadata.name == 'kubernetes'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyAll {
    /// The operations that are denied.
    pub operations: Vec<Operation>,
    /// The actions on a denied operation.
    pub actions: ValidationActions,
}

impl DenyAll {
    /// A violation if the operation is among the denied ones. `kubernetes` is exempt before this.
    pub(in crate::policy) fn check(&self, change: &Change) -> Option<Violation> {
        self.operations
            .contains(&change.operation)
            .then(|| Violation::Denied { operation: change.operation, name: change.name.clone() })
    }
}
