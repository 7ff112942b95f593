//! `CapacityReport` and `CapacityForecast` as documents.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::{
    AllocationAudit, Band, CapacityReport, CappedList, CidrCapacity, FamilyCapacity, Forecast, FreeBlocks, SharedWith,
};
use crate::inventory::{Allocation, CidrOwnerKind, ServiceName, UnusableReason};
use crate::net::AddressRange;

use super::{AddressDocument, CappedListDocument, Count, rounded};

/// `kind: CapacityReport`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    families: Vec<FamilyDocument>,
    #[serde(rename = "serviceCIDRs")]
    entries: Vec<Entry>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    audit: Option<SurveyDocument>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FamilyDocument {
    family: String,
    configured: bool,
    usable: Count,
    used: Count,
    free: Count,
    percent_used: Option<f64>,
    foreign: Count,
    #[serde(rename = "outsideServiceCIDRs")]
    outside_service_cidrs: Count,
    #[serde(rename = "inUnusableCIDRs")]
    in_unusable_cidrs: Count,
    /// Addresses in the static band of every range that contains them.
    static_everywhere: BandDocument,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    name: String,
    cidr: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_reason: Option<&'static str>,
    usable: Count,
    used: Count,
    free: Count,
    percent_used: Option<f64>,
    unique: Count,
    shared: Count,
    static_band: BandDocument,
    overlaps: Vec<SharedDocument>,
}

#[derive(JsonSchema, Serialize)]
struct BandDocument {
    size: Count,
    used: Count,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SharedDocument {
    relation: String,
    #[serde(rename = "serviceCIDR", skip_serializing_if = "Option::is_none")]
    service_cidr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    cidr: String,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct SurveyDocument {
    free_blocks: Vec<Blocks>,
    free_static_addresses: CappedListDocument<String>,
    foreign_addresses: CappedListDocument<AddressDocument>,
    #[serde(rename = "addressesOutsideServiceCIDRs")]
    addresses_outside_service_cidrs: CappedListDocument<AddressDocument>,
    #[serde(rename = "addressesInUnusableCIDRs")]
    addresses_in_unusable_cidrs: CappedListDocument<AddressDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unallocated_services: Option<CappedListDocument<ClusterIpDocument>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaked_addresses: Option<CappedListDocument<AddressDocument>>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Blocks {
    family: String,
    largest: Option<Run>,
    by_prefix_length: Vec<BlockCount>,
}

#[derive(JsonSchema, Serialize)]
struct Run {
    first: String,
    last: String,
    count: Count,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockCount {
    prefix_length: u8,
    count: Count,
}

#[derive(JsonSchema, Serialize)]
struct ClusterIpDocument {
    address: String,
    namespace: String,
    name: String,
}

/// `kind: CapacityForecast`.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ForecastDocument {
    before: Report,
    after: Report,
    difference: Vec<Difference>,
}

#[derive(JsonSchema, Serialize)]
struct Difference {
    family: String,
    gained: Count,
    lost: Count,
}

impl Report {
    pub fn new(report: &CapacityReport, audit: Option<&AllocationAudit>) -> Self {
        Self {
            families: report.families.iter().map(FamilyDocument::new).collect(),
            entries: report.service_cidrs.iter().map(Entry::new).collect(),
            audit: audit.map(SurveyDocument::new),
        }
    }
}

impl FamilyDocument {
    pub fn new(family: &FamilyCapacity) -> Self {
        Self {
            family: family.family.to_string(),
            configured: family.is_configured,
            usable: Count(family.usable),
            used: Count(family.used),
            free: Count(family.free()),
            percent_used: family.percent_used().map(rounded),
            foreign: Count(family.foreign),
            outside_service_cidrs: Count(family.outside_service_cidrs),
            in_unusable_cidrs: Count(family.in_unusable_cidrs),
            static_everywhere: BandDocument::new(family.static_everywhere),
        }
    }
}

impl Entry {
    pub fn new(entry: &CidrCapacity) -> Self {
        Self::with_overlaps(entry, usize::MAX)
    }

    /// An entry with the first few of its overlaps.
    pub fn with_overlaps(entry: &CidrCapacity, most: usize) -> Self {
        Self {
            name: entry.name.clone(),
            cidr: entry.cidr.to_string(),
            state: entry.readiness.as_str(),
            unusable_reason: entry.unusable_reason.map(UnusableReason::as_str),
            usable: Count(entry.usable),
            used: Count(entry.used),
            free: Count(entry.free()),
            percent_used: entry.percent_used().map(rounded),
            unique: Count(entry.unique),
            shared: Count(entry.shared()),
            static_band: BandDocument::new(entry.static_band),
            overlaps: entry.overlaps.iter().take(most).map(SharedDocument::new).collect(),
        }
    }
}

impl SharedDocument {
    fn new(shared: &SharedWith) -> Self {
        Self {
            relation: shared.relation.to_string(),
            service_cidr: (shared.kind == CidrOwnerKind::ServiceCidr).then(|| shared.name.clone()),
            network: (shared.kind == CidrOwnerKind::Network).then(|| shared.name.clone()),
            cidr: shared.cidr.to_string(),
        }
    }
}

impl BandDocument {
    fn new(band: Band) -> Self {
        Self { size: Count(band.size), used: Count(band.used) }
    }
}

impl SurveyDocument {
    fn new(audit: &AllocationAudit) -> Self {
        let addresses = |named: &CappedList<Allocation>| CappedListDocument::new(named, AddressDocument::new);
        Self {
            free_blocks: audit.free_blocks.iter().map(Blocks::new).collect(),
            free_static_addresses: CappedListDocument::new(&audit.free_static, ToString::to_string),
            foreign_addresses: addresses(&audit.foreign),
            addresses_outside_service_cidrs: addresses(&audit.outside_service_cidrs),
            addresses_in_unusable_cidrs: addresses(&audit.in_unusable_cidrs),
            unallocated_services: audit.unallocated.as_ref().map(|named| {
                CappedListDocument::new(named, |(address, ServiceName { namespace, name })| ClusterIpDocument {
                    address: address.to_string(),
                    namespace: namespace.clone(),
                    name: name.clone(),
                })
            }),
            leaked_addresses: audit.leaked.as_ref().map(addresses),
        }
    }
}

impl Blocks {
    pub fn new(blocks: &FreeBlocks) -> Self {
        let run = |run: AddressRange| Run {
            first: run.first_address().to_string(),
            last: run.last_address().to_string(),
            count: Count(run.count()),
        };
        let counts = blocks.by_prefix_length.iter();
        let counts = counts.map(|(length, count)| BlockCount { prefix_length: *length, count: Count(*count) });
        Self { family: blocks.family.to_string(), largest: blocks.largest.map(run), by_prefix_length: counts.collect() }
    }
}

impl ForecastDocument {
    pub fn new(before: &CapacityReport, after: &CapacityReport, forecast: &Forecast) -> Self {
        Self {
            before: Report::new(before, None),
            after: Report::new(after, None),
            difference: forecast
                .gained
                .iter()
                .zip(&forecast.lost)
                .map(|((family, gained), (_, lost))| Difference {
                    family: family.to_string(),
                    gained: Count(*gained),
                    lost: Count(*lost),
                })
                .collect(),
        }
    }
}
