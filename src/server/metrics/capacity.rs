//! `CapacityMetrics`: set from one capacity report at each scrape.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::capacity::{CapacityReport, CidrCapacity};
use crate::net::Cidr;

use crate::server::report_cache::CapacitySnapshot;

use super::registrar::Registrar;

/// How many CIDRs have their own series.
const MAX_CIDR_SERIES: usize = 500;

type FloatGauge = Gauge<f64, AtomicU64>;

/// Metrics of the addresses, by CIDR and by IP family.
pub(super) struct CapacityMetrics {
    usable: Family<CidrLabels, FloatGauge>,
    allocated: Family<CidrLabels, FloatGauge>,
    available: Family<CidrLabels, FloatGauge>,
    band: Family<CidrLabels, FloatGauge>,
    band_allocated: Family<CidrLabels, FloatGauge>,
    omitted: Gauge,
    family_usable: Family<FamilyLabels, FloatGauge>,
    family_allocated: Family<FamilyLabels, FloatGauge>,
    family_available: Family<FamilyLabels, FloatGauge>,
    overlaps: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CidrLabels {
    cidr: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FamilyLabels {
    family: &'static str,
}

impl CapacityMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            usable: all.register("clusterip_usable_ips", "Usable addresses of a CIDR"),
            allocated: all.register("clusterip_allocated_ips", "Allocated addresses of a CIDR"),
            available: all.register("clusterip_available_ips", "Free addresses of a CIDR"),
            band: all.register("clusterip_static_band_ips", "Addresses of the static band of a CIDR"),
            band_allocated: all
                .register("clusterip_static_band_allocated_ips", "Allocated addresses of the static band of a CIDR"),
            omitted: all.register("clusterip_cidrs_omitted", "CIDRs beyond the 500 that have their own series"),
            family_usable: all
                .register("clusterip_family_usable_ips", "Usable addresses of an IP family, each counted once"),
            family_allocated: all.register("clusterip_family_allocated_ips", "Allocated addresses of an IP family"),
            family_available: all.register("clusterip_family_available_ips", "Free addresses of an IP family"),
            overlaps: all.register("overlaps", "Pairs of overlapping CIDRs, of ServiceCIDRs and declared networks"),
        }
    }

    /// Sets all metrics from a snapshot, and clears them without one.
    pub fn set(&self, snapshot: Option<&CapacitySnapshot>) {
        for family in [&self.usable, &self.allocated, &self.available, &self.band, &self.band_allocated] {
            family.clear();
        }
        for family in [&self.family_usable, &self.family_allocated, &self.family_available] {
            family.clear();
        }
        let Some(CapacitySnapshot { report, overlaps, .. }) = snapshot else { return };
        self.overlaps.set(i64::try_from(*overlaps).unwrap_or(i64::MAX));
        let cidrs = by_cidr(report);
        self.omitted.set(i64::try_from(cidrs.len().saturating_sub(MAX_CIDR_SERIES)).unwrap_or(i64::MAX));
        for (cidr, entry) in cidrs.into_iter().take(MAX_CIDR_SERIES) {
            let labels = CidrLabels { cidr: cidr.to_string() };
            let set = |family: &Family<CidrLabels, FloatGauge>, count| {
                family.get_or_create(&labels).set(float(count));
            };
            set(&self.usable, entry.usable);
            set(&self.allocated, entry.used);
            set(&self.available, entry.free());
            set(&self.band, entry.static_band.size);
            set(&self.band_allocated, entry.static_band.used);
        }
        for family in &report.families {
            let labels = FamilyLabels { family: family.family.as_str() };
            self.family_usable.get_or_create(&labels).set(float(family.usable));
            self.family_allocated.get_or_create(&labels).set(float(family.used));
            self.family_available.get_or_create(&labels).set(float(family.free()));
        }
    }
}

/// Each CIDR once; among equal CIDRs, one with usable addresses if there is one.
fn by_cidr(report: &CapacityReport) -> BTreeMap<Cidr, &CidrCapacity> {
    let mut by_cidr: BTreeMap<Cidr, &CidrCapacity> = BTreeMap::new();
    for entry in &report.service_cidrs {
        let first = by_cidr.entry(entry.cidr).or_insert(entry);
        if first.usable < entry.usable {
            *first = entry;
        }
    }
    by_cidr
}

/// Exact up to 2^53, like every Prometheus number.
#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn float(count: u128) -> f64 {
    count as f64
}
