//! `WatchMetrics`: set from the watch status of each kind at each scrape.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::inventory::ResourceKind;
use crate::k8s::Status;

use super::registrar::Registrar;

/// Metrics of the watch, by kind.
pub(super) struct WatchMetrics {
    age: Family<KindLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    objects: Family<KindLabels, Gauge>,
    skipped: Family<KindLabels, Gauge>,
    synced: Family<KindLabels, Gauge>,
    relists: Family<KindLabels, Counter>,
    reconnects: Family<KindLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    kind: &'static str,
    reason: &'static str,
}

impl WatchMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            age: all.register(
                "inventory_age_seconds",
                "Time since the API server last confirmed that no change was missed",
            ),
            objects: all.register("inventory_objects", "Objects in the inventory"),
            skipped: all.register("inventory_skipped_objects", "Objects that can't be read, in whole or in part"),
            synced: all.register("inventory_synced", "1 once the first list is complete"),
            relists: all.register("inventory_relists", "Lists after the first"),
            reconnects: all.register("inventory_reconnects", "Watches opened after the first"),
            errors: all.register("inventory_errors", "Lists and watches that failed"),
        }
    }

    /// Sets all metrics from the status of each kind.
    pub fn set(&self, watch_status: &[(ResourceKind, Status)]) {
        // A kind that is no longer watched has no status. Its counters stay: they never decrease.
        self.age.clear();
        for family in [&self.objects, &self.skipped, &self.synced] {
            family.clear();
        }
        for (kind, status) in watch_status.iter().filter(|(_, status)| status.is_wanted) {
            let labels = KindLabels { kind: kind.as_str() };
            let set = |family: &Family<KindLabels, Gauge>, count: u64| {
                family.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            };
            set(&self.objects, status.objects);
            set(&self.skipped, status.skipped);
            set(&self.synced, u64::from(status.is_listed));
            if let Some(age) = status.age {
                self.age.get_or_create(&labels).set(age.as_secs_f64());
            }
            self.relists.get_or_create(&labels).inner().store(status.relists, Ordering::Relaxed);
            self.reconnects.get_or_create(&labels).inner().store(status.reconnects, Ordering::Relaxed);
            for (reason, count) in &status.errors {
                let labels = ErrorLabels { kind: kind.as_str(), reason: reason.as_str() };
                self.errors.get_or_create(&labels).inner().store(*count, Ordering::Relaxed);
            }
        }
    }
}
