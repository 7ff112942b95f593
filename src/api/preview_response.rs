//! `ChangePreview`, for the page: the verdict and the effect of creating a ServiceCIDR.

use schemars::JsonSchema;
use serde::Serialize;

use crate::policy::{ChangePreview, Verdict, Violation};

use super::change_preview::{ChangePreviewDocument, FamilyChange};

/// `kind: ChangePreview`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewResponse {
    /// The CIDRs of the query.
    add: Vec<String>,
    /// Whether the policy allows the request.
    allowed: bool,
    /// The messages of the violations that deny the request.
    denials: Vec<String>,
    /// Allowed CIDRs to use instead of CIDRs whose location is denied.
    alternatives: Vec<String>,
    /// The warnings of a dry run: warnings of the policy, capacity, overlaps.
    warnings: Vec<String>,
    /// The capacity of each family of the CIDRs, before and after.
    families: Vec<FamilyChange>,
}

impl PreviewResponse {
    pub fn new(add: Vec<String>, verdict: &Verdict, preview: Option<&ChangePreview>) -> Self {
        let sentences =
            |violations: &mut dyn Iterator<Item = &Violation>| violations.map(ToString::to_string).collect();
        let mut warnings: Vec<String> = sentences(&mut verdict.warnings());
        warnings.extend(preview.iter().flat_map(|preview| preview.sentences(verdict)));
        Self {
            add,
            allowed: verdict.allows(),
            denials: sentences(&mut verdict.denials()),
            alternatives: verdict.alternatives.iter().map(ToString::to_string).collect(),
            warnings,
            families: preview.map(|preview| ChangePreviewDocument::new(preview).families).unwrap_or_default(),
        }
    }
}
