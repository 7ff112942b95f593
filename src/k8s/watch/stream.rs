//! Watches, event by event, into the inventory.

use std::time::Instant;

use kube::core::Request;
use kube::core::params::WatchParams;

use super::ask::{ask, next_piece};
use super::entry::forget;
use super::failure::{Failure, Reason};
use super::feed::Feed;
use super::frame::Frame;
use super::lines::Lines;
use super::resource::path;
use super::version::went_back;

/// The largest event of a watch, in bytes.
const MAX_FRAME: usize = 8 * 1024 * 1024;

impl Feed {
    /// Watches from a version, which moves on with every event, until the API server ends it in order.
    /// Gives whether it said nothing at all.
    pub(super) async fn watch(&self, version: &mut String) -> Result<bool, Failure> {
        let params = WatchParams { timeout: Some(self.timing.watch_seconds()), bookmarks: true, ..Default::default() };
        let request = Request::new(path(self.kind)).watch(&params, version);
        let request = request.map_err(|error| Failure::caused(Reason::Rejected, &error))?;
        let mut body = ask(&self.client, &self.timing, request).await?;
        self.live.progress(self.kind).watch_opened(Instant::now());
        let mut was_silent = true;
        let mut lines = Lines::default();
        while let Some(piece) = next_piece(&mut body, &self.timing).await? {
            lines.push(piece.as_ref());
            while let Some(line) = lines.next_line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let frame = Frame::decode(self.kind, line);
                let frame = frame.map_err(|error| Failure::new(Reason::Garbage, error))?;
                self.apply(frame, version).await?;
                was_silent = false;
            }
            if lines.rest() > MAX_FRAME {
                return Err(Failure::new(Reason::Garbage, format!("a watch event of more than {MAX_FRAME} bytes")));
            }
        }
        if lines.rest() > 0 {
            // Were it whole, its line would have an end. The next watch brings it again.
            return Err(Failure::new(Reason::Disconnected, "the watch ended within an event"));
        }
        Ok(was_silent)
    }

    /// Takes an event up. The same one twice makes no difference; one that is older than what was seen
    /// says that the API server lost state, or doesn't keep its word.
    async fn apply(&self, frame: Frame, seen: &mut String) -> Result<(), Failure> {
        let version = match &frame {
            Frame::Error { code, status } => return Err(Failure::answered(*code, status.as_bytes())),
            Frame::Put { version, .. } | Frame::Gone { version, .. } | Frame::Bookmark { version } => version,
        };
        if went_back(version, seen) {
            return Err(Failure::expired(seen, version));
        }
        version.clone_into(seen);
        match frame {
            Frame::Put { entry, .. } => {
                self.note(&entry);
                self.live.write(|inventory| entry.put(self.kind, inventory)).await;
            }
            Frame::Gone { name, .. } => {
                self.live.progress(self.kind).left_out(&name, false);
                self.live.write(|inventory| forget(self.kind, &name, inventory)).await;
            }
            Frame::Bookmark { .. } | Frame::Error { .. } => {}
        }
        self.live.progress(self.kind).proved(Instant::now());
        Ok(())
    }
}
