//! `Asker`: one question, and whether its answer is as it should be.

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

/// A change of `kubernetes` that leaves its CIDRs as they were.
const REVIEW: &str = include_str!("../../../../examples/embedded/update-kubernetes-review.json");
/// The largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How much of an answer that isn't as it should be is shown.
const SHOWN: usize = 200;

/// What is wrong.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// Nobody answers.
    #[error("no connection: {0}")]
    Unreached(String),
    /// An answer isn't as it should be.
    #[error("{0}")]
    Wrong(String),
}

/// Asks one server.
pub(super) struct Asker {
    client: Client,
    timeout: Duration,
}

impl Asker {
    /// For the server of a URL. Its certificate must be of one of the CAs and for the name. To be called in a
    /// tokio runtime.
    pub fn new(
        url: &Uri,
        ca: Option<Vec<Vec<u8>>>,
        server_name: Option<String>,
        timeout: Duration,
    ) -> Result<Self, Exit> {
        let is_default = ca.is_none();
        let unusable = |error: &(dyn Error + 'static)| {
            let failure = Exit::input(format!("no client for {url}: {}", deepest(error)));
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

    /// Whether a review that every policy lets through is let through.
    pub async fn review(&self, path: &str) -> Result<(), Fault> {
        let mut review: Value = serde_json::from_str(REVIEW).map_err(|error| Fault::Wrong(error.to_string()))?;
        if let Some(dry_run) = review.pointer_mut("/request/dryRun") {
            *dry_run = Value::Bool(true);
        }
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let body = self.ask(request.body(Body::from(review.to_string().into_bytes()))).await?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| wrong(&format!("not JSON: {error}"), &body))?;
        let is = |field, value: &str| answer.pointer(field).is_some_and(|found| found == value);
        if !is("/apiVersion", "admission.k8s.io/v1") || !is("/kind", "AdmissionReview") {
            Err(wrong("not an AdmissionReview of admission.k8s.io/v1", &body))
        } else if answer.pointer("/response/uid") != review.pointer("/request/uid") {
            Err(wrong("the uid differs from that of the request", &body))
        } else if answer.pointer("/response/allowed") != Some(&Value::Bool(true)) {
            Err(wrong("not allowed", &body))
        } else {
            Ok(())
        }
    }

    /// Whether a path is answered with 200.
    pub async fn is_ok(&self, path: &str) -> Result<(), Fault> {
        self.ask(Request::get(path).body(Body::empty())).await.map(drop)
    }

    /// Whether the metrics are those of this program.
    pub async fn metrics(&self) -> Result<(), Fault> {
        let body = self.ask(Request::get("/metrics").body(Body::empty())).await?;
        if body.lines().any(|line| line.starts_with("servicecidr_guard_build_info{")) {
            Ok(())
        } else {
            Err(wrong("no servicecidr_guard_build_info", &body))
        }
    }

    /// The body of an answer, whose status must be 200.
    async fn ask(&self, request: http::Result<Request<Body>>) -> Result<String, Fault> {
        let request = request.map_err(|error| Fault::Wrong(error.to_string()))?;
        let asked = async {
            let answer = self.client.send(request).await.map_err(|error| failed(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| Fault::Wrong(format!("the response: {}", deepest(&*error))))?;
            Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        let waited = tokio::time::timeout(self.timeout, asked).await;
        let (status, body) = waited
            .unwrap_or_else(|_| Err(Fault::Unreached(format!("no response within {} s", self.timeout.as_secs()))))?;
        if status == StatusCode::OK { Ok(body) } else { Err(wrong(status.as_str(), &body)) }
    }
}

/// An answer that isn't as it should be, with its beginning, on one line.
fn wrong(what: &str, body: &str) -> Fault {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().filter(|character| !character.is_control()).take(SHOWN).collect();
    Fault::Wrong(if shown.is_empty() { what.to_owned() } else { format!("{what}: {shown}") })
}

/// Why there is no answer: the server shows no good certificate, or there is none.
fn failed(error: &(dyn Error + 'static)) -> Fault {
    match chain(error).find_map(tls) {
        Some(said) => Fault::Wrong(format!("TLS: {said}")),
        None => Fault::Unreached(deepest(error)),
    }
}

/// What TLS says, of itself or within errors of I/O, which don't name it as their source.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let within = |io: &'a std::io::Error| tls(io.get_ref()?);
    error.downcast_ref().or_else(|| error.downcast_ref().and_then(within))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The last of the causes: what the system says.
fn deepest(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
