//! `require_inventory`: refuses requests that need the cluster state before it is read.

use actix_web::HttpResponse;

use crate::server::inventory_backend::SyncState;
use crate::server::state::State;

/// Fails with the response to send if there is no inventory, or its first lists are not complete.
pub(super) fn require_inventory(state: &State) -> Result<(), HttpResponse> {
    match state.inventory.capacity() {
        SyncState::Absent => Err(HttpResponse::NotFound()
            .body("no inventory is configured: start with --inventory cluster or --inventory FILE\n")),
        SyncState::Syncing(progress) => Err(HttpResponse::ServiceUnavailable().body(format!("{progress}\n"))),
        SyncState::Synced => Ok(()),
    }
}
