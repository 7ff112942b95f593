//! `ChangePreviewDocument`: the preview in the audit event of a request.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::FamilyCapacity;
use crate::policy::{ChangePreview, ConflictOwner};

use super::{Count, DeletionImpactDocument};

/// The effect of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangePreviewDocument {
    pub(super) families: Vec<FamilyChange>,
    overlaps: Vec<OverlapDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion: Option<DeletionImpactDocument>,
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

impl ChangePreviewDocument {
    pub fn new(preview: &ChangePreview) -> Self {
        let families = preview.families().map(|(before, after)| FamilyChange {
            family: before.family.to_string(),
            before: Counts::new(before),
            after: Counts::new(after),
        });
        let overlaps = preview.overlaps.iter().map(|(cidr, hits)| OverlapDocument {
            cidr: cidr.to_string(),
            with: hits.first.iter().filter_map(WithDocument::new).collect(),
            more: hits.more,
        });
        let removal = preview.deletion_impact.as_ref().map(DeletionImpactDocument::new);
        Self { families: families.collect(), overlaps: overlaps.collect(), deletion: removal }
    }
}

impl Counts {
    fn new(family: &FamilyCapacity) -> Self {
        Self { usable: Count(family.usable), used: Count(family.used), free: Count(family.free()) }
    }
}

impl WithDocument {
    fn new(hit: &crate::policy::Conflict) -> Option<Self> {
        let ConflictOwner::ServiceCidr { name } = &hit.neighbour else { return None };
        let (relation, cidr) = (hit.relation.to_string(), hit.cidr.to_string());
        Some(Self { relation, service_cidr: name.clone(), cidr })
    }
}
