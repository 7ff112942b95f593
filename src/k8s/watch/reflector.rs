//! `Reflector`: the loop that follows one kind: a list, page by page, then watches.
//!
//! Each turn is one request. It leaves a place from which the next one goes on, or a failure, after
//! which there is a pause.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;

use crate::inventory::ResourceKind;

use super::config::WatchConfig;
use super::entry::Entry;
use super::failure::WatchFailure;
use super::list::ListState;
use super::resource::resource;
use super::shared_inventory::SharedInventory;

/// How many objects that are left out are logged, of a list and what follows it.
const MAX_LOGGED_SKIPS: u64 = 10;

/// What follows one kind.
pub(super) struct Reflector {
    pub client: Client,
    pub live: Arc<SharedInventory>,
    pub kind: ResourceKind,
    pub timing: WatchConfig,
}

/// Where the next turn goes on.
pub(super) enum WatchState {
    /// Nowhere: a list is to begin.
    Init,
    /// With the next page of a list.
    Listing(ListState),
    /// With a watch from a resourceVersion.
    Watching(String),
    /// With a look at whether the API server is still as far as this resourceVersion: a watch from it
    /// ended without a word, not even a bookmark. So it is when etcd was restored from a backup.
    Verifying(String),
}

impl WatchState {
    fn verb(&self) -> &'static str {
        match self {
            Self::Init | Self::Listing(_) | Self::Verifying(_) => "list",
            Self::Watching(_) => "watch",
        }
    }
}

impl Reflector {
    /// Follows the kind until it is cancelled.
    pub async fn follow(&self) -> Infallible {
        self.live.progress(self.kind).is_wanted = true;
        let (mut place, mut failures) = (WatchState::Init, 0);
        loop {
            let (began, verb) = (Instant::now(), place.verb());
            let outcome = self.step(&mut place).await;
            let is_watch = verb == "watch";
            let is_healthy = is_watch && began.elapsed() >= self.timing.stable_after;
            if is_healthy {
                failures = 0;
            }
            let asked = match outcome {
                Ok(()) if is_healthy || !is_watch => continue,
                // One that is closed at once, again and again, must not be opened at once.
                Ok(()) => None,
                Err(failure) => {
                    if !failure.reason.can_resume() {
                        place = WatchState::Init;
                    }
                    self.failed(verb, failure)
                }
            };
            failures += 1;
            tokio::time::sleep(self.timing.pause(failures, jitter(), asked)).await;
        }
    }

    async fn step(&self, place: &mut WatchState) -> Result<(), WatchFailure> {
        match place {
            WatchState::Init => *place = self.begin_list().await?,
            WatchState::Listing(listing) => {
                if let Some(next) = self.next_page(listing).await? {
                    *place = next;
                }
            }
            WatchState::Watching(version) => {
                let was_silent = self.watch(version).await?;
                if was_silent {
                    *place = WatchState::Verifying(std::mem::take(version));
                }
            }
            WatchState::Verifying(version) => {
                self.check(version).await?;
                *place = WatchState::Watching(std::mem::take(version));
            }
        }
        Ok(())
    }

    /// Takes a failure down. Gives how long the API server asks to wait.
    fn failed(&self, verb: &str, failure: WatchFailure) -> Option<Duration> {
        let WatchFailure { reason, message, retry_after } = failure;
        let error = format!("can't {verb} {}: {message}", resource(self.kind));
        tracing::warn!(reason = reason.as_str(), error, "trying again");
        self.live.progress(self.kind).failed(reason, error);
        retry_after
    }

    /// Takes down what is left out of an object.
    pub(super) fn note(&self, entry: &Entry) {
        let count = self.live.progress(self.kind).left_out(&entry.name, entry.is_left_out());
        if count.is_some_and(|count| count <= MAX_LOGGED_SKIPS) {
            let problem = entry.object.as_ref().err().or(entry.parts.first());
            let problem = problem.map(ToString::to_string);
            tracing::warn!(resource = resource(self.kind), name = ?entry.name, problem, "left out");
        }
    }
}

/// A number that nobody else draws.
fn jitter() -> u16 {
    let [a, b, ..] = RandomState::new().hash_one(0_u8).to_le_bytes();
    u16::from_le_bytes([a, b])
}
