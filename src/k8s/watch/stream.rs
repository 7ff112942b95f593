//! Watches, event by event, into the inventory.

use std::time::Instant;

use kube::core::Request;
use kube::core::params::WatchParams;

use super::context::WatchContext;
use super::entry::forget;
use super::event::WatchEvent;
use super::failure::{FailureReason, WatchFailure};
use super::http::{next_chunk, send};
use super::lines::Lines;
use super::resource::path;
use super::resource_version::is_older;

/// The largest event of a watch, in bytes.
const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

impl WatchContext {
    /// Watches from a resourceVersion, which advances with every event, until the API server ends the watch. Returns
    /// whether it sent nothing at all.
    pub(super) async fn watch(&self, version: &mut String) -> Result<bool, WatchFailure> {
        let params = WatchParams { timeout: Some(self.config.watch_seconds()), bookmarks: true, ..Default::default() };
        let request = Request::new(path(self.kind)).watch(&params, version);
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        let mut body = send(&self.client, &self.config, request).await?;
        self.inventory.progress(self.kind).watch_opened(Instant::now());
        let mut was_silent = true;
        let mut lines = Lines::default();
        while let Some(piece) = next_chunk(&mut body, &self.config).await? {
            lines.push(piece.as_ref());
            while let Some(line) = lines.next_line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let event = WatchEvent::decode(self.kind, line);
                let event = event.map_err(|error| WatchFailure::new(FailureReason::InvalidResponse, error))?;
                self.apply(event, version).await?;
                was_silent = false;
            }
            if lines.rest() > MAX_EVENT_BYTES {
                return Err(WatchFailure::new(
                    FailureReason::InvalidResponse,
                    format!("a watch event of more than {MAX_EVENT_BYTES} bytes"),
                ));
            }
        }
        if lines.rest() > 0 {
            // A complete event ends with a newline. The next watch sends it again.
            return Err(WatchFailure::new(FailureReason::Disconnected, "the watch ended within an event"));
        }
        Ok(was_silent)
    }

    /// Applies an event. The same event twice makes no difference. An event that is older than the previous one means
    /// that the API server has lost state.
    async fn apply(&self, event: WatchEvent, seen: &mut String) -> Result<(), WatchFailure> {
        let version = match &event {
            WatchEvent::Error { code, status } => return Err(WatchFailure::from_status(*code, status.as_bytes())),
            WatchEvent::Applied { version, .. }
            | WatchEvent::Deleted { version, .. }
            | WatchEvent::Bookmark { version } => version,
        };
        if is_older(version, seen) {
            return Err(WatchFailure::expired(seen, version));
        }
        version.clone_into(seen);
        match event {
            WatchEvent::Applied { entry, .. } => {
                self.record_skips(&entry);
                self.inventory.write(|inventory| entry.put(self.kind, inventory)).await;
            }
            WatchEvent::Deleted { name, .. } => {
                self.inventory.progress(self.kind).left_out(&name, false);
                self.inventory.write(|inventory| forget(self.kind, &name, inventory)).await;
            }
            WatchEvent::Bookmark { .. } | WatchEvent::Error { .. } => {}
        }
        self.inventory.progress(self.kind).proved(Instant::now());
        Ok(())
    }
}
