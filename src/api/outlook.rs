//! `Outlook`, for programs: what the audit event of a request says.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::FamilyCapacity;
use crate::policy::{Neighbour, Outlook};

use super::{Count, RemovalDocument};

/// What a request would change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutlookDocument {
    pub(super) families: Vec<FamilyChange>,
    overlaps: Vec<OverlapDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion: Option<RemovalDocument>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct FamilyChange {
    family: String,
    before: Counts,
    after: Counts,
}

#[derive(JsonSchema, Serialize)]
struct Counts {
    usable: Count,
    used: Count,
    free: Count,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OverlapDocument {
    cidr: String,
    with: Vec<WithDocument>,
    more: usize,
}

#[derive(Serialize)]
struct WithDocument {
    relation: String,
    #[serde(rename = "serviceCIDR")]
    service_cidr: String,
    cidr: String,
}

impl OutlookDocument {
    pub fn new(outlook: &Outlook) -> Self {
        let families = outlook.families().map(|(before, after)| FamilyChange {
            family: before.family.to_string(),
            before: Counts::new(before),
            after: Counts::new(after),
        });
        let overlaps = outlook.overlaps.iter().map(|(cidr, hits)| OverlapDocument {
            cidr: cidr.to_string(),
            with: hits.first.iter().filter_map(WithDocument::new).collect(),
            more: hits.more,
        });
        let removal = outlook.removal.as_ref().map(RemovalDocument::new);
        Self { families: families.collect(), overlaps: overlaps.collect(), deletion: removal }
    }
}

impl Counts {
    fn new(family: &FamilyCapacity) -> Self {
        Self { usable: Count(family.usable), used: Count(family.used), free: Count(family.free()) }
    }
}

impl WithDocument {
    fn new(hit: &crate::policy::Hit) -> Option<Self> {
        let Neighbour::ServiceCidr { name } = &hit.neighbour else { return None };
        let (relation, cidr) = (hit.relation.to_string(), hit.cidr.to_string());
        Some(Self { relation, service_cidr: name.clone(), cidr })
    }
}
