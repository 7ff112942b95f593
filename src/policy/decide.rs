//! `decide`: the exemptions, then every rule, in reading order.

use crate::inventory::{DEFAULT_SERVICE_CIDR, Inventory};

use super::{Exemption, Finding, Part, Policy, Request, ValidationActions, Verdict, Violation};

/// Judges a request. Total: every request gets a verdict, and the same one every time.
pub fn decide(policy: &Policy, _inventory: &Inventory, request: &Request) -> Verdict {
    if let Some(exemption) = exemption(request) {
        return Verdict::exempt(exemption);
    }
    let change = &request.change;
    let mut findings: Vec<Finding> = Vec::new();
    for fault in &change.faults {
        findings.push(Finding { actions: ValidationActions::DENY, violation: Violation::Invalid(fault.clone()) });
    }
    if let Some(rule) = &policy.deny_all {
        findings.extend(rule.check(change).into_iter().map(|violation| Finding { actions: rule.actions, violation }));
    }
    if let Some(rule) = &policy.allowed_ranges {
        findings.extend(rule.check(change).into_iter().map(|violation| Finding { actions: rule.actions, violation }));
    }
    Verdict { exemption: None, findings }
}

/// Why the rules don't apply to a request, if they don't.
fn exemption(request: &Request) -> Option<Exemption> {
    if request.change.name == DEFAULT_SERVICE_CIDR {
        Some(Exemption::DefaultServiceCidr)
    } else if request.part == Part::Status {
        Some(Exemption::Status)
    } else if request.change.is_empty() {
        Some(Exemption::Unchanged)
    } else {
        None
    }
}
