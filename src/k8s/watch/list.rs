//! Lists, page by page, into the inventory.

use std::time::Instant;

use kube::core::Request;
use kube::core::params::ListParams;

use super::context::WatchContext;
use super::entry::Entry;
use super::failure::{FailureReason, WatchFailure};
use super::http::fetch_page;
use super::page::{Items, Page};
use super::resource::{path, resource};
use super::resource_version::is_older;
use super::state::{ListState, WatchState};

/// The number of objects that are put in under one lock: about 50 us.
const ENTRIES_PER_WRITE: usize = 32;

impl WatchContext {
    /// Reads the first page of a list of the newest state: no resourceVersion is requested.
    pub(super) async fn begin_list(&self) -> Result<WatchState, WatchFailure> {
        let began = Instant::now();
        let bytes = self.get_page(self.config.page_size, None).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        self.inventory.write(|inventory| inventory.begin_relist(self.kind)).await;
        self.inventory.progress(self.kind).list_began();
        let Page { version, next, remaining, items } = page;
        self.put_page(items, remaining).await;
        match next {
            Some(next) => Ok(WatchState::Listing(ListState { began, version, next })),
            None => Ok(self.end_list(began, version).await),
        }
    }

    /// Reads the next page. Returns the next state after the last page.
    pub(super) async fn next_page(&self, listing: &mut ListState) -> Result<Option<WatchState>, WatchFailure> {
        let bytes = self.get_page(self.config.page_size, Some(&listing.next)).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        self.put_page(page.items, page.remaining).await;
        match page.next {
            Some(next) => {
                listing.next = next;
                Ok(None)
            }
            None => Ok(Some(self.end_list(listing.began, std::mem::take(&mut listing.version)).await)),
        }
    }

    /// Fails if the API server's state is older than this resourceVersion.
    pub(super) async fn verify(&self, version: &str) -> Result<(), WatchFailure> {
        let bytes = self.get_page(1, None).await?;
        let page = Page::decode(self.kind.as_str(), &bytes)?;
        if is_older(&page.version, version) {
            return Err(WatchFailure::expired(version, &page.version));
        }
        self.inventory.progress(self.kind).proved(Instant::now());
        Ok(())
    }

    async fn get_page(&self, size: u32, next: Option<&str>) -> Result<Vec<u8>, WatchFailure> {
        let mut params = ListParams::default().limit(size);
        params.continue_token = next.map(str::to_owned);
        let request = Request::new(path(self.kind)).list(&params);
        let request = request.map_err(|error| WatchFailure::from_error(FailureReason::Rejected, &error))?;
        fetch_page(&self.client, &self.config, request).await
    }

    /// Puts the objects of a page into the inventory, a few at a time, so that readers get the lock in between.
    async fn put_page(&self, items: Items<'_>, remaining: Option<u64>) {
        let count = items.len();
        let mut entries = items.entries(self.kind.as_str());
        loop {
            let batch: Vec<Entry> = entries.by_ref().take(ENTRIES_PER_WRITE).collect();
            if batch.is_empty() {
                break;
            }
            for entry in &batch {
                self.record_skips(entry);
            }
            let put = |inventory: &mut _| batch.into_iter().for_each(|entry| entry.put(self.kind, inventory));
            self.inventory.write(put).await;
        }
        self.inventory.progress(self.kind).page_read(count, remaining);
    }

    async fn end_list(&self, began: Instant, version: String) -> WatchState {
        self.inventory.sweep(self.kind).await;
        let mut progress = self.inventory.progress(self.kind);
        progress.list_ended(began);
        drop(progress);
        let status = self.inventory.status(self.kind);
        tracing::info!(
            resource = resource(self.kind),
            objects = status.objects,
            skipped = status.skipped,
            seconds = began.elapsed().as_secs_f32(),
            "listed"
        );
        WatchState::Watching(version)
    }
}
