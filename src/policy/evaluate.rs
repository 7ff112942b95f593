//! `evaluate`: evaluates the exemptions, then every rule, in reading order.

use crate::inventory::{ConfiguredFamilies, DEFAULT_SERVICE_CIDR, ObservedInventory, Operation};

use super::planning::alternative::alternatives;
use super::{Exemption, Finding, Policy, Request, RuleId, Subresource, Usable, ValidationActions, Verdict, Violation};

/// The user name of kube-apiserver itself.
const API_SERVER: &str = "system:apiserver";

/// Evaluates a request. Every request gets a verdict, and the same request always the same one.
pub fn evaluate(policy: &Policy, observed: &ObservedInventory<'_>, request: &Request) -> Verdict {
    let verdict = evaluate_without_alternatives(policy, observed, request);
    let alternatives = alternatives(policy, observed, verdict.denials());
    Verdict { alternatives, ..verdict }
}

/// Evaluates a request without alternatives, which take time in proportion to the size of the cluster.
pub fn evaluate_without_alternatives(policy: &Policy, observed: &ObservedInventory<'_>, request: &Request) -> Verdict {
    match exemption(request) {
        Some(Exemption::DefaultServiceCidr) => Verdict {
            exemption: Some(Exemption::DefaultServiceCidr),
            findings: default_service_cidr_findings(policy, observed, request),
            alternatives: Vec::new(),
        },
        Some(exemption) => Verdict::exempt(exemption),
        None => Verdict { exemption: None, findings: findings(policy, observed, request), alternatives: Vec::new() },
    }
}

/// Why no rule may deny a request, if it is exempt.
fn exemption(request: &Request) -> Option<Exemption> {
    if request.subresource == Subresource::Status {
        Some(Exemption::Status)
    } else if request.change.keeps_cidrs() {
        Some(Exemption::Unchanged)
    } else if request.change.name == DEFAULT_SERVICE_CIDR {
        Some(Exemption::DefaultServiceCidr)
    } else {
        None
    }
}

fn findings(policy: &Policy, observed: &ObservedInventory<'_>, request: &Request) -> Vec<Finding> {
    // Every field is named, so that a new rule can't be forgotten.
    let Policy {
        deny_all,
        allowed_ranges,
        prefix_length,
        reserved_networks,
        no_overlap,
        usable,
        deletion: _,
        staleness,
        warn_on: _,
        ip_families: _,
        networks: _,
    } = policy;
    let change = &request.change;
    let all = |actions: ValidationActions, violations: Vec<Violation>| {
        violations.into_iter().map(move |violation| Finding { actions, violation })
    };
    let adds = change.cidrs().next().is_some();
    let unless_stale = |rule, actions, evaluate_rule: &dyn Fn() -> Vec<Finding>| {
        staleness.evaluate(rule, actions, observed).map_or_else(evaluate_rule, |unknown| vec![unknown])
    };
    let mut findings: Vec<Finding> = Vec::new();

    let errors = change.errors.iter().cloned().map(Violation::Invalid).collect();
    findings.extend(all(ValidationActions::DENY, errors));
    if let Some(rule) = deny_all {
        findings.extend(all(rule.actions, rule.check(change).into_iter().collect()));
    }
    if let Some(rule) = allowed_ranges {
        findings.extend(all(rule.actions, rule.check(change)));
    }
    if let Some(rule) = prefix_length {
        findings.extend(all(rule.actions, rule.check(change)));
    }
    if let Some(rule) = reserved_networks {
        findings.extend(all(rule.actions, rule.check(change)));
        if adds && !rule.discover.is_empty() {
            findings.extend(unless_stale(RuleId::ReservedNetworks, rule.actions, &|| {
                all(rule.actions, rule.check_discovered(observed.inventory, change)).collect()
            }));
        }
    }
    if let Some(rule) = no_overlap
        && adds
    {
        findings.extend(unless_stale(RuleId::NoOverlap, rule.actions, &|| {
            all(rule.actions, rule.check(observed.inventory, change)).collect()
        }));
    }
    if let Some(rule) = usable {
        findings.extend(all(rule.actions, Usable::check(&families(policy, observed), change)));
    }
    findings.extend(deletion_findings(policy, observed, request));
    findings
}

/// The findings of a deletion.
fn deletion_findings(policy: &Policy, observed: &ObservedInventory<'_>, request: &Request) -> Vec<Finding> {
    let Some(rule) = &policy.deletion else { return Vec::new() };
    if request.change.operation != Operation::Delete {
        return Vec::new();
    }
    match policy.staleness.evaluate(RuleId::Deletion, rule.blocked.union(rule.stranded), observed) {
        Some(unknown) => vec![unknown],
        None => rule.check(observed.inventory, &request.change),
    }
}

/// A change of `kubernetes` is never denied. Every client except kube-apiserver gets a warning.
fn default_service_cidr_findings(policy: &Policy, observed: &ObservedInventory<'_>, request: &Request) -> Vec<Finding> {
    if request.requester == API_SERVER || request.change.operation == Operation::Create {
        return Vec::new();
    }
    let warned = Violation::DefaultServiceCidr { operation: request.change.operation };
    let deletion = deletion_findings(policy, observed, request).into_iter();
    let deletion = deletion.map(|finding| Finding { actions: finding.actions.downgrade_to_warn(), ..finding });
    std::iter::once(Finding { actions: ValidationActions::WARN, violation: warned }).chain(deletion).collect()
}

/// The configured families, if they are known and recent; else both.
fn families(policy: &Policy, observed: &ObservedInventory<'_>) -> ConfiguredFamilies {
    match &policy.ip_families {
        Some(families) => ConfiguredFamilies::from_policy(families),
        None if observed.service_cidrs.is_within(policy.staleness.max) => observed.inventory.families(),
        None => ConfiguredFamilies::assumed(),
    }
}
