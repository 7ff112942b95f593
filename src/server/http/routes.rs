//! Which handler serves which path, on both ports.

use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, guard};

use crate::server::state::State;

use super::{admission, health, page, report};

/// The path in the ValidatingWebhookConfiguration.
const VALIDATE: &str = "/validate";
const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";
const HEALTHZ: &str = "/healthz";
const METRICS: &str = "/metrics";
const REPORT: &str = "/report";
const PAGE: &str = "/";
const PREVIEW: &str = "/preview";

/// The port of kube-apiserver: HTTPS.
pub(in crate::server) fn webhook(app: &mut ServiceConfig, state: &Arc<State>) {
    configure(app, state);
    app.service(only(VALIDATE, Method::POST, web::post().to(admission::validate)));
}

/// The port of the kubelet and of Prometheus: plain HTTP.
pub(in crate::server) fn health(app: &mut ServiceConfig, state: &Arc<State>) {
    configure(app, state);
    app.service(only(LIVEZ, Method::GET, web::get().to(health::livez)));
    app.service(only(READYZ, Method::GET, web::get().to(health::readyz)));
    app.service(only(HEALTHZ, Method::GET, web::get().to(health::readyz)));
    let is_page = guard::fn_guard(|context| context.head().uri.query() == Some("view=page"));
    let page_data = web::get().guard(is_page).to(page::page_data);
    app.service(only(REPORT, Method::GET, page_data).route(web::get().to(report::report)));
    app.service(only(PAGE, Method::GET, web::get().to(page::page)));
    app.service(only(PREVIEW, Method::GET, web::get().to(page::preview)));
    app.service(only(METRICS, Method::GET, web::get().to(report::metrics)));
}

/// The `path` label of metrics: a known path, or `other`.
pub(super) fn path_label(path: &str) -> &'static str {
    let observed = [VALIDATE, LIVEZ, READYZ, HEALTHZ, METRICS, REPORT, PAGE, PREVIEW];
    observed.into_iter().find(|observed| *observed == path).unwrap_or("other")
}

/// Whether the handler of a path reads a body, and records itself when it is complete.
pub(super) fn reads_body(path: &str) -> bool {
    path == VALIDATE
}

fn configure(app: &mut ServiceConfig, state: &Arc<State>) {
    app.app_data(web::Data::from(Arc::clone(state)));
    app.default_service(web::to(|| async { HttpResponse::NotFound().body("no such path\n") }));
}

/// A path that accepts one method; another method gets 405.
fn only(path: &'static str, method: Method, route: actix_web::Route) -> Resource {
    let not_allowed = move || {
        let method = method.clone();
        async move {
            HttpResponse::MethodNotAllowed()
                .insert_header((header::ALLOW, method.as_str()))
                .body(format!("{path} answers {method} only\n"))
        }
    };
    web::resource(path).route(route).default_service(web::to(not_allowed))
}
