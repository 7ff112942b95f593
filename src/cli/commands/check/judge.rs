//! `Judge`: manifests one after the other, each seeing what those before it made.

use crate::inventory::{Change, Inventory, Known, Operation, Readiness, ServiceCidr, faults_of_name};
use crate::k8s::Written;
use crate::net::Cidr;
use crate::policy::{Finding, Part, Policy, Request, ValidationActions, Verdict, Violation, decide, judge};

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
    pub fn written(&mut self, written: &Written) -> (String, Verdict) {
        let is_generated = written.name.is_empty() && !written.generate_name.is_empty();
        let name = if is_generated { self.generate(&written.generate_name) } else { written.name.clone() };
        let stored = self.inventory.service_cidr(&name).map(texts);
        let mut change = match &written.cidrs {
            Ok(cidrs) => Change::applied(&name, stored.as_deref(), cidrs),
            Err(fault) => {
                let operation = if stored.is_some() { Operation::Update } else { Operation::Create };
                Change::faulty(operation, &name, fault.clone())
            }
        };
        // Where the metadata can't be read, that is the fault, and not that it lacks a name.
        if stored.is_none() && written.cidrs.is_ok() {
            change.faults.splice(0..0, faults_of_name(&written.name, &written.generate_name));
        }
        let request = Request { change, part: Part::Object, requester: String::new(), dry_run: false };
        let verdict = refused(&request).unwrap_or_else(|| self.decide(&request));
        self.settle(&request, &verdict);
        (name, verdict)
    }

    /// Judges what kube-apiserver asked.
    pub fn asked(&mut self, request: &Request) -> Verdict {
        let verdict = self.decide(request);
        self.settle(request, &verdict);
        verdict
    }

    fn decide(&mut self, request: &Request) -> Verdict {
        let known = Known::current(&self.inventory);
        let decide = if self.denied < ANSWERED { decide } else { judge };
        let verdict = decide(self.policy, &known, request);
        self.denied += u64::from(!verdict.allows());
        verdict
    }

    /// What an admitted request leaves behind.
    fn settle(&mut self, request: &Request, verdict: &Verdict) {
        let Request { change, part, dry_run, .. } = request;
        if !verdict.allows() || *part == Part::Status || *dry_run || change.name.is_empty() {
            return;
        }
        let current = self.inventory.service_cidr(&change.name);
        let next = match (change.operation, current) {
            (Operation::Create | Operation::Update, current) => Some(ServiceCidr::after(current, change)),
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
    if !is_default || request.change.faults.is_empty() {
        return None;
    }
    let violations = request.change.faults.iter().cloned().map(Violation::Invalid);
    let findings = violations.map(|violation| Finding { actions: ValidationActions::DENY, violation }).collect();
    Some(Verdict { exemption: None, findings, alternatives: Vec::new() })
}

fn texts(service_cidr: &ServiceCidr) -> Vec<String> {
    service_cidr.cidrs.iter().map(Cidr::to_string).chain(service_cidr.unreadable.iter().cloned()).collect()
}
