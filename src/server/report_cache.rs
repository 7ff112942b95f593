//! `ReportCache`: the capacity report, computed at most once a second for all clients.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Bytes;

use crate::api::{Document, Report};
use crate::capacity::{AllocationAudit, CapacityReport};
use crate::inventory::{CidrOwnerKind, overlaps};

use super::inventory_backend::InventoryBackend;

/// How long a report is served from the cache.
pub(super) const CACHE_TTL: Duration = Duration::from_secs(1);

/// The last report.
#[derive(Default)]
pub(super) struct ReportCache {
    last: Mutex<Option<(Instant, Arc<CapacitySnapshot>)>>,
}

/// The capacity at one moment.
pub(super) struct CapacitySnapshot {
    /// The report.
    pub report: CapacityReport,
    /// Pairs of overlapping CIDRs, each counted once: two ServiceCIDRs, or a ServiceCIDR and a declared network.
    pub overlaps: usize,
    /// The report as JSON.
    pub json: Bytes,
}

impl ReportCache {
    /// The current report, at most `CACHE_TTL` old.
    pub fn get(&self, inventory: &InventoryBackend) -> Arc<CapacitySnapshot> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, snapshot)) = &*last
            && at.elapsed() < CACHE_TTL
        {
            return Arc::clone(snapshot);
        }
        let snapshot = Arc::new(inventory.with_inventory(|observed| {
            let view = observed.inventory.view();
            let report = CapacityReport::for_view(&view);
            let audit = AllocationAudit::for_inventory(observed.inventory);
            let document = Document::new("CapacityReport", Report::new(&report, Some(&audit)));
            let json = serde_json::to_vec_pretty(&document).unwrap_or_default();
            // Pairs of ServiceCIDRs are found both ways round, those with a network once.
            let (pairs, single): (Vec<_>, Vec<_>) =
                overlaps(&view).into_iter().partition(|overlap| overlap.other.kind() == CidrOwnerKind::ServiceCidr);
            CapacitySnapshot { report, overlaps: pairs.len() / 2 + single.len(), json: json.into() }
        }));
        *last = Some((Instant::now(), Arc::clone(&snapshot)));
        snapshot
    }
}
