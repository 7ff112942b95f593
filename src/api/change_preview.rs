//! `ChangePreview`, for the page: the verdict and the effect of creating a ServiceCIDR.

use schemars::JsonSchema;
use serde::Serialize;

use crate::policy::{Outlook, Verdict, Violation};

use super::outlook::{FamilyChange, OutlookDocument};

/// `kind: ChangePreview`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangePreviewDocument {
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

impl ChangePreviewDocument {
    pub fn new(add: Vec<String>, verdict: &Verdict, outlook: Option<&Outlook>) -> Self {
        let sentences =
            |violations: &mut dyn Iterator<Item = &Violation>| violations.map(ToString::to_string).collect();
        let mut warnings: Vec<String> = sentences(&mut verdict.warnings());
        warnings.extend(outlook.iter().flat_map(|outlook| outlook.sentences(verdict)));
        Self {
            add,
            allowed: verdict.allows(),
            denials: sentences(&mut verdict.denials()),
            alternatives: verdict.alternatives.iter().map(ToString::to_string).collect(),
            warnings,
            families: outlook.map(|outlook| OutlookDocument::new(outlook).families).unwrap_or_default(),
        }
    }
}
