//! `scan`: what a cluster already holds, judged by a policy.

use std::path::PathBuf;

use crate::diagnostic::Diagnostic;
use crate::inventory::{Change, DEFAULT_SERVICE_CIDR, Inventory, Known, Operation, Readiness, ServiceCidr};
use crate::net::{Cidr, Relation};
use crate::policy::{Part, Policy, Request, RuleId, Verdict, decide};

use crate::cli::exit::Exit;
use crate::cli::support::findings::{self, CheckedFinding, CheckedObject, ReportKind};
use crate::cli::support::input::{InventoryArgs, ReadNodes};
use crate::cli::support::{output, policy};
use crate::text::{escape_name, plural};

/// Judge what a cluster already holds by a policy: each ServiceCIDR as if it were made now, beside the others.
///
/// An overlap is told once, at the younger of the two. `kubernetes` is shown and exempt. Who made a
/// ServiceCIDR can't be told from what is stored, and no rule judges by it; deny-all and deletion judge
/// requests, and say nothing here.
///
/// Exit code: 1 if one would be denied, 2 for bad input, 3 if something can't be read, else 0 or what
/// --warn-exit-code says.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,

    /// The policy to judge by
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    #[command(flatten)]
    findings: findings::Args,
}

const EXAMPLES: &str = "\
Examples:
  # What a policy would have refused of what is there
  kubectl get servicecidrs,ipaddresses,nodes -o json > cluster.json
  servicecidr-guard scan -f cluster.json --policy policy.yaml
  # Every night, for code scanning
  servicecidr-guard scan -f cluster.json --policy policy.yaml -o sarif > scan.sarif";

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let loaded = policy::load(&args.policy)?;
    let state = args.inventory.read(Some(&loaded.policy), ReadNodes::Yes)?;
    say_what_is_not_judged(&loaded.policy, &state.inventory);
    let judged = judged(&loaded.policy, &state.inventory, &state.origin);
    state.ensure_complete()?;
    findings::print_and_exit(&args.findings, ReportKind::Scan, &judged)
}

fn say_what_is_not_judged(policy: &Policy, inventory: &Inventory) {
    output::message("note: who made a ServiceCIDR isn't stored, and not judged");
    let of_requests = |rule: &RuleId| matches!(rule, RuleId::DenyAll | RuleId::Deletion);
    for rule in policy.rules().into_iter().filter(of_requests) {
        output::message(&format!("note: {} judges requests, and nothing that is stored", rule.as_str()));
    }
    if policy.requires_nodes() && inventory.nodes().next().is_none() {
        output::message("note: no Node was read: discover of reserved-networks has nothing to judge by");
    }
    let terminating = inventory.service_cidrs().filter(|stored| stored.readiness == Readiness::Terminating).count();
    if terminating > 0 {
        let are = plural(terminating as u128, "ServiceCIDR is", "ServiceCIDRs are");
        output::message(&format!("note: {terminating} {are} terminating, and judged as long as it is stored"));
    }
}

/// Every ServiceCIDR, by name.
fn judged(policy: &Policy, inventory: &Inventory, origin: &str) -> Vec<CheckedObject> {
    let policy = Policy { deny_all: None, deletion: None, ..policy.clone() };
    let file: std::rc::Rc<str> = origin.into();
    let mut by_age: Vec<&ServiceCidr> = inventory.service_cidrs().collect();
    by_age.sort_by_key(|stored| (stored.name != DEFAULT_SERVICE_CIDR, &stored.created, &stored.name));
    let mut older = inventory.clone();
    for stored in &by_age {
        older.remove_service_cidr(&stored.name);
    }
    let mut judged = Vec::with_capacity(by_age.len());
    for stored in by_age {
        let beside = if tells_both_ways(&policy) { &older } else { inventory };
        let verdict = as_if_made(&policy, beside, inventory, stored);
        let named = escape_name(&stored.name);
        let place = |_: &str, sentence: String| Diagnostic::whole(origin, format!("ServiceCIDR {named}: {sentence}"));
        judged.push(CheckedObject {
            file: std::rc::Rc::clone(&file),
            at: None,
            name: findings::name(&stored.name),
            state: Some(stored.readiness.name()),
            exemption: verdict.exemption,
            found: CheckedFinding::all(&verdict, place),
        });
        older.insert_service_cidr(stored.clone());
    }
    judged.sort_by(|a, b| a.name.cmp(&b.name));
    judged
}

/// Whether no-overlap would tell of a pair at either of the two, so that the younger is enough. Where only
/// one way round counts, the pair is told where it does.
fn tells_both_ways(policy: &Policy) -> bool {
    let counts = |relation| policy.no_overlap.as_ref().is_some_and(|rule| rule.relations.contains(&relation));
    counts(Relation::Within) == counts(Relation::Contains)
}

/// The verdict on making it now. Where it could lie instead, all that is stored is asked.
fn as_if_made(policy: &Policy, beside: &Inventory, whole: &Inventory, stored: &ServiceCidr) -> Verdict {
    let texts: Vec<String> =
        stored.cidrs.iter().map(Cidr::to_string).chain(stored.unreadable.iter().cloned()).collect();
    let change = Change::between(Operation::Create, &stored.name, &[], &texts);
    let request = Request { change, part: Part::Object, requester: String::new(), dry_run: false };
    let mut verdict = decide(policy, &Known::current(beside), &request);
    if !verdict.alternatives.is_empty() {
        verdict.alternatives = decide(policy, &Known::current(whole), &request).alternatives;
    }
    verdict
}
