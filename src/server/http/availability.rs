//! `missing_inventory`: refuses requests that need the cluster state before it is read.

use actix_web::HttpResponse;

use crate::server::inventory_backend::SyncState;
use crate::server::state::State;

/// The response to send if there is no inventory, or its first lists are not complete.
pub(super) fn missing_inventory(state: &State) -> Option<HttpResponse> {
    match state.inventory.capacity() {
        SyncState::Absent => Some(
            HttpResponse::NotFound()
                .body("no inventory is configured: start with --inventory cluster or --inventory FILE\n"),
        ),
        SyncState::Syncing(progress) => Some(HttpResponse::ServiceUnavailable().body(format!("{progress}\n"))),
        SyncState::Synced => None,
    }
}
