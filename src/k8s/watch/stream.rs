//! Watches, event by event, into the inventory.

use std::time::Instant;

use kube::core::Request;
use kube::core::params::WatchParams;

use super::entry::forget;
use super::event::WatchEvent;
use super::failure::{FailureReason, WatchFailure};
use super::http::{next_chunk, send};
use super::lines::Lines;
use super::reflector::Reflector;
use super::resource::path;
use super::resource_version::is_older;

/// The largest event of a watch, in bytes.
const MAX_FRAME: usize = 8 * 1024 * 1024;

impl Reflector {
    /// Watches from a version, which moves on with every event, until the API server ends it in order.
    /// Gives whether it said nothing at all.
    pub(super) async fn watch(&self, version: &mut String) -> Result<bool, WatchFailure> {
        let params = WatchParams { timeout: Some(self.timing.watch_seconds()), bookmarks: true, ..Default::default() };
        let request = Request::new(path(self.kind)).watch(&params, version);
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        let mut body = send(&self.client, &self.timing, request).await?;
        self.live.progress(self.kind).watch_opened(Instant::now());
        let mut was_silent = true;
        let mut lines = Lines::default();
        while let Some(piece) = next_chunk(&mut body, &self.timing).await? {
            lines.push(piece.as_ref());
            while let Some(line) = lines.next_line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let frame = WatchEvent::decode(self.kind, line);
                let frame = frame.map_err(|error| WatchFailure::new(FailureReason::InvalidResponse, error))?;
                self.apply(frame, version).await?;
                was_silent = false;
            }
            if lines.rest() > MAX_FRAME {
                return Err(WatchFailure::new(
                    FailureReason::InvalidResponse,
                    format!("a watch event of more than {MAX_FRAME} bytes"),
                ));
            }
        }
        if lines.rest() > 0 {
            // Were it whole, its line would have an end. The next watch brings it again.
            return Err(WatchFailure::new(FailureReason::Disconnected, "the watch ended within an event"));
        }
        Ok(was_silent)
    }

    /// Takes an event up. The same one twice makes no difference; one that is older than what was seen
    /// says that the API server lost state, or doesn't keep its word.
    async fn apply(&self, frame: WatchEvent, seen: &mut String) -> Result<(), WatchFailure> {
        let version = match &frame {
            WatchEvent::Error { code, status } => return Err(WatchFailure::from_status(*code, status.as_bytes())),
            WatchEvent::Applied { version, .. }
            | WatchEvent::Deleted { version, .. }
            | WatchEvent::Bookmark { version } => version,
        };
        if is_older(version, seen) {
            return Err(WatchFailure::expired(seen, version));
        }
        version.clone_into(seen);
        match frame {
            WatchEvent::Applied { entry, .. } => {
                self.note(&entry);
                self.live.write(|inventory| entry.put(self.kind, inventory)).await;
            }
            WatchEvent::Deleted { name, .. } => {
                self.live.progress(self.kind).left_out(&name, false);
                self.live.write(|inventory| forget(self.kind, &name, inventory)).await;
            }
            WatchEvent::Bookmark { .. } | WatchEvent::Error { .. } => {}
        }
        self.live.progress(self.kind).proved(Instant::now());
        Ok(())
    }
}
