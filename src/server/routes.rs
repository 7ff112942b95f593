//! Which path answers what, on both ports, and the count of all answers.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, HttpResponse, Resource};

use super::{State, admission, health};

/// The path that the ValidatingWebhookConfiguration names.
const VALIDATE: &str = "/validate";
const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";
const HEALTHZ: &str = "/healthz";
const METRICS: &str = "/metrics";
const REPORT: &str = "/report";

/// The port of kube-apiserver: HTTPS.
pub(super) fn webhook(app: &mut ServiceConfig, state: &Arc<State>) {
    answers(app, state);
    app.app_data(web::PayloadConfig::new(admission::MAX_BODY_BYTES));
    app.service(only(VALIDATE, Method::POST, web::post().to(admission::validate)));
}

/// The port of the kubelet and of Prometheus: plain HTTP.
pub(super) fn health(app: &mut ServiceConfig, state: &Arc<State>) {
    answers(app, state);
    app.service(only(LIVEZ, Method::GET, web::get().to(health::livez)));
    app.service(only(READYZ, Method::GET, web::get().to(health::readyz)));
    app.service(only(HEALTHZ, Method::GET, web::get().to(health::readyz)));
    app.service(only(REPORT, Method::GET, web::get().to(health::report)));
    app.service(only(METRICS, Method::GET, web::get().to(health::metrics)));
}

/// Counts every answer, errors too.
pub(super) async fn counted(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let known = [VALIDATE, LIVEZ, READYZ, HEALTHZ, METRICS, REPORT];
    let path = known.into_iter().find(|known| *known == request.path()).unwrap_or("other");
    let state = request.app_data::<web::Data<State>>().cloned();
    let answer = next.call(request).await;
    let code = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if let Some(state) = state {
        state.metrics.answered(path, code.as_u16());
    }
    answer
}

fn answers(app: &mut ServiceConfig, state: &Arc<State>) {
    app.app_data(web::Data::from(Arc::clone(state)));
    app.default_service(web::to(|| async { HttpResponse::NotFound().body("no such path\n") }));
}

/// A path that answers one method; another is told which.
fn only(path: &'static str, method: Method, route: actix_web::Route) -> Resource {
    let refusal = move || {
        let method = method.clone();
        async move {
            HttpResponse::MethodNotAllowed()
                .insert_header((header::ALLOW, method.as_str()))
                .body(format!("{path} answers {method} only\n"))
        }
    };
    web::resource(path).route(route).default_service(web::to(refusal))
}
