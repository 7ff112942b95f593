//! Which path answers what, on both ports, and the count of all answers.

use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use super::{State, admission, health, page};

/// The path that the ValidatingWebhookConfiguration names.
const VALIDATE: &str = "/validate";
const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";
const HEALTHZ: &str = "/healthz";
const METRICS: &str = "/metrics";
const REPORT: &str = "/report";
const PAGE: &str = "/";
const FORECAST: &str = "/preview";

/// The port of kube-apiserver: HTTPS.
pub(super) fn webhook(app: &mut ServiceConfig, state: &Arc<State>) {
    answers(app, state);
    app.service(only(VALIDATE, Method::POST, web::post().to(admission::validate)));
}

/// The port of the kubelet and of Prometheus: plain HTTP.
pub(super) fn health(app: &mut ServiceConfig, state: &Arc<State>) {
    answers(app, state);
    app.service(only(LIVEZ, Method::GET, web::get().to(health::livez)));
    app.service(only(READYZ, Method::GET, web::get().to(health::readyz)));
    app.service(only(HEALTHZ, Method::GET, web::get().to(health::readyz)));
    app.service(only(REPORT, Method::GET, web::get().to(health::report)));
    app.service(only(PAGE, Method::GET, web::get().to(page::page)));
    app.service(only(FORECAST, Method::GET, web::get().to(page::forecast)));
    app.service(only(METRICS, Method::GET, web::get().to(health::metrics)));
}

/// A path that is answered, or `other`: what metrics call it.
pub(super) fn known(path: &str) -> &'static str {
    let known = [VALIDATE, LIVEZ, READYZ, HEALTHZ, METRICS, REPORT, PAGE, FORECAST];
    known.into_iter().find(|known| *known == path).unwrap_or("other")
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
