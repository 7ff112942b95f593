//! `service`: the HTTP service of a port, for connections that already have a place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::server::connection::tracked_stream::TrackedStream;
use crate::server::state::State;

use super::middleware::track_and_count;

/// How long a client may take to send the request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/1.1 with the routes of a port.
pub(in crate::server) fn service<S>(
    state: &Arc<State>,
    routes: fn(&mut ServiceConfig, &Arc<State>),
    keep_alive: Duration,
    shutdown: GracefulShutdownSignal,
) -> impl ServiceFactory<
    (TrackedStream<S>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
    Service: 'static,
    Future: 'static,
> + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let app = App::new().wrap(from_fn(track_and_count)).configure(|app| routes(app, state));
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let shutdown = shutdown.clone();
            async move { shutdown.notified().await }
        })
        .keep_alive(keep_alive)
        .client_request_timeout(HEAD_TIMEOUT)
        // Close connections immediately: actix would read on while the client sends, and block the thread
        // (docs/decisions/0007-a-refused-body-is-cut-off.md).
        .client_disconnect_timeout(Duration::ZERO)
        .on_connect_ext(|stream: &TrackedStream<S>, extensions| {
            extensions.insert(Arc::clone(stream.connection()));
        })
        .h1(map_config(app.into_factory().map_err(|error| error.error_response()), |()| AppConfig::default()))
}
