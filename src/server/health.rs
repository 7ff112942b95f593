//! `/livez`, `/readyz`, `/report` and `/metrics`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::policy::RuleId;

use super::knowledge::Readiness;
use super::{State, page};

/// Alive: it answers, and what runs in the background still does.
pub(super) async fn livez(state: web::Data<State>) -> HttpResponse {
    match state.tasks.dead()[..] {
        [] => text("ok\n".to_owned()),
        [first, ..] => HttpResponse::InternalServerError().body(format!("{first} has ended\n")),
    }
}

/// Ready: policy and certificate are in force, without which it would not have started, and the
/// ServiceCIDRs are read, where an inventory is kept. `?verbose` names them.
pub(super) async fn readyz(state: web::Data<State>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    if state.is_draining() {
        return HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body("shutting down\n");
    }
    let inventory = state.knowledge.service_cidrs();
    let is_verbose = query.iter().any(|(key, _)| key == "verbose");
    let rules = state.policy.load().rules().into_iter().map(RuleId::as_str).collect::<Vec<_>>().join(", ");
    let checks = |inventory: &str, result: &str| {
        format!("[+]policy ok: {rules}\n[+]certificate ok\n{inventory}\nreadyz check {result}\n")
    };
    match inventory {
        Readiness::Syncing(progress) => {
            let body = checks(&format!("[-]inventory failed: {progress}"), "failed");
            HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body(body)
        }
        Readiness::Absent | Readiness::Read if !is_verbose => text("ok\n".to_owned()),
        Readiness::Absent => text(checks("[+]inventory ok: none", "passed")),
        Readiness::Read => text(checks("[+]inventory ok", "passed")),
    }
}

/// The capacity report, as JSON; with `?view=page`, what the page shows.
pub(super) async fn report(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    match (unread(&state), request.query_string()) {
        (Some(answer), _) => answer,
        (None, "view=page") => page::page_document(&state),
        (None, _) => {
            HttpResponse::Ok().content_type("application/json").body(state.reports.get(&state.knowledge).json.clone())
        }
    }
}

/// Why nothing can be said of the capacity, if nothing can.
pub(super) fn unread(state: &State) -> Option<HttpResponse> {
    match state.knowledge.capacity() {
        Readiness::Absent => Some(
            HttpResponse::NotFound().body("no inventory is kept: start with --inventory cluster or --inventory FILE\n"),
        ),
        Readiness::Syncing(progress) => Some(HttpResponse::ServiceUnavailable().body(format!("{progress}\n"))),
        Readiness::Read => None,
    }
}

/// Everything that is counted, in the OpenMetrics text format.
pub(super) async fn metrics(state: web::Data<State>) -> HttpResponse {
    let is_read = state.knowledge.capacity() == Readiness::Read;
    let snapshot = is_read.then(|| state.reports.get(&state.knowledge));
    match state.metrics.encode(snapshot.as_deref(), &state.knowledge.followed()) {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(error) => HttpResponse::InternalServerError().body(format!("metrics: {error}\n")),
    }
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(body)
}
