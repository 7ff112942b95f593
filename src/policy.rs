//! What is permitted: the rules in force, and the decision.

mod action;
mod alternative;
mod decide;
mod outlook;
mod preset;
mod request;
mod rule {
    pub mod allowed_ranges;
    pub mod deny_all;
    pub mod no_overlap;
    pub mod prefix_length;
    pub mod removal;
    pub mod reserved_networks;
    pub mod usable;
}
mod space;
mod staleness;
mod suggest;
mod verdict;
mod violation;

use crate::inventory::Network;
use crate::net::IpFamily;

pub use action::{ValidationAction, ValidationActions, ValidationActionsError};
pub use alternative::Alternative;
pub use decide::{decide, judge};
pub use outlook::{Outlook, WarnOn, foresee, outlook};
pub use preset::Preset;
pub use request::{Part, Request};
pub use rule::allowed_ranges::AllowedRanges;
pub use rule::deny_all::DenyAll;
pub use rule::no_overlap::NoOverlap;
pub use rule::prefix_length::PrefixLength;
pub use rule::removal::RemovalRule;
pub use rule::reserved_networks::ReservedNetworks;
pub use rule::usable::Usable;
pub use staleness::{OnStale, Staleness};
pub use suggest::{PassedOver, Reason, Search, SearchError, Suggestions};
pub use verdict::{Exemption, Finding, Verdict};
pub use violation::{Hit, Hits, Neighbour, Violation};

/// The rules in force. At least one is set in every policy that was read from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Nothing may change but the ServiceCIDR `kubernetes`.
    pub deny_all: Option<DenyAll>,
    /// Every CIDR that a request adds must lie within one of these.
    pub allowed_ranges: Option<AllowedRanges>,
    /// How wide and how narrow a CIDR may be.
    pub prefix_length: Option<PrefixLength>,
    /// What isn't for Services.
    pub reserved_networks: Option<ReservedNetworks>,
    /// How a CIDR may not lie to those of other ServiceCIDRs.
    pub no_overlap: Option<NoOverlap>,
    /// A CIDR gives addresses.
    pub usable: Option<Usable>,
    /// What a deletion may not leave behind.
    pub removal: Option<RemovalRule>,
    /// How old an inventory may be.
    pub staleness: Staleness,
    /// Which requests are answered with what they would change.
    pub warn_on: WarnOn,
    /// The IP families that Services of the cluster can have, if the policy says so.
    pub ip_families: Option<Vec<IpFamily>>,
    /// Networks that the policy declares.
    pub networks: Vec<Network>,
}

impl Policy {
    /// The ids of its rules, in the order in which they judge.
    #[must_use]
    pub fn rules(&self) -> Vec<&'static str> {
        let Self { deny_all, allowed_ranges, prefix_length, reserved_networks, no_overlap, usable, removal, .. } = self;
        let rules = [
            deny_all.as_ref().map(|_| "deny-all"),
            allowed_ranges.as_ref().map(|_| "allowed-ranges"),
            prefix_length.as_ref().map(|_| "prefix-length"),
            reserved_networks.as_ref().map(|_| "reserved-networks"),
            no_overlap.as_ref().map(|_| "no-overlap"),
            usable.as_ref().map(|_| "usable"),
            removal.as_ref().map(|_| "removal"),
        ];
        rules.into_iter().flatten().collect()
    }

    /// The id of the first rule that can't judge without an inventory, if one can't.
    #[must_use]
    pub fn needs_inventory(&self) -> Option<&'static str> {
        let discovers = self.wants_nodes().then_some("reserved-networks");
        let overlaps = self.no_overlap.as_ref().map(|_| "no-overlap");
        discovers.or(overlaps).or(self.removal.as_ref().map(|_| "removal"))
    }

    /// Whether a rule judges by what nodes hold.
    #[must_use]
    pub fn wants_nodes(&self) -> bool {
        self.reserved_networks.as_ref().is_some_and(|rule| !rule.discover.is_empty())
    }
}
