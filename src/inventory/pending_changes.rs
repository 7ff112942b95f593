//! `PendingChanges`: the ServiceCIDRs that changes would create, update and delete.

use crate::net::Cidr;

use super::{Change, Inventory, Operation, ServiceCidr, View};

/// The ServiceCIDRs that changes, one after the other, would create, update and delete.
///
/// A new ServiceCIDR counts as ready, and a terminating one as deleted: kube-apiserver stops allocating from it
/// immediately. Malformed CIDRs add nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingChanges {
    upserted: Vec<ServiceCidr>,
    deleted: Vec<String>,
}

impl PendingChanges {
    /// The result of changes to an inventory.
    #[must_use]
    pub fn from_changes(inventory: &Inventory, changes: &[Change]) -> Self {
        let mut pending = Self::default();
        for change in changes {
            let pending_object = pending.upserted.iter().find(|pending_object| pending_object.name == change.name);
            let current = pending_object.or_else(|| inventory.service_cidr(&change.name));
            let next = match change.operation {
                Operation::Delete => None,
                Operation::Create | Operation::Update => Some(ServiceCidr::with_change(current, change)),
            };
            pending.upserted.retain(|pending_object| pending_object.name != change.name);
            match next {
                Some(next) => {
                    pending.deleted.retain(|name| *name != change.name);
                    pending.upserted.push(next);
                }
                None => pending.deleted.push(change.name.clone()),
            }
        }
        pending
    }

    /// The inventory after the changes.
    #[must_use]
    pub fn view<'a>(&'a self, inventory: &'a Inventory) -> View<'a> {
        inventory.view_with(&self.upserted, &self.deleted)
    }
}

impl ServiceCidr {
    /// The ServiceCIDR after a change that is not a deletion; `None` for the ServiceCIDR means that it is created.
    #[must_use]
    pub fn with_change(current: Option<&Self>, change: &Change) -> Self {
        let adds = change.cidrs().map(|(_, cidr)| cidr);
        match current {
            Some(current) => {
                let kept = |cidr: &Cidr| !change.removes.contains(&cidr.to_string());
                let cidrs = current.cidrs.iter().copied().filter(kept).chain(adds).collect();
                Self { cidrs, ..current.clone() }
            }
            None => Self::ready(&change.name, adds),
        }
    }
}
