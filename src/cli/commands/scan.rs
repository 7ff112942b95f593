//! `scan`: evaluates the stored ServiceCIDRs of a cluster against a policy.

use std::path::PathBuf;

use crate::diagnostic::Diagnostic;
use crate::inventory::{Change, DEFAULT_SERVICE_CIDR, Inventory, ObservedInventory, Operation, Readiness, ServiceCidr};
use crate::net::Relation;
use crate::policy::{Policy, Request, RuleId, Subresource, Verdict, evaluate};

use crate::cli::exit::Exit;
use crate::cli::support::findings::{self, CheckedFinding, CheckedObject, ReportKind};
use crate::cli::support::input::{InventoryArgs, ReadNodes};
use crate::cli::support::{output, policy};
use crate::text::{escape_name, plural};

/// Check the ServiceCIDRs of a cluster against a policy: each one as if it were created now, next to the others.
///
/// An overlap is reported once, at the younger of the two. `kubernetes` is listed and exempt. The creator of a
/// ServiceCIDR is not stored and not evaluated. deny-all and deletion evaluate requests, so they find nothing
/// here.
///
/// Exit code: 0 allowed (with warnings: --warn-exit-code), 1 denied, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,

    /// The policy file
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    #[command(flatten)]
    findings: findings::Args,
}

const EXAMPLES: &str = "\
Examples:
  # What a policy would deny in a cluster
  kubectl get servicecidrs,ipaddresses,nodes -o json > cluster.json
  servicecidr-guard scan -f cluster.json --policy policy.yaml
  # Nightly, for code scanning
  servicecidr-guard scan -f cluster.json --policy policy.yaml -o sarif > scan.sarif";

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let loaded = policy::load(&args.policy)?;
    let state = args.inventory.read(Some(&loaded.policy), ReadNodes::Yes)?;
    note_unevaluated_rules(&loaded.policy, &state.inventory);
    let checked = checked(&loaded.policy, &state.inventory, &state.origin);
    state.ensure_complete()?;
    findings::print_and_exit(&args.findings, ReportKind::Scan, &checked)
}

fn note_unevaluated_rules(policy: &Policy, inventory: &Inventory) {
    output::message("note: the creator of a ServiceCIDR is not stored, so it is not evaluated");
    let is_for_requests = |rule: &RuleId| matches!(rule, RuleId::DenyAll | RuleId::Deletion);
    for rule in policy.rules().into_iter().filter(is_for_requests) {
        output::message(&format!("note: {} evaluates requests, not stored objects", rule.as_str()));
    }
    if policy.requires_nodes() && inventory.nodes().next().is_none() {
        output::message("note: no Node was read: discover of reserved-networks has nothing to compare with");
    }
    let terminating = inventory.service_cidrs().filter(|stored| stored.readiness == Readiness::Terminating).count();
    if terminating > 0 {
        let are = plural(terminating as u128, "ServiceCIDR is", "ServiceCIDRs are");
        output::message(&format!("note: {terminating} {are} terminating, and evaluated until deleted"));
    }
}

/// The results of every ServiceCIDR, by name.
fn checked(policy: &Policy, inventory: &Inventory, origin: &str) -> Vec<CheckedObject> {
    let policy = Policy { deny_all: None, deletion: None, ..policy.clone() };
    let file: std::rc::Rc<str> = origin.into();
    let mut by_age: Vec<&ServiceCidr> = inventory.service_cidrs().collect();
    by_age.sort_by_key(|stored| (stored.name != DEFAULT_SERVICE_CIDR, &stored.created, &stored.name));
    let mut older = inventory.clone();
    for stored in &by_age {
        older.remove_service_cidr(&stored.name);
    }
    let mut checked = Vec::with_capacity(by_age.len());
    for stored in by_age {
        let others = if finds_both_directions(&policy) { &older } else { inventory };
        let verdict = evaluate_as_create(&policy, others, inventory, stored);
        let name = escape_name(&stored.name);
        let place = |_: &str, sentence: String| Diagnostic::whole(origin, format!("ServiceCIDR {name}: {sentence}"));
        checked.push(CheckedObject {
            file: std::rc::Rc::clone(&file),
            at: None,
            name: findings::name(&stored.name),
            state: Some(stored.readiness.as_str()),
            exemption: verdict.exemption,
            found: CheckedFinding::all(&verdict, place),
        });
        older.insert_service_cidr(stored.clone());
    }
    checked.sort_by(|a, b| a.name.cmp(&b.name));
    checked
}

/// Whether no-overlap finds a pair in both directions, so that the younger of the two is enough. Otherwise a pair is
/// reported where it is found.
fn finds_both_directions(policy: &Policy) -> bool {
    let counts = |relation| policy.no_overlap.as_ref().is_some_and(|rule| rule.relations.contains(&relation));
    counts(Relation::Within) == counts(Relation::Contains)
}

/// The verdict on creating the ServiceCIDR now. Alternatives avoid all stored ServiceCIDRs.
fn evaluate_as_create(policy: &Policy, others: &Inventory, all: &Inventory, stored: &ServiceCidr) -> Verdict {
    let change = Change::diff(Operation::Create, &stored.name, &[], &stored.cidr_texts());
    let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: false };
    let mut verdict = evaluate(policy, &ObservedInventory::static_file(others), &request);
    if !verdict.alternatives.is_empty() {
        verdict.alternatives = evaluate(policy, &ObservedInventory::static_file(all), &request).alternatives;
    }
    verdict
}
