//! `Judge`: manifests one after the other, each seeing what those before it made.

use crate::inventory::{Change, Inventory, ObservedInventory, Operation, Readiness, ServiceCidr, validate_name};
use crate::k8s::ServiceCidrManifest;
use crate::policy::{
    Finding, Policy, Request, Subresource, ValidationActions, Verdict, Violation, evaluate,
    evaluate_without_alternatives,
};

/// How many denials are answered with an alternative: each takes time in proportion to what is stored.
const ANSWERED: u64 = 100;

/// What was stored before, and what has been admitted since.
pub(super) struct Judge<'a> {
    policy: &'a Policy,
    inventory: Inventory,
    /// How many names were generated.
    generated: u64,
    /// How many were denied.
    denied: u64,
}

impl<'a> Judge<'a> {
    pub fn new(policy: &'a Policy, inventory: Inventory) -> Self {
        Self { policy, inventory, generated: 0, denied: 0 }
    }

    /// Judges a ServiceCIDR that is applied: by what kube-apiserver itself refuses, then by the policy.
    /// Its name, and the verdict.
    pub fn written(&mut self, written: &ServiceCidrManifest) -> (String, Verdict) {
        let is_generated = written.name.is_empty() && !written.generate_name.is_empty();
        let name = if is_generated { self.generate(&written.generate_name) } else { written.name.clone() };
        let stored = self.inventory.service_cidr(&name).map(ServiceCidr::cidr_texts);
        let mut change = match &written.cidrs {
            Ok(cidrs) => Change::from_apply(&name, stored.as_deref(), cidrs),
            Err(fault) => {
                let operation = if stored.is_some() { Operation::Update } else { Operation::Create };
                Change::invalid(operation, &name, fault.clone())
            }
        };
        // Where the metadata can't be read, that is the fault, and not that it lacks a name.
        if stored.is_none() && written.cidrs.is_ok() {
            change.errors.splice(0..0, validate_name(&written.name, &written.generate_name));
        }
        let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: false };
        let verdict = refused(&request).unwrap_or_else(|| self.evaluate(&request));
        self.settle(&request, &verdict);
        (name, verdict)
    }

    /// Judges what kube-apiserver asked.
    pub fn asked(&mut self, request: &Request) -> Verdict {
        let verdict = self.evaluate(request);
        self.settle(request, &verdict);
        verdict
    }

    fn evaluate(&mut self, request: &Request) -> Verdict {
        let observed = ObservedInventory::static_file(&self.inventory);
        let evaluate = if self.denied < ANSWERED { evaluate } else { evaluate_without_alternatives };
        let verdict = evaluate(self.policy, &observed, request);
        self.denied += u64::from(!verdict.allows());
        verdict
    }

    /// What an admitted request leaves behind.
    fn settle(&mut self, request: &Request, verdict: &Verdict) {
        let Request { change, subresource, dry_run, .. } = request;
        if !verdict.allows() || *subresource == Subresource::Status || *dry_run || change.name.is_empty() {
            return;
        }
        let current = self.inventory.service_cidr(&change.name);
        let next = match (change.operation, current) {
            (Operation::Create | Operation::Update, current) => Some(ServiceCidr::with_change(current, change)),
            (Operation::Delete, Some(current)) if current.has_finalizer => {
                Some(ServiceCidr { readiness: Readiness::Terminating, ..current.clone() })
            }
            (Operation::Delete, _) => None,
        };
        match next {
            Some(next) => self.inventory.insert_service_cidr(next),
            None => drop(self.inventory.remove_service_cidr(&change.name)),
        }
    }

    /// A name that kube-apiserver could make of a `generateName`, and no manifest can have.
    fn generate(&mut self, base: &str) -> String {
        self.generated += 1;
        match self.generated {
            1 => format!("{base}?????"),
            count => format!("{base}????? ({count})"),
        }
    }
}

/// `kubernetes` is exempt from rules, not from kube-apiserver's own validation.
fn refused(request: &Request) -> Option<Verdict> {
    let is_default = request.change.name == crate::inventory::DEFAULT_SERVICE_CIDR;
    if !is_default || request.change.errors.is_empty() {
        return None;
    }
    let violations = request.change.errors.iter().cloned().map(Violation::Invalid);
    let findings = violations.map(|violation| Finding { actions: ValidationActions::DENY, violation }).collect();
    Some(Verdict { exemption: None, findings, alternatives: Vec::new() })
}
