//! Logs new overlaps between CIDRs. Admission sees one request at a time, so two conflicting ServiceCIDRs that are
//! created at the same moment can both be allowed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::{CidrOwner, View, overlaps};
use crate::policy::{Conflict, ConflictOwner};

use crate::server::inventory_backend::SyncState;
use crate::server::state::State;

/// How often overlaps are computed.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How many new overlaps are logged at once; the others are only counted.
const MAX_LOGGED: usize = 10;

/// Runs forever. The first check logs all existing overlaps.
pub(in crate::server) async fn run(state: Arc<State>) {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    let mut logged: BTreeSet<String> = BTreeSet::new();
    loop {
        ticks.tick().await;
        if state.inventory.service_cidrs() != SyncState::Synced {
            continue;
        }
        let now = state.inventory.with_inventory(|observed| descriptions(&observed.inventory.view()));
        let new: Vec<&String> = now.difference(&logged).collect();
        for overlap in new.iter().take(MAX_LOGGED) {
            tracing::warn!(overlap, "overlapping CIDRs");
        }
        if new.len() > MAX_LOGGED {
            tracing::warn!(more = new.len() - MAX_LOGGED, "more overlapping CIDRs");
        }
        logged = now;
    }
}

/// One description of each pair: by the wider CIDR or the first name; with a network, by the ServiceCIDR.
fn descriptions(view: &View<'_>) -> BTreeSet<String> {
    let all = overlaps(view).into_iter();
    let once = all.filter(|overlap| match (overlap.owner, overlap.other) {
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
        format!("{} of ServiceCIDR {} {hit}", overlap.cidr, overlap.owner.name())
    })
    .collect()
}
