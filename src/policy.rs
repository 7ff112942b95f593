//! What is permitted: the rules in force, and the decision.

mod action;
mod decide;
mod request;
mod rule {
    pub mod allowed_ranges;
    pub mod deny_all;
}
mod verdict;
mod violation;

use crate::inventory::Network;
use crate::net::IpFamily;

pub use action::{ValidationAction, ValidationActions, ValidationActionsError};
pub use decide::decide;
pub use request::{Part, Request};
pub use rule::allowed_ranges::AllowedRanges;
pub use rule::deny_all::DenyAll;
pub use verdict::{Exemption, Finding, Verdict};
pub use violation::{Excerpt, Violation};

/// The rules in force. At least one is set in every policy that was read from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Every CIDR that a request adds must lie within one of these.
    pub allowed_ranges: Option<AllowedRanges>,
    /// Nothing may change but the ServiceCIDR `kubernetes`.
    pub deny_all: Option<DenyAll>,
    /// The IP families that Services of the cluster can have, if the policy says so.
    pub ip_families: Option<Vec<IpFamily>>,
    /// Networks that Services must not touch. Declared here; no rule judges them yet.
    pub networks: Vec<Network>,
}

impl Policy {
    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allowed_ranges.is_none() && self.deny_all.is_none()
    }
}
