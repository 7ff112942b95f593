//! `GET /`, the capacity page, `GET /report?view=page`, its data, and `GET /preview`, its previews: all read only.
//!
//! The kubelet and Prometheus use the same port, so the page is cached and previews are rate limited.

use std::time::Instant;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::api::{Document, PreviewResponse};
use crate::inventory::{Change, Operation};
use crate::policy::{self, Request, Subresource, Violation, evaluate};
use crate::server::rate_limiter::PREVIEWS_PER_SECOND_LIMIT;
use crate::server::state::State;

use super::availability::missing_inventory;

/// The longest query of a preview, in bytes.
const MAX_QUERY_BYTES: usize = 256;
/// The name of the previewed ServiceCIDR: no valid object name, so that it can't be one of the cluster.
const PREVIEW_NAME: &str = "(preview)";

/// The page with the current cluster state.
pub(super) async fn page(state: web::Data<State>) -> HttpResponse {
    if let Some(response) = missing_inventory(&state) {
        return response;
    }
    match state.page.get(&state.inventory, &state.policy.load()) {
        Ok(page) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                format!("{}; frame-ancestors 'none'", page.security_policy),
            ))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(page.html.clone()),
        Err(error) => HttpResponse::InternalServerError().body(format!("page: {error}\n")),
    }
}

/// The data of the page, as JSON.
pub(super) async fn page_data(state: web::Data<State>) -> HttpResponse {
    if let Some(response) = missing_inventory(&state) {
        return response;
    }
    match state.page.get(&state.inventory, &state.policy.load()) {
        Ok(page) => HttpResponse::Ok().content_type("application/json").body(page.json.clone()),
        Err(error) => HttpResponse::InternalServerError().body(format!("page: {error}\n")),
    }
}

/// What creating a ServiceCIDR with the CIDRs of `?add=CIDR[,CIDR]` would do. Nothing is created, counted or logged.
pub(super) async fn preview(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    if let Some(response) = missing_inventory(&state) {
        return response;
    }
    let add = match parse_query(request.query_string()) {
        Ok(add) => add,
        Err(problem) => return bad_request(problem),
    };
    let change = Change::diff(Operation::Create, PREVIEW_NAME, &[], &add);
    if let Some(fault) = change.errors.first() {
        return bad_request(&Violation::Invalid(fault.clone()).to_string());
    }
    if !state.page.previews.try_acquire(Instant::now()) {
        return HttpResponse::TooManyRequests().insert_header((header::RETRY_AFTER, "1")).json(
            json!({"message": format!("more than {PREVIEWS_PER_SECOND_LIMIT} previews in a second: retry later")}),
        );
    }
    let policy = state.policy.load();
    let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: true };
    let document = state.inventory.with_inventory(|observed| {
        let verdict = evaluate(&policy, observed, &request);
        let preview = policy::preview(&policy, observed, &request, &verdict);
        PreviewResponse::new(add, &verdict, preview.as_ref())
    });
    HttpResponse::Ok().json(Document::new("ChangePreview", document))
}

/// The CIDRs of the query.
fn parse_query(query: &str) -> Result<Vec<String>, &'static str> {
    let usage = "write it as /preview?add=CIDR or add=CIDR,CIDR";
    if query.len() > MAX_QUERY_BYTES {
        return Err(usage);
    }
    let query: web::Query<Vec<(String, String)>> = web::Query::from_query(query).map_err(|_| usage)?;
    match &query.0[..] {
        [(key, cidrs)] if key == "add" && !cidrs.is_empty() => Ok(cidrs.split(',').map(str::to_owned).collect()),
        _ => Err(usage),
    }
}

fn bad_request(message: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"message": message}))
}
