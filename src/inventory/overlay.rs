//! `Overlay`: the ServiceCIDRs that changes would make and take away, over an inventory.

use crate::net::Cidr;

use super::{Change, Inventory, Operation, ServiceCidr, View};

/// The ServiceCIDRs that changes, one after the other, would make and take away.
///
/// A new ServiceCIDR counts as ready, and one whose deletion is asked for as gone: kube-apiserver
/// stops to allocate from it at once. Malformed CIDRs add nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    made: Vec<ServiceCidr>,
    gone: Vec<String>,
}

impl Overlay {
    /// What changes would make of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory, changes: &[Change]) -> Self {
        let mut overlay = Self::default();
        for change in changes {
            let made = overlay.made.iter().find(|made| made.name == change.name);
            let current = made.or_else(|| inventory.service_cidr(&change.name));
            let next = match change.operation {
                Operation::Delete => None,
                Operation::Create | Operation::Update => Some(ServiceCidr::after(current, change)),
            };
            overlay.made.retain(|made| made.name != change.name);
            match next {
                Some(next) => {
                    overlay.gone.retain(|name| *name != change.name);
                    overlay.made.push(next);
                }
                None => overlay.gone.push(change.name.clone()),
            }
        }
        overlay
    }

    /// The inventory as it would be.
    #[must_use]
    pub fn view<'a>(&'a self, inventory: &'a Inventory) -> View<'a> {
        inventory.view_with(&self.made, &self.gone)
    }
}

impl ServiceCidr {
    /// What a change that is no deletion makes of a ServiceCIDR, or of none.
    #[must_use]
    pub fn after(current: Option<&Self>, change: &Change) -> Self {
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
