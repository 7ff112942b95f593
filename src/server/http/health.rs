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

/// Ready: the ServiceCIDRs are read, unless there is no inventory; and with managed certificates, kube-apiserver trusts
/// the certificate. Policy and certificate files are loaded before the server starts. `?verbose` lists all checks.
pub(super) async fn readyz(state: web::Data<State>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    if state.is_draining() {
        return text(HttpResponse::ServiceUnavailable(), "shutting down\n");
    }
    let is_verbose = query.iter().any(|(key, _)| key == "verbose");
    let checks = checks(&state);
    let is_ready = checks.iter().all(|(_, result)| result.is_ok());
    let lines = checks.into_iter().map(|(name, result)| match result {
        Ok(details) if details.is_empty() => format!("[+]{name} ok\n"),
        Ok(details) => format!("[+]{name} ok: {details}\n"),
        Err(problem) => format!("[-]{name} failed: {problem}\n"),
    });
    let lines: String = lines.collect();
    match is_ready {
        true if !is_verbose => text(HttpResponse::Ok(), "ok\n"),
        true => text(HttpResponse::Ok(), &format!("{lines}readyz check passed\n")),
        false => text(HttpResponse::ServiceUnavailable(), &format!("{lines}readyz check failed\n")),
    }
}

/// Each check with details, or with the problem.
fn checks(state: &State) -> Vec<(&'static str, Result<String, String>)> {
    let rules = state.policy.load().rules().into_iter().map(RuleId::as_str).collect::<Vec<_>>().join(", ");
    let certificate: Vec<_> = match &state.managed_tls {
        None => vec![("certificate", Ok(String::new()))],
        Some(managed) => {
            let steps = managed.snapshot().steps.into_iter();
            steps.map(|(step, problem)| (step.as_str(), problem.map_or(Ok(String::new()), Err))).collect()
        }
    };
    let inventory = match state.inventory.service_cidrs() {
        SyncState::Syncing(progress) => Err(progress),
        SyncState::Absent => Ok("none".to_owned()),
        SyncState::Synced => Ok(String::new()),
    };
    [("policy", Ok(rules))].into_iter().chain(certificate).chain([("inventory", inventory)]).collect()
}

fn text(mut response: HttpResponseBuilder, body: &str) -> HttpResponse {
    response.content_type("text/plain; charset=utf-8").body(body.to_owned())
}
