//! `ProbeClient`: sends one request and checks the response.

use std::error::Error;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::Value;
use thiserror::Error;

use crate::cli::exit::Exit;

/// An update of `kubernetes` that keeps its CIDRs.
const REVIEW: &str = include_str!("../../../../examples/embedded/update-kubernetes-review.json");
/// The largest response that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;
/// The number of characters of an unexpected response that are shown.
const MAX_SHOWN_CHARS: usize = 200;

/// Why a probe fails.
#[derive(Debug, Error)]
pub(super) enum ProbeError {
    /// There is no connection or no response.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The response is unexpected.
    #[error("{0}")]
    Unexpected(String),
}

/// Sends requests to one server.
pub(super) struct ProbeClient {
    client: Client,
    timeout: Duration,
}

impl ProbeClient {
    /// A client for the server of a URL. The server's certificate must be signed by one of the CAs and be for the
    /// name. Runs in a tokio runtime.
    pub fn new(
        url: &Uri,
        ca: Option<Vec<Vec<u8>>>,
        server_name: Option<String>,
        timeout: Duration,
    ) -> Result<Self, Exit> {
        let is_default = ca.is_none();
        let unusable = |error: &(dyn Error + 'static)| {
            let failure = Exit::input(format!("no client for {url}: {}", root_cause(error)));
            if is_default { failure.with_hint("--ca FILE names the CA of its certificate") } else { failure }
        };
        let mut parts = url.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let mut config = Config::new(Uri::from_parts(parts).map_err(|error| unusable(&error))?);
        config.root_cert = ca;
        config.tls_server_name = server_name;
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| unusable(&error))?;
        Ok(Self { client, timeout })
    }

    /// Checks that a review which every policy allows is allowed.
    pub async fn review(&self, path: &str) -> Result<(), ProbeError> {
        let mut review: Value =
            serde_json::from_str(REVIEW).map_err(|error| ProbeError::Unexpected(error.to_string()))?;
        if let Some(dry_run) = review.pointer_mut("/request/dryRun") {
            *dry_run = Value::Bool(true);
        }
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let body = self.send(request.body(Body::from(review.to_string().into_bytes()))).await?;
        let response: Value =
            serde_json::from_str(&body).map_err(|error| unexpected(&format!("not JSON: {error}"), &body))?;
        let is = |field, value: &str| response.pointer(field).is_some_and(|found| found == value);
        if !is("/apiVersion", "admission.k8s.io/v1") || !is("/kind", "AdmissionReview") {
            Err(unexpected("not an AdmissionReview of admission.k8s.io/v1", &body))
        } else if response.pointer("/response/uid") != review.pointer("/request/uid") {
            Err(unexpected("the uid differs from that of the request", &body))
        } else if response.pointer("/response/allowed") != Some(&Value::Bool(true)) {
            Err(unexpected("not allowed", &body))
        } else {
            Ok(())
        }
    }

    /// Checks that a path responds with 200.
    pub async fn is_ok(&self, path: &str) -> Result<(), ProbeError> {
        self.send(Request::get(path).body(Body::empty())).await.map(drop)
    }

    /// Checks that the metrics are those of this program.
    pub async fn metrics(&self) -> Result<(), ProbeError> {
        let body = self.send(Request::get("/metrics").body(Body::empty())).await?;
        if body.lines().any(|line| line.starts_with("servicecidr_guard_build_info{")) {
            Ok(())
        } else {
            Err(unexpected("no servicecidr_guard_build_info", &body))
        }
    }

    /// The body of a response, whose status must be 200.
    async fn send(&self, request: http::Result<Request<Body>>) -> Result<String, ProbeError> {
        let request = request.map_err(|error| ProbeError::Unexpected(error.to_string()))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| classify(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect().await;
            let body =
                body.map_err(|error| ProbeError::Unexpected(format!("the response: {}", root_cause(&*error))))?;
            Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        let result = tokio::time::timeout(self.timeout, exchange).await;
        let (status, body) = result.unwrap_or_else(|_| {
            Err(ProbeError::Unreachable(format!("no response within {} s", self.timeout.as_secs())))
        })?;
        if status == StatusCode::OK { Ok(body) } else { Err(unexpected(status.as_str(), &body)) }
    }
}

/// An unexpected response: its beginning, on one line.
fn unexpected(what: &str, body: &str) -> ProbeError {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().filter(|character| !character.is_control()).take(MAX_SHOWN_CHARS).collect();
    ProbeError::Unexpected(if shown.is_empty() { what.to_owned() } else { format!("{what}: {shown}") })
}

/// Why there is no response: the certificate is not valid, or the connection fails.
fn classify(error: &(dyn Error + 'static)) -> ProbeError {
    match chain(error).find_map(tls) {
        Some(error) => ProbeError::Unexpected(format!("TLS: {error}")),
        None => ProbeError::Unreachable(root_cause(error)),
    }
}

/// The error of TLS, which may be inside an I/O error that doesn't name it as its source.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let within = |io: &'a std::io::Error| tls(io.get_ref()?);
    error.downcast_ref().or_else(|| error.downcast_ref().and_then(within))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The last cause in a chain: the message of the system.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
