//! Tells of CIDRs that begin to share addresses. Admission sees one request at a time: two that are
//! made at the same moment pass it both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{CidrOwner, View, overlaps};
use crate::policy::{Conflict, ConflictOwner};

use super::State;
use super::knowledge::Readiness;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many it tells of at once, before it says how many more there are.
const TOLD: usize = 10;

/// Runs for ever. What overlaps when it first looks is told too.
pub(super) async fn tell(state: Arc<State>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut told: BTreeSet<String> = BTreeSet::new();
    loop {
        ticks.tick().await;
        if state.knowledge.service_cidrs() != Readiness::Read {
            continue;
        }
        let now = state.knowledge.ask(|known| sentences(&known.inventory.view()));
        let new: Vec<&String> = now.difference(&told).collect();
        for overlap in new.iter().take(TOLD) {
            tracing::warn!(overlap, "CIDRs share addresses");
        }
        if new.len() > TOLD {
            tracing::warn!(more = new.len() - TOLD, "more CIDRs share addresses");
        }
        told = now;
    }
}

/// Each pair once: from the wider side, or the first by name; with a network, from the ServiceCIDR.
fn sentences(view: &View<'_>) -> BTreeSet<String> {
    let all = overlaps(view).into_iter();
    let once = all.filter(|overlap| match (overlap.holder, overlap.other) {
        (CidrOwner::ServiceCidr(_), CidrOwner::Network(_)) => true,
        (own, other) => (overlap.other_cidr, other) > (overlap.cidr, own),
    });
    once.map(|overlap| {
        let name = overlap.other.name().to_owned();
        let neighbour = match overlap.other {
            CidrOwner::ServiceCidr(_) => ConflictOwner::ServiceCidr { name },
            CidrOwner::Network(_) => ConflictOwner::Declared { name, description: String::new() },
        };
        let hit = Conflict { relation: overlap.relation, cidr: overlap.other_cidr, neighbour };
        format!("{} of ServiceCIDR {} {hit}", overlap.cidr, overlap.holder.name())
    })
    .collect()
}
