//! `POST /validate`: bytes to review, review to verdict, verdict to answer; a log line and the
//! counts beside it.

use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use tracing::{info, warn};

use crate::k8s::{AdmissionOutcome, RequestError, Review, respond};
use crate::policy::{ChangePreview, Request, Verdict, evaluate, preview_if_enabled};

use super::State;
use super::body;
use super::metrics::Decision;

pub(super) async fn validate(state: web::Data<State>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match body::read(&request, payload, &state.budget).await {
        Ok(body) => body,
        Err(refused) => {
            warn!(%refused, "a body that isn't read");
            return refused.answer();
        }
    };
    let began = Instant::now();
    let in_flight = state.metrics.review_begins();
    let review = match Review::parse(&body.bytes) {
        Ok(review) => review,
        Err(error) => {
            warn!(%error, bytes = body.bytes.len(), "not an AdmissionReview");
            return HttpResponse::BadRequest().content_type(ContentType::plaintext()).body(format!("{error}\n"));
        }
    };
    let judged = review.request().map(|request| {
        let (verdict, outlook) = state.knowledge.ask(|known| {
            // Not before: what is known holds what this policy declares.
            let policy = state.policy.load();
            let verdict = evaluate(&policy, known, &request);
            let outlook = preview_if_enabled(&policy, known, &request, &verdict);
            (verdict, outlook)
        });
        (request, verdict, outlook)
    });
    let answer = match &judged {
        Ok((request, verdict, outlook)) => {
            respond(&review, Ok(AdmissionOutcome { name: &request.change.name, verdict, outlook: outlook.as_ref() }))
        }
        Err(refusal) => respond(&review, Err(refusal)),
    };
    record(&state, &review, &judged, began);
    drop(in_flight);
    HttpResponse::Ok().json(answer)
}

type Judged = (Request, Verdict, Option<ChangePreview>);

fn record(state: &State, review: &Review<'_>, judged: &Result<Judged, RequestError>, began: Instant) {
    let duration = began.elapsed();
    let seconds = duration.as_secs_f64();
    match judged {
        Ok((request, verdict, _)) => {
            let decision = if verdict.allows() { Decision::Allow } else { Decision::Deny };
            let violations: Vec<String> = verdict
                .findings
                .iter()
                .map(|finding| format!("{}: {}", finding.violation.rule().as_str(), finding.violation))
                .collect();
            state.metrics.reviewed(Some(request.change.operation), decision, request.dry_run, duration);
            state.metrics.found(verdict);
            info!(
                uid = review.uid(),
                operation = %request.change.operation,
                name = request.change.name,
                user = request.requester,
                dry_run = request.dry_run,
                decision = decision.name(),
                exemption = verdict.exemption.map(crate::policy::Exemption::id),
                violations = (!violations.is_empty()).then(|| violations.join("; ")),
                seconds,
                "review"
            );
        }
        Err(refusal) => {
            state.metrics.reviewed(None, Decision::Error, false, duration);
            warn!(uid = review.uid(), decision = Decision::Error.name(), error = %refusal, seconds, "review refused");
        }
    }
}
