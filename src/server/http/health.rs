//! `GET /livez` and `GET /readyz`.

use actix_web::{HttpResponse, HttpResponseBuilder, web};

use crate::policy::RuleId;
use crate::server::inventory_backend::SyncState;
use crate::server::state::State;

/// Alive: no background task has ended.
pub(super) async fn livez(state: web::Data<State>) -> HttpResponse {
    match state.tasks.finished()[..] {
        [] => text(HttpResponse::Ok(), "ok\n"),
        [first, ..] => HttpResponse::InternalServerError().body(format!("{first} has ended\n")),
    }
}

/// Ready: the ServiceCIDRs are read, unless there is no inventory. Policy and certificate are loaded before the
/// server starts. `?verbose` lists all checks.
pub(super) async fn readyz(state: web::Data<State>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    if state.is_draining() {
        return text(HttpResponse::ServiceUnavailable(), "shutting down\n");
    }
    let is_verbose = query.iter().any(|(key, _)| key == "verbose");
    let rules = state.policy.load().rules().into_iter().map(RuleId::as_str).collect::<Vec<_>>().join(", ");
    let checks = |inventory: &str, result: &str| {
        format!("[+]policy ok: {rules}\n[+]certificate ok\n{inventory}\nreadyz check {result}\n")
    };
    match state.inventory.service_cidrs() {
        SyncState::Syncing(progress) => {
            let body = checks(&format!("[-]inventory failed: {progress}"), "failed");
            text(HttpResponse::ServiceUnavailable(), &body)
        }
        SyncState::Absent | SyncState::Synced if !is_verbose => text(HttpResponse::Ok(), "ok\n"),
        SyncState::Absent => text(HttpResponse::Ok(), &checks("[+]inventory ok: none", "passed")),
        SyncState::Synced => text(HttpResponse::Ok(), &checks("[+]inventory ok", "passed")),
    }
}

fn text(mut response: HttpResponseBuilder, body: &str) -> HttpResponse {
    response.content_type("text/plain; charset=utf-8").body(body.to_owned())
}
