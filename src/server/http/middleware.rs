//! The middleware of every request: what its connection does, the response counter, `Connection: close` while
//! draining, and 500 after a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use futures_util::FutureExt as _;

use crate::server::connection::phase::{Connection, Phase};
use crate::server::state::State;

use super::routes;

/// Records what the connection does, passes on the request, and counts the response.
pub(in crate::server) async fn track_and_count(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = routes::path_label(request.path());
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let connection = request.conn_data::<Arc<Connection>>().map(Arc::clone);
    if let Some(connection) = connection.as_ref().filter(|_| !routes::reads_body(path)) {
        connection.enter(Phase::Evaluating);
    }
    let response = catch_panic(&state, request, next).await;
    let closes = state.is_draining() || connection.as_ref().is_some_and(|connection| connection.is_evicted());
    let response = response.map(|mut response| {
        if closes {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    });
    let code = match &response {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    state.metrics.record_response(path, code.as_u16());
    response
}

/// A panic ends only its own request, with 500: kube-apiserver then applies the failurePolicy. The panic hook has
/// logged the location.
async fn catch_panic(
    state: &State,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if let Ok(response) = AssertUnwindSafe(next.call(request)).catch_unwind().await {
        return response.map(ServiceResponse::map_into_boxed_body);
    }
    state.metrics.record_panic();
    let response = HttpResponse::InternalServerError().force_close().body("internal error: see the log\n");
    Err(InternalError::from_response("panicked", response).into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};

    use super::*;
    use crate::server::{InventorySource, MinTlsVersion, Server, Settings, TlsSource};

    fn state() -> web::Data<State> {
        let folder = tempfile::TempDir::new().unwrap();
        let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = Settings {
            policy: write("policy.yaml", "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n"),
            tls: TlsSource::Files {
                cert: write("tls.crt", &generated.cert.pem()),
                key: write("tls.key", &generated.signing_key.serialize_pem()),
            },
            inventory: InventorySource::None,
            client_auth: None,
            listen: any,
            health_listen: any,
            min_tls_version: MinTlsVersion::V1_2,
            drain_delay: Duration::ZERO,
        };
        web::Data::from(Server::bind(&settings).unwrap().state)
    }

    async fn works() -> &'static str {
        "fine"
    }

    #[allow(clippy::unused_async, reason = "a handler")]
    async fn panics() -> &'static str {
        panic!("on purpose");
    }

    #[actix_web::test]
    async fn panic_returns_500_and_keeps_serving() {
        let state = state();
        let app = App::new().app_data(state.clone()).wrap(from_fn(track_and_count));
        let app = init_service(app.route("/works", web::get().to(works)).route("/panics", web::get().to(panics))).await;
        for _ in 0..3 {
            let request = TestRequest::get().uri("/panics").to_request();
            let error = actix_web::dev::Service::call(&app, request).await.err().unwrap();
            assert_eq!(error.as_response_error().status_code(), 500);
            let response = call_service(&app, TestRequest::get().uri("/works").to_request()).await;
            assert_eq!(response.status(), 200);
        }
        let metrics = state.metrics.encode(None, &[], &[], None).unwrap();
        assert!(metrics.contains("servicecidr_guard_panics_total 3\n"), "{metrics}");
    }

    #[actix_web::test]
    async fn livez_fails_when_a_task_exits() {
        let state = state();
        state.tasks.spawn("running task", std::future::pending());
        assert_eq!(state.tasks.finished(), [""; 0]);
        state.tasks.spawn("panicking task", async { panic!("on purpose") });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(state.tasks.finished(), ["panicking task"]);
        let app = init_service(App::new().configure(|app| routes::health(app, &state.clone().into_inner()))).await;
        let response = call_service(&app, TestRequest::get().uri("/livez").to_request()).await;
        assert_eq!(response.status(), 500);
        let body = actix_web::test::read_body(response).await;
        assert_eq!(body, "panicking task has ended\n");
    }
}
