//! `GET /report` and `GET /metrics`: the capacity, as JSON and as metrics.

use actix_web::{HttpResponse, web};

use crate::server::inventory_backend::SyncState;
use crate::server::state::State;

use super::availability::missing_inventory;

/// The capacity report, as JSON.
pub(super) async fn report(state: web::Data<State>) -> HttpResponse {
    if let Some(response) = missing_inventory(&state) {
        return response;
    }
    HttpResponse::Ok().content_type("application/json").body(state.reports.get(&state.inventory).json.clone())
}

/// All metrics, in the OpenMetrics text format.
pub(super) async fn metrics(state: web::Data<State>) -> HttpResponse {
    let is_synced = state.inventory.capacity() == SyncState::Synced;
    let snapshot = is_synced.then(|| state.reports.get(&state.inventory));
    let (watch_status, managed_tls) = (state.inventory.watch_status(), state.managed_tls.as_deref());
    match state.metrics.encode(snapshot.as_deref(), &watch_status, &state.pools(), managed_tls) {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(error) => HttpResponse::InternalServerError().body(format!("metrics: {error}\n")),
    }
}
