//! `Forecast`, for the page: what making a ServiceCIDR would do, and what the policy says of it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::policy::{Outlook, Verdict, Violation};

use super::outlook::{FamilyChange, OutlookDocument};

/// `kind: ChangePreview`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhatIfDocument {
    /// The CIDRs that were asked about.
    add: Vec<String>,
    /// Whether the policy lets it pass.
    allowed: bool,
    /// Why it doesn't: what its sender would read.
    denials: Vec<String>,
    /// What could stand in place of CIDRs that are refused for where they lie.
    alternatives: Vec<String>,
    /// What its sender would be warned of in a dry run: the policy's warnings, the capacity, the overlaps.
    warnings: Vec<String>,
    /// What the families of the CIDRs have before and after.
    families: Vec<FamilyChange>,
}

impl WhatIfDocument {
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
