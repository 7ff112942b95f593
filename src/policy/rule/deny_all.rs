//! deny-all: nothing may change but the ServiceCIDR `kubernetes`.

use crate::inventory::{Change, Operation};
use crate::policy::{ValidationActions, Violation};

/// Nothing may change but the ServiceCIDR `kubernetes`: the documented ValidatingAdmissionPolicy
/// `servicecidrs.deny`, whose rule is `object.metadata.name == 'kubernetes'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyAll {
    /// The operations that are denied.
    pub operations: Vec<Operation>,
    /// What follows from one.
    pub actions: ValidationActions,
}

impl DenyAll {
    /// The operation itself, where it is among the denied ones. `kubernetes` never gets here.
    pub(in crate::policy) fn check(&self, change: &Change) -> Option<Violation> {
        self.operations
            .contains(&change.operation)
            .then(|| Violation::Denied { operation: change.operation, name: change.name.clone() })
    }
}
