//! `Staleness`: the largest age of an inventory that rules use, and what follows if it is older.

use core::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::inventory::ObservedInventory;

use super::{Finding, RuleId, ValidationActions, Violation};

/// The largest age of an inventory that rules use, and what follows if it is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// The largest age.
    pub max: Duration,
    /// What follows if the inventory is older.
    pub on_stale: OnStale,
}

/// What follows if a rule can't be evaluated, because its inventory is too old or missing.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum OnStale {
    /// The actions of the rule, as for a violation.
    RuleAction,
    /// At most a warning.
    Warn,
}

impl Default for Staleness {
    fn default() -> Self {
        Self { max: Duration::from_secs(120), on_stale: OnStale::RuleAction }
    }
}

impl Staleness {
    /// The finding of a rule that can't be evaluated; `None` if its inventory is recent enough.
    pub(super) fn evaluate(
        self,
        rule: RuleId,
        actions: ValidationActions,
        observed: &ObservedInventory<'_>,
    ) -> Option<Finding> {
        let needed = *rule.requires().iter().find(|kind| !observed.freshness(**kind).is_within(self.max))?;
        let freshness = observed.freshness(needed);
        let actions = match self.on_stale {
            OnStale::RuleAction => actions,
            OnStale::Warn => actions.downgrade_to_warn(),
        };
        let violation = Violation::Unknown { rule, needed, freshness, max: self.max };
        Some(Finding { actions, violation })
    }
}
