//! `forecast`: the report before and after a change.

use crate::inventory::{Change, Families, Inventory, Operation, Readiness, ServiceCidr, View};
use crate::net::{Cidr, IpFamily};

use super::CapacityReport;

/// The report before and after changes, and what they add and take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// As it is.
    pub before: CapacityReport,
    /// As it would be, once kube-controller-manager and kube-apiserver have taken the changes up.
    pub after: CapacityReport,
    /// Addresses that become usable, by family: those usable after and not before. A wider range
    /// also frees the network and broadcast addresses of the ranges in it.
    pub gained: Vec<(IpFamily, u128)>,
    /// Addresses that stop being usable, by family.
    pub lost: Vec<(IpFamily, u128)>,
}

/// What changes would do, one after the other.
///
/// A new ServiceCIDR counts as ready, and one whose deletion is asked for as gone: kube-apiserver
/// stops to allocate from it at once. Malformed CIDRs add nothing.
#[must_use]
pub fn forecast(inventory: &Inventory, changes: &[Change]) -> Forecast {
    let mut overlay: Vec<ServiceCidr> = Vec::new();
    let mut removed: Vec<String> = Vec::new();
    for change in changes {
        let current =
            overlay.iter().find(|new| new.name == change.name).or_else(|| inventory.service_cidr(&change.name));
        let next = match change.operation {
            Operation::Delete => None,
            Operation::Create | Operation::Update => Some(changed(current, change)),
        };
        overlay.retain(|new| new.name != change.name);
        match next {
            Some(next) => {
                removed.retain(|name| *name != change.name);
                overlay.push(next);
            }
            None => removed.push(change.name.clone()),
        }
    }
    let after = inventory.view_with(&overlay, &removed);
    let before = inventory.view();
    let difference = |from: &View<'_>, without: &View<'_>| {
        Families::ALL.map(|family| (family, from.usable(family).difference(&without.usable(family)).count())).to_vec()
    };
    Forecast {
        gained: difference(&after, &before),
        lost: difference(&before, &after),
        before: CapacityReport::of_view(&before),
        after: CapacityReport::of_view(&after),
    }
}

fn changed(current: Option<&ServiceCidr>, change: &Change) -> ServiceCidr {
    let adds = change.adds.iter().filter_map(|added| added.cidr.ok());
    match current {
        Some(current) => {
            let kept = |cidr: &Cidr| !change.removes.contains(&cidr.to_string());
            let cidrs = current.cidrs.iter().copied().filter(kept).chain(adds).collect();
            ServiceCidr { cidrs, ..current.clone() }
        }
        None => ServiceCidr {
            name: change.name.clone(),
            cidrs: adds.collect(),
            unreadable: Vec::new(),
            readiness: Readiness::Ready,
            has_finalizer: true,
            created: None,
        },
    }
}
