//! deletion: a ServiceCIDR whose deletion would never end, or leave Services without a range.

use crate::capacity::deletion_impact;
use crate::inventory::{Change, Inventory, Operation, Readiness, ServiceCidr};
use crate::net::Cidr;
use crate::policy::{Finding, ValidationActions, Violation};

/// What may follow from the deletion of a ServiceCIDR. It can't be taken back: from the DELETE on, no
/// address is given out of it, whether or not it ever goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// What follows where kube-controller-manager holds it back.
    pub blocked: ValidationActions,
    /// What follows where it is let go and leaves IPAddresses in no range that gives addresses, or an
    /// IP family without any range.
    pub stranded: ValidationActions,
}

impl Deletion {
    /// What a DELETE does that someone should know before. Nothing for one that is terminating already:
    /// it has been done.
    pub(in crate::policy) fn check(&self, inventory: &Inventory, change: &Change) -> Vec<Finding> {
        if change.operation != Operation::Delete {
            return Vec::new();
        }
        let unseen;
        let service_cidr = match inventory.service_cidr(&change.name) {
            Some(known) if known.readiness == Readiness::Terminating => return Vec::new(),
            Some(known) => known,
            // Made so recently that no watch has told of it.
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
