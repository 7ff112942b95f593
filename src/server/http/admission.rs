//! `POST /validate`: reads a review, decides, responds, logs one line and counts.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use tracing::{info, warn};

use crate::k8s::{AdmissionOutcome, RequestError, Review, respond};
use crate::policy::{ChangePreview, Request, Verdict, evaluate, preview_if_enabled};

use crate::server::connection::phase::{Connection, Phase};
use crate::server::metrics::Decision;
use crate::server::state::State;

use super::body;

pub(super) async fn validate(state: web::Data<State>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let connection = request.conn_data::<Arc<Connection>>().map(Arc::clone);
    let read = body::read(&request, payload, &state, connection.as_deref()).await;
    if let Some(connection) = &connection {
        connection.enter(Phase::Evaluating);
    }
    let body = match read {
        Ok(body) => body,
        Err(error) => {
            warn!(%error, "request body rejected");
            return error.response();
        }
    };
    let began = Instant::now();
    let in_flight = state.metrics.begin_review();
    let review = match Review::parse(&body.bytes) {
        Ok(review) => review,
        Err(error) => {
            warn!(%error, bytes = body.bytes.len(), "not an AdmissionReview");
            return HttpResponse::BadRequest().content_type(ContentType::plaintext()).body(format!("{error}\n"));
        }
    };
    let evaluated = review.request().map(|request| {
        let (verdict, preview) = state.inventory.with_inventory(|observed| {
            // Loaded under the inventory's lock, which contains the declarations of this policy.
            let policy = state.policy.load();
            let verdict = evaluate(&policy, observed, &request);
            let preview = preview_if_enabled(&policy, observed, &request, &verdict);
            (verdict, preview)
        });
        (request, verdict, preview)
    });
    let response = match &evaluated {
        Ok((request, verdict, preview)) => {
            respond(&review, Ok(AdmissionOutcome { name: &request.change.name, verdict, preview: preview.as_ref() }))
        }
        Err(error) => respond(&review, Err(error)),
    };
    record(&state, &review, &evaluated, began);
    drop(in_flight);
    HttpResponse::Ok().json(response)
}

type Evaluated = (Request, Verdict, Option<ChangePreview>);

fn record(state: &State, review: &Review<'_>, evaluated: &Result<Evaluated, RequestError>, began: Instant) {
    let duration = began.elapsed();
    let seconds = duration.as_secs_f64();
    match evaluated {
        Ok((request, verdict, _)) => {
            let decision = if verdict.allows() { Decision::Allow } else { Decision::Deny };
            let violations: Vec<String> = verdict
                .findings
                .iter()
                .map(|finding| format!("{}: {}", finding.violation.rule().as_str(), finding.violation))
                .collect();
            state.metrics.record_review(Some(request.change.operation), decision, request.dry_run, duration);
            state.metrics.record_findings(verdict);
            info!(
                uid = review.uid(),
                operation = %request.change.operation,
                name = request.change.name,
                user = request.requester,
                dry_run = request.dry_run,
                decision = decision.as_str(),
                exemption = verdict.exemption.map(crate::policy::Exemption::id),
                violations = (!violations.is_empty()).then(|| violations.join("; ")),
                seconds,
                "review"
            );
        }
        Err(error) => {
            state.metrics.record_review(None, Decision::Error, false, duration);
            warn!(uid = review.uid(), decision = Decision::Error.as_str(), %error, seconds, "review rejected");
        }
    }
}
