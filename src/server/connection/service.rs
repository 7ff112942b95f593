//! What happens to an accepted connection: it gets a place, completes its handshake, and is served until it ends or is
//! evicted.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_web::rt::net::TcpStream;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::handshake_queue::HandshakeQueue;
use super::phase::Phase;
use super::pool::{CloseReason, ConnectionPool, OpenConnection};
use super::tracked_stream::TrackedStream;

/// How long a ClientHello may take while there is much room.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a ClientHello may take when there is no room. Longer than a round trip with one retransmission.
const MIN_HELLO_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a TLS handshake may take after its ClientHello.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A stream and the address of its client, as the HTTP service takes it.
type Incoming<S> = (TrackedStream<S>, Option<SocketAddr>);

/// Serves TLS connections with an HTTP service.
pub(in crate::server) fn tls<F>(
    pool: Arc<ConnectionPool>,
    config: Arc<ServerConfig>,
    http: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
where
    F: ServiceFactory<Incoming<TlsStream<TcpStream>>, Config = (), InitError = ()>,
    F::Service: 'static,
    F::Future: 'static,
{
    fn_factory(move || {
        let (pool, config, service) = (Arc::clone(&pool), Arc::clone(&config), http.new_service(()));
        async move {
            let (http, queue) = (Rc::new(service.await?), HandshakeQueue::default());
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let (pool, config, http) = (Arc::clone(&pool), Arc::clone(&config), Rc::clone(&http));
                let queue = queue.clone();
                async move {
                    let Ok(address) = prepare(&stream) else { return Ok::<(), ()>(()) };
                    let Some(connection) = pool.admit(address.ip(), Phase::Hello) else { return Ok(()) };
                    let serve = async {
                        let stream = Box::pin(handshake(stream, &connection, &pool, &queue, config)).await?;
                        connection.enter(Phase::Idle);
                        let stream = TrackedStream::new(stream, Arc::clone(&connection));
                        let _ = Box::pin(http.call((stream, Some(address)))).await;
                        Some(())
                    };
                    connection.run(Box::pin(serve)).await;
                    Ok(())
                }
            }))
        }
    })
}

/// Serves connections without TLS.
pub(in crate::server) fn plain<F>(
    pool: Arc<ConnectionPool>,
    http: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
where
    F: ServiceFactory<Incoming<TcpStream>, Config = (), InitError = ()>,
    F::Service: 'static,
    F::Future: 'static,
{
    fn_factory(move || {
        let (pool, service) = (Arc::clone(&pool), http.new_service(()));
        async move {
            let http = Rc::new(service.await?);
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let (pool, http) = (Arc::clone(&pool), Rc::clone(&http));
                async move {
                    let Ok(address) = prepare(&stream) else { return Ok::<(), ()>(()) };
                    let Some(connection) = pool.admit(address.ip(), Phase::Idle) else { return Ok(()) };
                    let stream = TrackedStream::new(stream, Arc::clone(&connection));
                    let serve = Box::pin(http.call((stream, Some(address))));
                    let _ = connection.run(serve).await;
                    Ok(())
                }
            }))
        }
    })
}

/// Returns the address of the client. A response is sent at once, and not together with a later one.
fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    stream.peer_addr()
}

/// Completes a TLS handshake. Only a complete ClientHello gets a turn.
async fn handshake(
    stream: TcpStream,
    connection: &OpenConnection,
    pool: &ConnectionPool,
    queue: &HandshakeQueue,
    config: Arc<ServerConfig>,
) -> Option<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let deadline = Instant::now() + hello_timeout(pool.percent_free());
    let start = within(deadline, hello, connection, CloseReason::HelloTimeout).await?;
    connection.enter(Phase::Queued);
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let Ok(turn) = timeout_at(deadline, queue.turn(connection.source)).await else {
        connection.record_closed(CloseReason::HandshakeTimeout);
        return None;
    };
    // Requests that have arrived in the meantime are first: otherwise many new connections take most of the CPU time, and
    // open connections wait.
    yield_now().await;
    connection.enter(Phase::Handshake);
    let mut accept = std::pin::pin!(start.into_stream(config));
    // The first poll signs: it takes most of the CPU time of a handshake. The rest waits for the client.
    let first = poll_fn(|context| Poll::Ready(accept.as_mut().poll(context))).await;
    drop(turn);
    let accepted = async {
        match first {
            Poll::Ready(result) => result,
            Poll::Pending => accept.await,
        }
    };
    within(deadline, accepted, connection, CloseReason::HandshakeTimeout).await
}

async fn within<T>(
    deadline: Instant,
    step: impl Future<Output = io::Result<T>>,
    connection: &OpenConnection,
    timeout: CloseReason,
) -> Option<T> {
    let reason = match timeout_at(deadline, step).await {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(_)) => CloseReason::HandshakeFailed,
        Err(_) => timeout,
    };
    connection.record_closed(reason);
    None
}

/// How long a ClientHello may take. Shorter while less than half of the places are free.
fn hello_timeout(percent_free: u32) -> Duration {
    (HELLO_TIMEOUT * percent_free.min(50) / 50).max(MIN_HELLO_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_timeout_shrinks_as_places_fill() {
        for (free, milliseconds) in [(100, 5000), (50, 5000), (40, 4000), (25, 2500), (10, 1500), (0, 1500)] {
            assert_eq!(hello_timeout(free), Duration::from_millis(milliseconds), "{free}");
        }
    }
}
