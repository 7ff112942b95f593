//! `Staleness`: how old an inventory may be for a rule to trust it, and what follows where it is older.

use core::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::inventory::ObservedInventory;

use super::{Finding, RuleId, ValidationActions, Violation};

/// How old an inventory may be for a rule to trust it, and what follows where it is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// The age up to which it is trusted.
    pub max: Duration,
    /// What follows where it is older.
    pub on_stale: OnStale,
}

/// What follows where a rule can't judge, because its inventory is too old or not there.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum OnStale {
    /// What follows from a violation of the rule.
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
    /// What is found where a rule needs to know something and doesn't, `None` where it knows.
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
