//! What every request passes: the count of answers, the cap on connections, the end of the connection while
//! draining, and a panic that stays its own.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{ConnectionType, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use futures_util::FutureExt as _;

use super::{State, routes};

/// How many connections are served at once. kube-apiserver opens a few.
pub(super) const MAX_CONNECTIONS: usize = 1024;

/// The open connections of the webhook's port.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<AtomicUsize>);

/// One of them, counted for as long as it lives.
struct Connection {
    connections: Connections,
    /// Its place when it was opened, from 1.
    place: usize,
}

impl Connections {
    /// Counts a connection. To be called when it is opened.
    pub fn open(&self, _stream: &dyn Any, extensions: &mut Extensions) {
        let place = self.0.fetch_add(1, Ordering::AcqRel) + 1;
        extensions.insert(Arc::new(Connection { connections: self.clone(), place }));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Passes a request on.
pub(super) async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = routes::known(request.path());
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let place = request.conn_data::<Arc<Connection>>().map_or(0, |connection| connection.place);
    let answer = if place > MAX_CONNECTIONS {
        let busy = HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "1"))
            .force_close()
            .body(format!("{MAX_CONNECTIONS} connections are open already: try again\n"));
        Ok(request.into_response(busy))
    } else {
        isolated(&state, request, next).await
    };
    let answer = answer.map(|mut response| {
        if state.is_draining() {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    });
    let code = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    state.metrics.answered(path, code.as_u16());
    answer
}

/// A panic ends its own request alone, with 500: kube-apiserver then goes by the failurePolicy. Where it
/// happened, the panic hook has said.
async fn isolated(
    state: &State,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if let Ok(answer) = AssertUnwindSafe(next.call(request)).catch_unwind().await {
        return answer.map(ServiceResponse::map_into_boxed_body);
    }
    state.metrics.panicked();
    let answer = HttpResponse::InternalServerError().force_close().body("internal error: see the log\n");
    Err(InternalError::from_response("panicked", answer).into())
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
    use crate::server::{InventorySource, MinTlsVersion, Server, Settings};

    fn state() -> web::Data<State> {
        let folder = tempfile::TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = Settings {
            policy: write("policy.yaml", "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n"),
            tls_cert: write("tls.crt", &made.cert.pem()),
            tls_key: write("tls.key", &made.signing_key.serialize_pem()),
            inventory: InventorySource::None,
            clients: None,
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
        panic!("by design");
    }

    #[actix_web::test]
    async fn a_panic_is_answered_500_and_the_next_request_as_ever() {
        let state = state();
        let app = App::new().app_data(state.clone()).wrap(from_fn(guarded));
        let app = init_service(app.route("/works", web::get().to(works)).route("/panics", web::get().to(panics))).await;
        for _ in 0..3 {
            let request = TestRequest::get().uri("/panics").to_request();
            let error = actix_web::dev::Service::call(&app, request).await.err().unwrap();
            assert_eq!(error.as_response_error().status_code(), 500);
            let answer = call_service(&app, TestRequest::get().uri("/works").to_request()).await;
            assert_eq!(answer.status(), 200);
        }
        let metrics = state.metrics.encode(None, &[]).unwrap();
        assert!(metrics.contains("servicecidr_guard_panics_total 3\n"), "{metrics}");
    }

    #[actix_web::test]
    async fn what_ends_in_the_background_is_not_alive() {
        let state = state();
        state.tasks.spawn("a task that goes on", std::future::pending());
        assert_eq!(state.tasks.dead(), [""; 0]);
        state.tasks.spawn("a task that panics", async { panic!("by design") });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(state.tasks.dead(), ["a task that panics"]);
        let app = init_service(App::new().configure(|app| routes::health(app, &state.clone().into_inner()))).await;
        let answer = call_service(&app, TestRequest::get().uri("/livez").to_request()).await;
        assert_eq!(answer.status(), 500);
        let body = actix_web::test::read_body(answer).await;
        assert_eq!(body, "a task that panics has ended\n");
    }
}
