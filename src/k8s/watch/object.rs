//! `NamedObject`: one object of the API server, which is read, watched and patched by its name. It needs no permission
//! to list.

use std::convert::Infallible;
use std::time::Instant;

use http::Request;
use http::header::CONTENT_TYPE;
use kube::Client;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch::Sender;

use super::config::WatchConfig;
use super::failure::{FailureReason, Status, WatchFailure};
use super::http::{fetch_page, next_chunk, send};
use super::lines::Lines;
use super::resource_version::is_older;

/// The largest event of a watch, in bytes: a Secret has at most 1 MiB.
const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// An object of the API server with a name.
#[derive(Clone)]
pub struct NamedObject {
    /// The client.
    pub client: Client,
    /// The path of its kind, such as `/api/v1/namespaces/default/secrets`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Timeouts and backoff.
    pub config: WatchConfig,
}

/// What is known of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Observed<T> {
    /// It was not read yet.
    #[default]
    Unread,
    /// It doesn't exist.
    Missing,
    /// Its last known state.
    Present(T),
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectError {
    /// The reason.
    pub reason: FailureReason,
    /// Whether the object has changed since it was read.
    pub is_conflict: bool,
    /// The message.
    pub message: String,
}

/// How a patch is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// Objects are merged, lists are replaced.
    Merge,
    /// Lists are merged by the key that the API declares.
    Strategic,
}

/// The fields of every object that the watch needs.
#[derive(Deserialize)]
struct Head {
    metadata: HeadMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMetadata {
    resource_version: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

impl NamedObject {
    /// The manager of fields that a patch sets.
    pub const FIELD_MANAGER: &str = "servicecidr-guard";

    /// Reads the object; `None` if it doesn't exist.
    ///
    /// # Errors
    /// If the API server doesn't answer, rejects the request, or the object can't be parsed.
    pub async fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, ObjectError> {
        match self.read().await {
            Ok(object) => Ok(Some(parse(object)?)),
            Err(failure) if failure.reason == FailureReason::NotFound => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Patches the object, and returns its new state. The patch should contain the resourceVersion of the state that
    /// it is based on.
    ///
    /// # Errors
    /// If the object has changed or doesn't exist, if the API server rejects the patch, or doesn't answer.
    pub async fn patch<T: DeserializeOwned>(&self, kind: PatchType, patch: &Value) -> Result<T, ObjectError> {
        let content_type = match kind {
            PatchType::Merge => "application/merge-patch+json",
            PatchType::Strategic => "application/strategic-merge-patch+json",
        };
        let uri = format!("{}/{}?fieldManager={}", self.path, self.name, Self::FIELD_MANAGER);
        let request = Request::patch(uri).header(CONTENT_TYPE, content_type).body(patch.to_string().into_bytes());
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        let bytes = fetch_page(&self.client, &self.config, request).await?;
        Ok(parse(serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?)?)
    }

    /// Keeps `state` up to date until it is cancelled. `failed` is called with each failure.
    pub async fn follow<T: DeserializeOwned>(
        &self,
        state: &Sender<Observed<T>>,
        mut failed: impl FnMut(&ObjectError),
    ) -> Infallible {
        let (mut version, mut failures) = (None, 0);
        loop {
            let (began, is_watch) = (Instant::now(), version.is_some());
            let outcome = match &mut version {
                None => self.begin(state).await.map(|found| version = found),
                Some(version) => self.watch(version, state).await,
            };
            let is_healthy = is_watch && began.elapsed() >= self.config.stable_after;
            let retry_after = match outcome {
                Ok(()) if is_healthy || (!is_watch && version.is_some()) => {
                    failures = 0;
                    continue;
                }
                // The object doesn't exist, and no version is known to watch from; or the watch ended immediately.
                Ok(()) => None,
                Err(failure) => {
                    if !failure.reason.can_resume() || failure.reason == FailureReason::NotFound {
                        version = None;
                    }
                    let retry_after = failure.retry_after;
                    failed(&failure.into());
                    retry_after
                }
            };
            failures = if is_healthy { 1 } else { failures + 1 };
            tokio::time::sleep(self.config.random_pause(failures, retry_after)).await;
        }
    }

    /// Reads the object. Returns its resourceVersion, or `None` if it doesn't exist.
    async fn begin<T: DeserializeOwned>(&self, state: &Sender<Observed<T>>) -> Result<Option<String>, WatchFailure> {
        let object = match self.read().await {
            Ok(object) => object,
            Err(failure) if failure.reason == FailureReason::NotFound => {
                state.send_replace(Observed::Missing);
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let version = version(&object)?;
        state.send_replace(Observed::Present(parse(object)?));
        Ok(Some(version))
    }

    async fn read(&self) -> Result<Value, WatchFailure> {
        let request = Request::get(format!("{}/{}", self.path, self.name)).body(Vec::new());
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        let bytes = fetch_page(&self.client, &self.config, request).await?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))
    }

    /// Watches the object from a resourceVersion, which advances with every event, until the API server ends the watch.
    async fn watch<T: DeserializeOwned>(
        &self,
        version: &mut String,
        state: &Sender<Observed<T>>,
    ) -> Result<(), WatchFailure> {
        let mut body = send(&self.client, &self.config, self.watch_request(version)?).await?;
        let mut lines = Lines::default();
        while let Some(chunk) = next_chunk(&mut body, &self.config).await? {
            lines.push(chunk.as_ref());
            while let Some(line) = lines.next_line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let event: Event = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
                apply(event, version, state)?;
            }
            if lines.rest() > MAX_EVENT_BYTES {
                let problem = format!("a watch event of more than {MAX_EVENT_BYTES} bytes");
                return Err(WatchFailure::new(FailureReason::InvalidResponse, problem));
            }
        }
        Ok(())
    }

    fn watch_request(&self, version: &str) -> Result<Request<Vec<u8>>, WatchFailure> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let uri = format!(
            "{}?watch=1&allowWatchBookmarks=true&fieldSelector={}&resourceVersion={}&timeoutSeconds={}",
            self.path,
            encoded(&format!("metadata.name={}", self.name)),
            encoded(version),
            self.config.watch_seconds()
        );
        let request = Request::get(uri).body(Vec::new());
        request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))
    }
}

fn apply<T: DeserializeOwned>(
    event: Event,
    seen: &mut String,
    state: &Sender<Observed<T>>,
) -> Result<(), WatchFailure> {
    if event.kind == "ERROR" {
        let status: Status = serde_json::from_value(event.object).unwrap_or_default();
        return Err(WatchFailure::new(FailureReason::from_status_code(status.code), status.message));
    }
    let version = version(&event.object)?;
    if is_older(&version, seen) {
        return Err(WatchFailure::expired(seen, &version));
    }
    *seen = version;
    match &*event.kind {
        "ADDED" | "MODIFIED" => state.send_replace(Observed::Present(parse(event.object)?)),
        "DELETED" => state.send_replace(Observed::Missing),
        _ => return Ok(()),
    };
    Ok(())
}

fn version(object: &Value) -> Result<String, WatchFailure> {
    let head = Head::deserialize(object).map_err(|error| unreadable(&error))?;
    Ok(head.metadata.resource_version)
}

fn parse<T: DeserializeOwned>(object: Value) -> Result<T, WatchFailure> {
    serde_json::from_value(object).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> WatchFailure {
    WatchFailure::new(FailureReason::InvalidResponse, format!("a response can't be parsed: {error}"))
}

impl From<WatchFailure> for ObjectError {
    fn from(failure: WatchFailure) -> Self {
        Self { reason: failure.reason, is_conflict: failure.code == Some(409), message: failure.message }
    }
}
