//! `Evaluator`: evaluates manifests in order. Each one sees the effect of those before it.

use crate::inventory::{Change, Inventory, ObservedInventory, Operation, Readiness, ServiceCidr, validate_name};
use crate::k8s::ServiceCidrManifest;
use crate::policy::{
    Finding, Policy, Request, Subresource, ValidationActions, Verdict, Violation, evaluate,
    evaluate_without_alternatives,
};

/// The number of denials that get alternatives: each search takes time in proportion to the inventory.
const MAX_ALTERNATIVES: u64 = 100;

/// The stored objects, with those that were allowed since.
pub(super) struct Evaluator<'a> {
    policy: &'a Policy,
    inventory: Inventory,
    /// The number of generated names.
    generated: u64,
    /// The number of denials.
    denied: u64,
}

impl<'a> Evaluator<'a> {
    pub fn new(policy: &'a Policy, inventory: Inventory) -> Self {
        Self { policy, inventory, generated: 0, denied: 0 }
    }

    /// Evaluates the manifest of a ServiceCIDR: kube-apiserver's own validation, then the policy. Returns the name
    /// and the verdict.
    pub fn manifest(&mut self, manifest: &ServiceCidrManifest) -> (String, Verdict) {
        let is_generated = manifest.name.is_empty() && !manifest.generate_name.is_empty();
        let name = if is_generated { self.generate(&manifest.generate_name) } else { manifest.name.clone() };
        let stored = self.inventory.service_cidr(&name).map(ServiceCidr::cidr_texts);
        let mut change = match &manifest.cidrs {
            Ok(cidrs) => Change::from_apply(&name, stored.as_deref(), cidrs),
            Err(fault) => {
                let operation = if stored.is_some() { Operation::Update } else { Operation::Create };
                Change::invalid(operation, &name, fault.clone())
            }
        };
        // If the metadata can't be parsed, that is the error, not the missing name.
        if stored.is_none() && manifest.cidrs.is_ok() {
            change.errors.splice(0..0, validate_name(&manifest.name, &manifest.generate_name));
        }
        let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: false };
        let verdict = validation_failure(&request).unwrap_or_else(|| self.evaluate(&request));
        self.apply(&request, &verdict);
        (name, verdict)
    }

    /// Evaluates a recorded request.
    pub fn review(&mut self, request: &Request) -> Verdict {
        let verdict = self.evaluate(request);
        self.apply(request, &verdict);
        verdict
    }

    fn evaluate(&mut self, request: &Request) -> Verdict {
        let observed = ObservedInventory::static_file(&self.inventory);
        let evaluate = if self.denied < MAX_ALTERNATIVES { evaluate } else { evaluate_without_alternatives };
        let verdict = evaluate(self.policy, &observed, request);
        self.denied += u64::from(!verdict.allows());
        verdict
    }

    /// Applies an allowed request.
    fn apply(&mut self, request: &Request, verdict: &Verdict) {
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

    /// A name that kube-apiserver could generate from a `generateName`, and that no manifest can have.
    fn generate(&mut self, base: &str) -> String {
        self.generated += 1;
        match self.generated {
            1 => format!("{base}?????"),
            count => format!("{base}????? ({count})"),
        }
    }
}

/// `kubernetes` is exempt from the rules, but not from kube-apiserver's own validation.
fn validation_failure(request: &Request) -> Option<Verdict> {
    let is_default = request.change.name == crate::inventory::DEFAULT_SERVICE_CIDR;
    if !is_default || request.change.errors.is_empty() {
        return None;
    }
    let violations = request.change.errors.iter().cloned().map(Violation::Invalid);
    let findings = violations.map(|violation| Finding { actions: ValidationActions::DENY, violation }).collect();
    Some(Verdict { exemption: None, findings, alternatives: Vec::new() })
}
