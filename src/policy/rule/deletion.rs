//! deletion: the deletion of a ServiceCIDR that would never complete, or leave IPAddresses without a usable range.

use crate::capacity::deletion_impact;
use crate::inventory::{Change, Inventory, Operation, Readiness, ServiceCidr};
use crate::net::Cidr;
use crate::policy::{Finding, ValidationActions, Violation};

/// The actions on a harmful deletion of a ServiceCIDR. A deletion can't be undone: no address is allocated from the
/// ServiceCIDR after the DELETE, whether or not the deletion completes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The actions if kube-controller-manager would keep its finalizer.
    pub blocked: ValidationActions,
    /// The actions if the deletion would complete and leave IPAddresses in no usable range, or an IP family without
    /// any range.
    pub stranded: ValidationActions,
}

impl Deletion {
    /// The violations of a DELETE. None for a ServiceCIDR that is terminating already.
    pub(in crate::policy) fn check(&self, inventory: &Inventory, change: &Change) -> Vec<Finding> {
        if change.operation != Operation::Delete {
            return Vec::new();
        }
        let unseen;
        let service_cidr = match inventory.service_cidr(&change.name) {
            Some(known) if known.readiness == Readiness::Terminating => return Vec::new(),
            Some(known) => known,
            // Created so recently that no watch event has arrived.
            None => {
                let cidrs = change.removes.iter().filter_map(|text| Cidr::parse_lenient(text).ok());
                unseen = ServiceCidr::ready(&change.name, cidrs);
                &unseen
            }
        };
        let removal = deletion_impact(inventory, service_cidr);
        let name = || change.name.clone();
        let mut findings = Vec::new();
        let completes = removal.completes();
        if completes && removal.stranded.count > 0 {
            let (addresses, is_protected) = (removal.stranded, removal.is_protected);
            let violation = Violation::Stranded { name: name(), addresses, is_protected };
            findings.push(Finding { actions: self.stranded, violation });
        }
        for family in removal.exhausted {
            findings.push(Finding { actions: self.stranded, violation: Violation::Exhausted { name: name(), family } });
        }
        if !completes {
            let violation = Violation::Blocked { name: name(), addresses: removal.blocking };
            findings.push(Finding { actions: self.blocked, violation });
        }
        findings
    }
}
