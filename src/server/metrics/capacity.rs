//! What is counted of the inventory: set from one report when it is asked for.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::capacity::{CapacityReport, CidrCapacity};
use crate::net::Cidr;

use super::super::report::Snapshot;

/// How many CIDRs have metrics of their own.
const LISTED: usize = 500;

type Count = Gauge<f64, AtomicU64>;

#[derive(Default)]
pub(super) struct Capacity {
    usable: Family<CidrLabels, Count>,
    allocated: Family<CidrLabels, Count>,
    available: Family<CidrLabels, Count>,
    band: Family<CidrLabels, Count>,
    band_allocated: Family<CidrLabels, Count>,
    unlisted: Gauge,
    family_usable: Family<FamilyLabels, Count>,
    family_allocated: Family<FamilyLabels, Count>,
    family_available: Family<FamilyLabels, Count>,
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

impl Capacity {
    pub fn register(&self, all: &mut Registry) {
        all.register("clusterip_usable_ips", "Addresses that a CIDR gives", self.usable.clone());
        all.register("clusterip_allocated_ips", "Addresses of a CIDR that have an IPAddress", self.allocated.clone());
        all.register("clusterip_available_ips", "Addresses of a CIDR that are to be had", self.available.clone());
        all.register("clusterip_static_band_ips", "Addresses of a CIDR's static band", self.band.clone());
        all.register(
            "clusterip_static_band_allocated_ips",
            "Addresses of a CIDR's static band that have an IPAddress",
            self.band_allocated.clone(),
        );
        all.register(
            "clusterip_cidrs_omitted",
            "CIDRs without metrics of their own, beyond the first 500",
            self.unlisted.clone(),
        );
        all.register(
            "clusterip_family_usable_ips",
            "Addresses that all CIDRs of an IP family give, each once",
            self.family_usable.clone(),
        );
        all.register(
            "clusterip_family_allocated_ips",
            "Addresses of an IP family that have an IPAddress",
            self.family_allocated.clone(),
        );
        all.register(
            "clusterip_family_available_ips",
            "Addresses of an IP family that are to be had",
            self.family_available.clone(),
        );
        all.register(
            "overlaps",
            "Pairs of CIDRs that share addresses, of ServiceCIDRs and declared networks",
            self.overlaps.clone(),
        );
    }

    /// Sets everything to what a report says; to nothing, where there is none.
    pub fn set(&self, snapshot: Option<&Snapshot>) {
        for family in [&self.usable, &self.allocated, &self.available, &self.band, &self.band_allocated] {
            family.clear();
        }
        for family in [&self.family_usable, &self.family_allocated, &self.family_available] {
            family.clear();
        }
        let Some(Snapshot { report, overlaps, .. }) = snapshot else { return };
        self.overlaps.set(i64::try_from(*overlaps).unwrap_or(i64::MAX));
        let cidrs = by_cidr(report);
        self.unlisted.set(i64::try_from(cidrs.len().saturating_sub(LISTED)).unwrap_or(i64::MAX));
        for (cidr, entry) in cidrs.into_iter().take(LISTED) {
            let labels = CidrLabels { cidr: cidr.to_string() };
            let set = |family: &Family<CidrLabels, Count>, count| {
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

/// Each CIDR once; of equal ones that which gives addresses, if one does.
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

/// Exact up to 2^53, as every number of Prometheus.
#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn float(count: u128) -> f64 {
    count as f64
}
