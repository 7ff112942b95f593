//! The body of a review: its type, size and duration are checked before and while it is read.

use std::fmt;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt as _;
use kube::core::Duration as GoDuration;

use crate::server::connection::phase::Connection;
use crate::server::state::State;

use super::body_memory::{Permit, is_small};

/// The largest body: kube-apiserver accepts objects of up to 3 MiB and sends two of them.
const MAX_BODY_BYTES: usize = 7 * 1024 * 1024;
/// How long a body may take, from the end of the request head.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the rest of a rejected body is read and discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_millis(50);
/// How long to wait for the memory of evicted connections.
const EVICTION_TIMEOUT: Duration = Duration::from_millis(250);
const EVICTION_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How much earlier than the timeout of kube-apiserver the server responds.
const TIMEOUT_HEADROOM: Duration = Duration::from_millis(100);

/// A body with its memory permit.
pub(super) struct Body<'a> {
    pub bytes: Bytes,
    _permit: Permit<'a>,
}

/// Why a body is rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The Content-Type isn't JSON.
    MediaType,
    /// The body is compressed.
    Encoding,
    /// The body is larger than `MAX_BODY_BYTES`.
    TooLarge,
    /// The body isn't complete within this time.
    TooSlow(Duration),
    /// The memory limit for bodies is reached.
    MemoryLimit,
    /// The body ends early, or its framing is invalid.
    Broken(String),
}

/// Reads a body within its limits. The rest of a rejected body is discarded for a short time, so that the client
/// reads the response before the connection closes.
pub(super) async fn read<'a>(
    request: &HttpRequest,
    mut payload: Payload,
    state: &'a State,
    connection: Option<&Connection>,
) -> Result<Body<'a>, BodyError> {
    let body = read_within_limits(request, &mut payload, state, connection).await;
    if let Some(connection) = connection {
        connection.set_body(0);
    }
    if body.is_err() {
        let rest = async { while payload.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
        let _ = tokio::time::timeout(DISCARD_TIMEOUT, rest).await;
    }
    body
}

async fn read_within_limits<'a>(
    request: &HttpRequest,
    payload: &mut Payload,
    state: &'a State,
    connection: Option<&Connection>,
) -> Result<Body<'a>, BodyError> {
    let timeout = body_timeout(request.query_string());
    let deadline = Instant::now() + timeout;
    let length = content_length(request)?;
    let mut permit = state.body_memory.permit();
    let mut bytes = BytesMut::with_capacity(length.min(64 * 1024));
    loop {
        let next = tokio::time::timeout_at(deadline.into(), payload.next()).await;
        match next.map_err(|_| BodyError::TooSlow(timeout))? {
            None => return Ok(Body { bytes: bytes.freeze(), _permit: permit }),
            Some(Err(error)) => return Err(BodyError::Broken(error.to_string())),
            Some(Ok(chunk)) => {
                let size = bytes.len() + chunk.len();
                if size > MAX_BODY_BYTES {
                    return Err(BodyError::TooLarge);
                }
                if let Some(connection) = connection {
                    connection.set_body(size);
                }
                if permit.grow(size).is_err() {
                    grow_by_eviction(&mut permit, size, state, connection).await?;
                }
                bytes.extend_from_slice(&chunk);
            }
        }
    }
}

/// The memory limit is reached: closes connections whose source uses more of it, and waits until their memory is free.
async fn grow_by_eviction(
    permit: &mut Permit<'_>,
    size: usize,
    state: &State,
    connection: Option<&Connection>,
) -> Result<(), BodyError> {
    let is_small = is_small(size);
    let evict =
        |connection| state.webhook_connections.evict_body(connection, |bytes| self::is_small(bytes) == is_small);
    let deadline = Instant::now() + EVICTION_TIMEOUT;
    while Instant::now() < deadline && connection.is_some_and(evict) {
        tokio::time::sleep(EVICTION_POLL_INTERVAL).await;
        if permit.grow(size).is_ok() {
            return Ok(());
        }
    }
    Err(BodyError::MemoryLimit)
}

/// Checks the headers of the body. Returns its announced length in bytes, 0 if there is none.
fn content_length(request: &HttpRequest) -> Result<usize, BodyError> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").trim());
    let media_type = header(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(BodyError::MediaType);
    }
    if header(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(BodyError::Encoding);
    }
    let length = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    match usize::try_from(length) {
        Ok(length) if length <= MAX_BODY_BYTES => Ok(length),
        _ => Err(BodyError::TooLarge),
    }
}

/// How long a body may take: five seconds, or less if the timeout of kube-apiserver (`?timeout=3s`) is shorter.
/// An invalid duration is ignored.
fn body_timeout(query: &str) -> Duration {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("timeout="));
    let duration = value.and_then(|text| text.parse::<GoDuration>().ok()).filter(|duration| !duration.is_negative());
    let timeout = duration.map(Duration::from).filter(|timeout| !timeout.is_zero());
    timeout.map_or(BODY_TIMEOUT, |timeout| timeout.saturating_sub(TIMEOUT_HEADROOM).min(BODY_TIMEOUT))
}

impl BodyError {
    /// The response. It closes the connection, because the rest of the body isn't read.
    pub fn response(&self) -> HttpResponse {
        let status = match self {
            Self::MediaType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::MemoryLimit => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        };
        let mut response = HttpResponseBuilder::new(status);
        if *self == Self::MemoryLimit {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        response.force_close().body(format!("{self}\n"))
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType => write!(f, "Content-Type is not application/json"),
            Self::Encoding => write!(f, "Content-Encoding is not identity: kube-apiserver sends bodies as they are"),
            Self::TooLarge => write!(f, "body: larger than {MAX_BODY_BYTES} bytes"),
            Self::TooSlow(timeout) => write!(f, "body: not complete within {} ms", timeout.as_millis()),
            Self::MemoryLimit => write!(f, "request body memory limit reached, retry later"),
            Self::Broken(problem) => write!(f, "body: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_timeout_honours_query_and_cap() {
        for (query, milliseconds) in [
            ("", 5000),
            ("timeout=1s", 900),
            ("a=b&timeout=2500ms", 2400),
            ("timeout=5s", 4900),
            ("timeout=30s", 5000),
            ("timeout=50ms", 0),
            ("timeout=0s", 5000),
            ("timeout=-3s", 5000),
            ("timeout=soon", 5000),
            ("timeout=", 5000),
            ("timeouts=1s", 5000),
        ] {
            assert_eq!(body_timeout(query), Duration::from_millis(milliseconds), "{query}");
        }
    }
}
