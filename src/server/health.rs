//! `/livez`, `/readyz` and `/metrics`.

use actix_web::{HttpResponse, web};

use super::State;

/// Alive: it answers.
pub(super) async fn livez() -> HttpResponse {
    text("ok\n".to_owned())
}

/// Ready: policy and certificate are in force, without which it would not have started.
/// `?verbose` names them.
pub(super) async fn readyz(state: web::Data<State>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    if !query.iter().any(|(key, _)| key == "verbose") {
        return text("ok\n".to_owned());
    }
    let policy = state.policy.load();
    let rules =
        [policy.deny_all.as_ref().map(|_| "deny-all"), policy.allowed_ranges.as_ref().map(|_| "allowed-ranges")];
    let rules: Vec<&str> = rules.into_iter().flatten().collect();
    text(format!("[+]policy ok: {}\n[+]certificate ok\nreadyz check passed\n", rules.join(", ")))
}

/// Everything that is counted, in the OpenMetrics text format.
pub(super) async fn metrics(state: web::Data<State>) -> HttpResponse {
    match state.metrics.encode() {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(error) => HttpResponse::InternalServerError().body(format!("metrics: {error}\n")),
    }
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(body)
}
