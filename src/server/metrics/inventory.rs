//! What is counted of how the cluster is followed: set from the state of each kind when it is asked for.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::inventory::Kind;
use crate::k8s::Status;

#[derive(Default)]
pub(super) struct Following {
    age: Family<KindLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    objects: Family<KindLabels, Gauge>,
    left_out: Family<KindLabels, Gauge>,
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

impl Following {
    pub fn register(&self, all: &mut Registry) {
        all.register(
            "inventory_age_seconds",
            "Time since the API server last proved that nothing was missed",
            self.age.clone(),
        );
        all.register("inventory_objects", "Objects that are known", self.objects.clone());
        all.register(
            "inventory_skipped_objects",
            "Objects that can't be read, in whole or in part",
            self.left_out.clone(),
        );
        all.register("inventory_synced", "1 once the first list was read to its end", self.synced.clone());
        all.register("inventory_relists", "Lists after the first", self.relists.clone());
        all.register("inventory_reconnects", "Watches opened after the first", self.reconnects.clone());
        all.register("inventory_errors", "Lists and watches that failed", self.errors.clone());
    }

    /// Sets everything to the state of each kind.
    pub fn set(&self, followed: &[(Kind, Status)]) {
        // What is no longer followed has no state. Its counters stay: they never go back.
        self.age.clear();
        for family in [&self.objects, &self.left_out, &self.synced] {
            family.clear();
        }
        for (kind, status) in followed.iter().filter(|(_, status)| status.is_wanted) {
            let labels = KindLabels { kind: kind.name() };
            let set = |family: &Family<KindLabels, Gauge>, count: u64| {
                family.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            };
            set(&self.objects, status.objects);
            set(&self.left_out, status.left_out);
            set(&self.synced, u64::from(status.is_listed));
            if let Some(age) = status.age {
                self.age.get_or_create(&labels).set(age.as_secs_f64());
            }
            self.relists.get_or_create(&labels).inner().store(status.relists, Ordering::Relaxed);
            self.reconnects.get_or_create(&labels).inner().store(status.reconnects, Ordering::Relaxed);
            for (reason, count) in &status.errors {
                let labels = ErrorLabels { kind: kind.name(), reason: reason.name() };
                self.errors.get_or_create(&labels).inner().store(*count, Ordering::Relaxed);
            }
        }
    }
}
