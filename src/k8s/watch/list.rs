//! Lists, page by page, into the inventory.

use std::time::Instant;

use kube::core::Request;
use kube::core::params::ListParams;

use super::entry::Entry;
use super::failure::{FailureReason, WatchFailure};
use super::http::fetch_page;
use super::page::{Items, Page};
use super::reflector::{Reflector, WatchState};
use super::resource::{path, resource};
use super::resource_version::is_older;

/// How many objects are put in with one lock: some 50 us.
const ENTRIES_PER_WRITE: usize = 32;

/// A list that is under way.
pub(super) struct ListState {
    began: Instant,
    /// The resourceVersion of its first page: those of the others are no older.
    version: String,
    /// With what its next page is asked for.
    next: String,
}

impl Reflector {
    /// Reads the first page of a list. From the newest state on: no resourceVersion is asked for.
    pub(super) async fn begin_list(&self) -> Result<WatchState, WatchFailure> {
        let began = Instant::now();
        let bytes = self.get_page(self.timing.page_size, None).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        self.live.write(|inventory| inventory.begin_relist(self.kind)).await;
        self.live.progress(self.kind).list_began();
        let Page { version, next, remaining, items } = page;
        self.take(items, remaining).await;
        match next {
            Some(next) => Ok(WatchState::Listing(ListState { began, version, next })),
            None => Ok(self.end_list(began, version).await),
        }
    }

    /// Reads the next page. Gives where to go on, if not with the one after it.
    pub(super) async fn next_page(&self, listing: &mut ListState) -> Result<Option<WatchState>, WatchFailure> {
        let bytes = self.get_page(self.timing.page_size, Some(&listing.next)).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        self.take(page.items, page.remaining).await;
        match page.next {
            Some(next) => {
                listing.next = next;
                Ok(None)
            }
            None => Ok(Some(self.end_list(listing.began, std::mem::take(&mut listing.version)).await)),
        }
    }

    /// Whether the API server is still as far as it was.
    pub(super) async fn check(&self, version: &str) -> Result<(), WatchFailure> {
        let bytes = self.get_page(1, None).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        if is_older(&page.version, version) {
            return Err(WatchFailure::expired(version, &page.version));
        }
        self.live.progress(self.kind).proved(Instant::now());
        Ok(())
    }

    async fn get_page(&self, size: u32, next: Option<&str>) -> Result<Vec<u8>, WatchFailure> {
        let mut params = ListParams::default().limit(size);
        params.continue_token = next.map(str::to_owned);
        let request = Request::new(path(self.kind)).list(&params);
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        fetch_page(&self.client, &self.timing, request).await
    }

    /// Takes the objects of a page up, few at a time: others read in between.
    async fn take(&self, items: Items<'_>, remaining: Option<u64>) {
        let count = items.len();
        let mut entries = items.entries(self.kind.as_str());
        loop {
            let batch: Vec<Entry> = entries.by_ref().take(ENTRIES_PER_WRITE).collect();
            if batch.is_empty() {
                break;
            }
            for entry in &batch {
                self.note(entry);
            }
            let put = |inventory: &mut _| batch.into_iter().for_each(|entry| entry.put(self.kind, inventory));
            self.live.write(put).await;
        }
        self.live.progress(self.kind).page_read(count, remaining);
    }

    async fn end_list(&self, began: Instant, version: String) -> WatchState {
        self.live.sweep(self.kind).await;
        let mut progress = self.live.progress(self.kind);
        progress.list_ended(began);
        drop(progress);
        let status = self.live.status(self.kind);
        tracing::info!(
            resource = resource(self.kind),
            objects = status.objects,
            left_out = status.left_out,
            seconds = began.elapsed().as_secs_f32(),
            "listed"
        );
        WatchState::Watching(version)
    }
}
