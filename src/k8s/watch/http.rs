//! Requests to the API server, and responses within limits.

use http::header::RETRY_AFTER;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use std::time::Duration;
use tokio::time::timeout;

use super::config::WatchConfig;
use super::failure::{FailureReason, WatchFailure};

/// The largest page of a list, in bytes.
const MAX_PAGE: usize = 64 * 1024 * 1024;
/// The largest body of an error response that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// Sends a request. The body of a response that is not 2xx becomes part of the failure.
pub(super) async fn send(
    client: &Client,
    timing: &WatchConfig,
    request: Request<Vec<u8>>,
) -> Result<Body, WatchFailure> {
    let answer = timeout(timing.response_timeout, client.send(request.map(Body::from))).await;
    let answer = answer.map_err(|_| timed_out("no response", timing.response_timeout))?;
    let answer = answer.map_err(|error| WatchFailure::from_error(FailureReason::Unreachable, &error))?;
    let code = answer.status();
    if code.is_success() {
        return Ok(answer.into_body());
    }
    let retry_after = retry_after(answer.headers());
    // An unreadable body would only have added details.
    let body = timeout(timing.response_timeout, read(answer.into_body(), MAX_REFUSAL)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    Err(WatchFailure { retry_after, ..WatchFailure::from_status(code.as_u16(), &body) })
}

/// Fetches a page of a list.
pub(super) async fn fetch_page(
    client: &Client,
    timing: &WatchConfig,
    request: Request<Vec<u8>>,
) -> Result<Vec<u8>, WatchFailure> {
    let page = async { read(send(client, timing, request).await?, MAX_PAGE).await };
    timeout(timing.page_timeout, page).await.map_err(|_| timed_out("no complete page", timing.page_timeout))?
}

/// The next bytes of a watch; `None` at its end.
pub(super) async fn next_chunk(
    body: &mut Body,
    timing: &WatchConfig,
) -> Result<Option<impl AsRef<[u8]>>, WatchFailure> {
    let piece = timeout(timing.idle_timeout, body.frame()).await;
    let piece = piece.map_err(|_| timed_out("no event on the watch", timing.idle_timeout))?;
    let piece = piece.transpose().map_err(|error| WatchFailure::from_error(FailureReason::Disconnected, &error))?;
    Ok(piece.map(|piece| piece.into_data().unwrap_or_default()))
}

async fn read(mut body: Body, most: usize) -> Result<Vec<u8>, WatchFailure> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.frame().await {
        let piece = piece.map_err(|error| WatchFailure::from_error(FailureReason::Disconnected, &error))?;
        bytes.extend_from_slice(&piece.into_data().unwrap_or_default());
        if bytes.len() > most {
            return Err(WatchFailure::new(
                FailureReason::InvalidResponse,
                format!("a response of more than {most} bytes"),
            ));
        }
    }
    Ok(bytes)
}

fn timed_out(what: &str, after: Duration) -> WatchFailure {
    WatchFailure::new(FailureReason::TimedOut, format!("{what} within {} s", after.as_secs_f32()))
}

/// The value in seconds: kube-apiserver sends no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
