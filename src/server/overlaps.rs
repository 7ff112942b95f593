//! Tells of CIDRs that begin to share addresses. Admission sees one request at a time: two that are
//! made at the same moment pass it both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{Holder, overlaps};

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

/// Each pair once: from the narrower side, or the first by name.
fn sentences(view: &crate::inventory::View<'_>) -> BTreeSet<String> {
    let all = overlaps(view).into_iter();
    let once = all.filter(|overlap| match (overlap.holder, overlap.other) {
        (Holder::ServiceCidr(_), Holder::Network(_)) => true,
        (own, other) => (overlap.other_cidr, other) > (overlap.cidr, own),
    });
    once.map(|overlap| {
        let (kind, name) = (overlap.other.kind(), overlap.other.name());
        let relation = overlap.relation.to_string();
        format!(
            "{} of ServiceCIDR {} / {relation} / {} of {kind} {name}",
            overlap.cidr,
            overlap.holder.name(),
            overlap.other_cidr
        )
    })
    .collect()
}
