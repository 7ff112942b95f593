//! The policy: its rules, and their evaluation.

mod action;
mod change_preview;
mod evaluate;
mod planning {
    pub mod alternative;
    mod occupancy;
    pub mod suggest;
}
mod preset;
mod request;
mod rule {
    pub mod allowed_ranges;
    pub mod deletion;
    pub mod deny_all;
    pub mod no_overlap;
    pub mod prefix_length;
    pub mod reserved_networks;
    pub mod usable;
}
mod rule_id;
mod staleness;
mod verdict;
mod violation;

use crate::inventory::{DeclaredNetwork, Inventory};
use crate::net::IpFamily;

pub use action::{ValidationAction, ValidationActions, ValidationActionsError};
pub use change_preview::{ChangePreview, WarnOn, preview, preview_if_enabled};
pub use evaluate::{evaluate, evaluate_without_alternatives};
pub use planning::alternative::Alternative;
pub use planning::suggest::{FreeCidrSearch, SearchError, SkipReason, SkippedRange, Suggestions};
pub use preset::Preset;
pub use request::{Request, Subresource};
pub use rule::allowed_ranges::AllowedRanges;
pub use rule::deletion::Deletion;
pub use rule::deny_all::DenyAll;
pub use rule::no_overlap::NoOverlap;
pub use rule::prefix_length::PrefixLength;
pub use rule::reserved_networks::ReservedNetworks;
pub use rule::usable::Usable;
pub use rule_id::RuleId;
pub use staleness::{OnStale, Staleness};
pub use verdict::{Exemption, Finding, Verdict};
pub use violation::{Conflict, ConflictOwner, Conflicts, Violation};

/// The rules of a policy. Every policy that was read from a file has at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// deny-all: only the ServiceCIDR `kubernetes` may change.
    pub deny_all: Option<DenyAll>,
    /// allowed-ranges: every added CIDR must be within one of the ranges.
    pub allowed_ranges: Option<AllowedRanges>,
    /// prefix-length: the shortest and longest prefix of a CIDR.
    pub prefix_length: Option<PrefixLength>,
    /// reserved-networks: the networks that a CIDR must not overlap.
    pub reserved_networks: Option<ReservedNetworks>,
    /// no-overlap: the relations to CIDRs of other ServiceCIDRs that a CIDR must not have.
    pub no_overlap: Option<NoOverlap>,
    /// usable: a CIDR must have allocatable addresses.
    pub usable: Option<Usable>,
    /// deletion: what a deletion must not leave behind.
    pub deletion: Option<Deletion>,
    /// The largest age of an inventory, and what follows if it is older.
    pub staleness: Staleness,
    /// The requests that get a preview.
    pub warn_on: WarnOn,
    /// The IP families that Services of the cluster can have; `None` if the policy doesn't declare them.
    pub ip_families: Option<Vec<IpFamily>>,
    /// The networks that the policy declares.
    pub networks: Vec<DeclaredNetwork>,
}

impl Policy {
    /// The rules that are set, in the order in which requests are evaluated.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleId> {
        // Every field is named, so that a new rule can't be forgotten.
        let Self {
            deny_all,
            allowed_ranges,
            prefix_length,
            reserved_networks,
            no_overlap,
            usable,
            deletion,
            staleness: _,
            warn_on: _,
            ip_families: _,
            networks: _,
        } = self;
        let rules = [
            deny_all.as_ref().map(|_| RuleId::DenyAll),
            allowed_ranges.as_ref().map(|_| RuleId::AllowedRanges),
            prefix_length.as_ref().map(|_| RuleId::PrefixLength),
            reserved_networks.as_ref().map(|_| RuleId::ReservedNetworks),
            no_overlap.as_ref().map(|_| RuleId::NoOverlap),
            usable.as_ref().map(|_| RuleId::Usable),
            deletion.as_ref().map(|_| RuleId::Deletion),
        ];
        rules.into_iter().flatten().collect()
    }

    /// Applies the IP families and networks of the policy to an inventory.
    pub fn declare_in(&self, inventory: &mut Inventory) {
        inventory.apply_declarations(self.ip_families.as_deref(), self.networks.clone());
    }

    /// The rules that are set and can't be evaluated without an inventory.
    pub fn rules_requiring_inventory(&self) -> impl Iterator<Item = RuleId> {
        let requires = |rule: &RuleId| match rule {
            RuleId::ReservedNetworks => self.requires_nodes(),
            rule => !rule.requires().is_empty(),
        };
        self.rules().into_iter().filter(requires)
    }

    /// Whether a rule compares CIDRs with networks of nodes.
    #[must_use]
    pub fn requires_nodes(&self) -> bool {
        self.reserved_networks.as_ref().is_some_and(|rule| !rule.discover.is_empty())
    }
}
