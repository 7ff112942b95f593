//! `WatchContext`: what a list and a watch of one kind need.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;

use crate::inventory::ResourceKind;

use super::config::WatchConfig;
use super::entry::Entry;
use super::failure::WatchFailure;
use super::resource::resource;
use super::shared_inventory::SharedInventory;

/// The number of skipped objects that are logged, for a list and the watch after it.
const MAX_LOGGED_SKIPS: u64 = 10;

/// The client, the kind and where its objects are put.
pub(super) struct WatchContext {
    pub client: Client,
    pub inventory: Arc<SharedInventory>,
    pub kind: ResourceKind,
    pub config: WatchConfig,
}

impl WatchContext {
    /// Logs and counts a failure. Returns how long the API server asks to wait.
    pub fn record_failure(&self, verb: &str, failure: WatchFailure) -> Option<Duration> {
        let WatchFailure { reason, message, retry_after, code: _ } = failure;
        let error = format!("can't {verb} {}: {message}", resource(self.kind));
        tracing::warn!(reason = reason.as_str(), error, "list or watch failed, retrying");
        self.inventory.progress(self.kind).failed(reason, error);
        retry_after
    }

    /// Logs and counts what is skipped of an object.
    pub fn record_skips(&self, entry: &Entry) {
        let count = self.inventory.progress(self.kind).skipped(&entry.name, entry.is_skipped());
        if count.is_some_and(|count| count <= MAX_LOGGED_SKIPS) {
            let problem = entry.object.as_ref().err().or(entry.parts.first());
            let problem = problem.map(ToString::to_string);
            tracing::warn!(resource = resource(self.kind), name = ?entry.name, problem, "object skipped");
        }
    }
}
