//! The body of a review: its type, its size and its pace are judged before and while it is read.

use std::fmt;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt as _;
use kube::core::Duration as GoDuration;

use super::budget::{Budget, Share};

/// The largest body that is read: kube-apiserver takes objects of up to 3 MiB and sends two of them.
const MAX_BODY_BYTES: usize = 7 * 1024 * 1024;
/// How long a body may take, from the end of its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long what is left of a refused body is read.
const MOMENT: Duration = Duration::from_millis(50);
/// How much earlier than kube-apiserver stops to wait an answer is given.
const MARGIN: Duration = Duration::from_millis(100);

/// A body, and the share of the budget that it takes until it is dropped.
pub(super) struct Body {
    pub bytes: Bytes,
    _share: Share,
}

/// Why a body isn't read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It isn't JSON.
    MediaType,
    /// It is compressed.
    Encoding,
    /// It is larger than 7 MiB.
    TooLarge,
    /// It takes too long.
    TooSlow(Duration),
    /// Too much is being read already.
    Busy,
    /// It breaks off, or its framing is wrong.
    Broken(String),
}

/// Reads a body, up to its limits. Of one that is refused, what comes within a moment is thrown away, so
/// that its sender gets to read why.
pub(super) async fn read(request: &HttpRequest, mut payload: Payload, budget: &Budget) -> Result<Body, Refused> {
    let body = within_limits(request, &mut payload, budget).await;
    if body.is_err() {
        let rest = async { while payload.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
        let _ = tokio::time::timeout(MOMENT, rest).await;
    }
    body
}

async fn within_limits(request: &HttpRequest, payload: &mut Payload, budget: &Budget) -> Result<Body, Refused> {
    let allowed = time_allowed(request.query_string());
    let deadline = Instant::now() + allowed;
    let announced = announced(request)?;
    let mut share = budget.share();
    let mut bytes = BytesMut::with_capacity(announced.min(64 * 1024));
    loop {
        let next = tokio::time::timeout_at(deadline.into(), payload.next()).await;
        match next.map_err(|_| Refused::TooSlow(allowed))? {
            None => return Ok(Body { bytes: bytes.freeze(), _share: share }),
            Some(Err(error)) => return Err(Refused::Broken(error.to_string())),
            Some(Ok(chunk)) => {
                let size = bytes.len() + chunk.len();
                if size > MAX_BODY_BYTES {
                    return Err(Refused::TooLarge);
                }
                share.grow(size).map_err(|_| Refused::Busy)?;
                bytes.extend_from_slice(&chunk);
            }
        }
    }
}

/// What the head says of the body: how large it will be, 0 where it doesn't say.
fn announced(request: &HttpRequest) -> Result<usize, Refused> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").trim());
    let media_type = header(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refused::MediaType);
    }
    if header(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Refused::Encoding);
    }
    let length = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    match usize::try_from(length) {
        Ok(length) if length <= MAX_BODY_BYTES => Ok(length),
        _ => Err(Refused::TooLarge),
    }
}

/// How long a body may take: five seconds, and less where kube-apiserver waits less (`?timeout=3s`).
/// What is no duration is ignored.
fn time_allowed(query: &str) -> Duration {
    let waits = query.split('&').find_map(|pair| pair.strip_prefix("timeout="));
    let waits = waits.and_then(|text| text.parse::<GoDuration>().ok()).filter(|waits| !waits.is_negative());
    let waits = waits.map(Duration::from).filter(|waits| !waits.is_zero());
    waits.map_or(BODY_TIMEOUT, |waits| waits.saturating_sub(MARGIN).min(BODY_TIMEOUT))
}

impl Refused {
    /// The answer. What is left of the body isn't read, so that the connection ends.
    pub fn answer(&self) -> HttpResponse {
        let status = match self {
            Self::MediaType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        };
        let mut answer = HttpResponseBuilder::new(status);
        if *self == Self::Busy {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        answer.force_close().body(format!("{self}\n"))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType => write!(f, "Content-Type is not application/json"),
            Self::Encoding => write!(f, "Content-Encoding is not identity: kube-apiserver sends bodies as they are"),
            Self::TooLarge => write!(f, "body: larger than {MAX_BODY_BYTES} bytes"),
            Self::TooSlow(allowed) => write!(f, "body: not whole within {} ms", allowed.as_millis()),
            Self::Busy => write!(f, "too many bytes of other requests are being read: try again"),
            Self::Broken(problem) => write!(f, "body: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_as_long_as_kube_apiserver_waits_and_five_seconds_at_most() {
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
            assert_eq!(time_allowed(query), Duration::from_millis(milliseconds), "{query}");
        }
    }
}
