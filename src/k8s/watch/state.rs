//! `WatchState`: where the next step of a reflector continues.

use std::time::Instant;

/// Where the next step continues.
pub(super) enum WatchState {
    /// Nowhere: a list is to begin.
    Init,
    /// With the next page of a list.
    Listing(ListState),
    /// With a watch from a resourceVersion.
    Watching(String),
    /// With a check that the API server's state is not older than this resourceVersion: a watch from it ended without
    /// any event or bookmark. This happens after etcd was restored from a backup.
    Verifying(String),
}

/// A list in progress.
pub(super) struct ListState {
    /// When its first page was requested.
    pub began: Instant,
    /// The resourceVersion of its first page. Those of the other pages are not older.
    pub version: String,
    /// The `continue` token of its next page.
    pub next: String,
}

impl WatchState {
    /// The verb of the next request.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Init | Self::Listing(_) | Self::Verifying(_) => "list",
            Self::Watching(_) => "watch",
        }
    }
}
