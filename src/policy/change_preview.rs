//! `ChangePreview`: the effect of a request, for the client, whatever the rules decide.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capacity::{DeletionImpact, FamilyCapacity, Forecast, deletion_impact_by_name, forecast};
use crate::inventory::{Change, Freshness, ObservedInventory, Operation};
use crate::net::{Cidr, IpFamily};
use crate::text::{escape_name, thousands};

use super::violation::Conflicts;

use super::{Exemption, Policy, Request, RuleId, Verdict};

/// The requests that get a preview.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum WarnOn {
    /// None.
    Never,
    /// Requests that store nothing: `kubectl apply --dry-run=server`.
    #[default]
    DryRun,
    /// All requests that change CIDRs or delete.
    Always,
}

/// The effect of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePreview {
    /// The operation, and the name of the ServiceCIDR.
    operation: Operation,
    name: String,
    /// The families of the added and removed CIDRs.
    touched: Vec<IpFamily>,
    /// The capacity of each family before and after.
    pub forecast: Option<Forecast>,
    /// The CIDRs that overlap each added CIDR.
    pub overlaps: Vec<(Cidr, Conflicts)>,
    /// The effect of a deletion.
    pub deletion_impact: Option<DeletionImpact>,
}

/// The preview of a request, if the policy enables it and the cluster state is known; `None` for a request that
/// changes no CIDR.
#[must_use]
pub fn preview_if_enabled(
    policy: &Policy,
    observed: &ObservedInventory<'_>,
    request: &Request,
    verdict: &Verdict,
) -> Option<ChangePreview> {
    let is_requested = match policy.warn_on {
        WarnOn::Never => false,
        WarnOn::DryRun => request.dry_run,
        WarnOn::Always => true,
    };
    if is_requested { preview(policy, observed, request, verdict) } else { None }
}

/// The preview of a request, if the cluster state is known, even if the policy disables it; `None` for a request that
/// changes no CIDR.
#[must_use]
pub fn preview(
    policy: &Policy,
    observed: &ObservedInventory<'_>,
    request: &Request,
    verdict: &Verdict,
) -> Option<ChangePreview> {
    let changes = !matches!(verdict.exemption, Some(Exemption::Unchanged | Exemption::Status));
    let is_known = |freshness: Freshness| freshness.is_within(policy.staleness.max);
    if !changes || !is_known(observed.service_cidrs) || !request.change.errors.is_empty() {
        return None;
    }
    let change = &request.change;
    let counts = is_known(observed.addresses);
    Some(ChangePreview {
        operation: change.operation,
        name: change.name.clone(),
        touched: touched(change),
        forecast: counts.then(|| forecast(observed.inventory, std::slice::from_ref(change))),
        overlaps: overlaps(observed, change),
        deletion_impact: (counts && change.operation == Operation::Delete)
            .then(|| deletion_impact_by_name(observed.inventory, &change.name))
            .flatten(),
    })
}

fn touched(change: &Change) -> Vec<IpFamily> {
    let added = change.cidrs().map(|(_, cidr)| cidr);
    let removed = change.removes.iter().filter_map(|text| Cidr::parse_lenient(text).ok());
    added.chain(removed).map(Cidr::family).collect()
}

fn overlaps(observed: &ObservedInventory<'_>, change: &Change) -> Vec<(Cidr, Conflicts)> {
    let added = change.cidrs().map(|(_, cidr)| cidr);
    added.filter_map(|cidr| Some((cidr, Conflicts::of_others(observed.inventory, change, cidr, |_| true)?))).collect()
}

impl ChangePreview {
    /// The families that the request affects, before and after.
    pub fn families(&self) -> impl Iterator<Item = (&FamilyCapacity, &FamilyCapacity)> {
        let pairs = self.forecast.iter().flat_map(|forecast| forecast.before.iter().zip(&forecast.after));
        pairs.filter(|(before, _)| self.touched.contains(&before.family))
    }

    /// The messages, the most important first: the capacity, then the overlaps and the effect of a deletion, unless
    /// `verdict` reports them.
    #[must_use]
    pub fn sentences(&self, verdict: &Verdict) -> Vec<String> {
        let is_reported = |rule: RuleId| {
            let sentences = verdict.warnings().chain(verdict.denials());
            sentences.into_iter().any(|violation| violation.rule() == rule)
        };
        let name = escape_name(&self.name);
        let verb = if self.operation == Operation::Delete { "without" } else { "with" };
        let mut sentences: Vec<String> =
            self.families().map(|(before, after)| counts(before, after, verb, &name)).collect();
        if !is_reported(RuleId::NoOverlap) {
            sentences.extend(self.overlaps.iter().map(|(cidr, conflicts)| format!("{cidr} {conflicts}")));
        }
        if let (Some(impact), false) = (&self.deletion_impact, is_reported(RuleId::Deletion)) {
            sentences.extend(removal_sentence(impact, &name));
        }
        sentences
    }
}

fn counts(before: &FamilyCapacity, after: &FamilyCapacity, verb: &str, name: &str) -> String {
    let (was, will_be) = (before.free(), after.free());
    let sign = if will_be < was { "-" } else { "+" };
    let difference = thousands(will_be.abs_diff(was));
    format!(
        "{}: {} usable, {} used, {} free; {verb} {name}: {} usable, {} free ({sign}{difference})",
        before.family,
        thousands(before.usable),
        thousands(before.used),
        thousands(was),
        thousands(after.usable),
        thousands(will_be),
    )
}

fn removal_sentence(impact: &DeletionImpact, name: &str) -> Option<String> {
    let (blocking, stranded) = (impact.blocking.count, impact.stranded.count);
    if !impact.completes() {
        Some(format!("deleting {name} will hang: IPAddresses are in no other ServiceCIDR: {blocking}"))
    } else if stranded > 0 {
        Some(format!("deleting {name} leaves IPAddresses in no usable range: {stranded}"))
    } else {
        None
    }
}
