//! `PageCache`: the capacity page, rendered at most once a second for all clients.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix_web::web::Bytes;

use crate::api::Document;
use crate::capacity::{AllocationAudit, CapacityReport};
use crate::page::{Origin, PageDocument, html};
use crate::policy::Policy;

use super::inventory_backend::InventoryBackend;
use super::rate_limiter::RateLimiter;
use super::report_cache::CACHE_TTL;

/// The last page, and the rate limit of its previews.
#[derive(Default)]
pub(super) struct PageCache {
    last: Mutex<Option<Arc<RenderedPage>>>,
    pub previews: RateLimiter,
}

/// A page as it was rendered for a policy.
pub(super) struct RenderedPage {
    at: Instant,
    policy: Arc<Policy>,
    pub html: Bytes,
    /// The Content-Security-Policy of the page.
    pub security_policy: String,
    /// The data of the page, as JSON.
    pub json: Bytes,
}

impl PageCache {
    /// The page for the current cluster state and this policy, at most `CACHE_TTL` old.
    pub fn get(&self, inventory: &InventoryBackend, policy: &Arc<Policy>) -> serde_json::Result<Arc<RenderedPage>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |page: &&Arc<RenderedPage>| page.at.elapsed() < CACHE_TTL && Arc::ptr_eq(&page.policy, policy);
        if let Some(page) = last.as_ref().filter(is_fresh) {
            return Ok(Arc::clone(page));
        }
        let document = inventory.with_inventory(|observed| {
            let report = CapacityReport::for_inventory(observed.inventory);
            PageDocument::new(
                observed.inventory,
                Some(policy),
                &report,
                &AllocationAudit::for_inventory(observed.inventory),
            )
        });
        let (html, security_policy) = html(&document, Origin::Server)?;
        let json = serde_json::to_vec(&Document::new("CapacityPage", document))?.into();
        let (at, policy, html) = (Instant::now(), Arc::clone(policy), html.into());
        let page = Arc::new(RenderedPage { at, policy, html, security_policy, json });
        *last = Some(Arc::clone(&page));
        Ok(page)
    }
}
