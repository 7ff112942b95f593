//! `Violation`: what a rule found. The sentence that the user reads is in `violation/sentence.rs`.

mod conflict;
mod message;

use core::time::Duration;
use std::ops::RangeInclusive;

use crate::capacity::CappedList;
use crate::inventory::{Allocation, Freshness, Operation, ResourceKind, UnusableReason, ValidationError};
use crate::net::{Cidr, CidrSet, IpFamily, Relation};

use super::RuleId;

pub use conflict::{Conflict, ConflictOwner, Conflicts, RangeList};

/// What a rule found. Its `Display` is the sentence that the user reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Not a request that kube-apiserver sends: whatever the policy, this is denied.
    Invalid(ValidationError),
    /// Somebody changes or deletes the ServiceCIDR `kubernetes`: never denied.
    DefaultServiceCidr {
        /// What was asked for.
        operation: Operation,
    },
    /// A rule can't judge, because it doesn't know what it needs to.
    Unknown {
        /// The rule.
        rule: RuleId,
        /// What it needs to know.
        needed: ResourceKind,
        /// How fresh that is.
        freshness: Freshness,
        /// How old it may be.
        max: Duration,
    },
    /// deny-all: the policy denies the operation.
    Denied {
        /// What was asked for.
        operation: Operation,
        /// The name of the ServiceCIDR.
        name: String,
    },
    /// allowed-ranges: an added CIDR lies within none of the allowed ranges.
    OutsideAllowedRanges {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// The allowed ranges of its family that lie within it.
        narrower: RangeList,
        /// The allowed ranges of its family.
        allowed: RangeList,
    },
    /// prefix-length: an added CIDR is too wide or too narrow.
    PrefixLength {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// The lengths that it may have.
        admitted: RangeInclusive<u8>,
    },
    /// reserved-networks: an added CIDR touches networks that aren't for Services.
    Reserved {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// The networks.
        conflicts: Conflicts,
    },
    /// no-overlap: an added CIDR shares addresses with other ServiceCIDRs.
    Overlap {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// The others.
        conflicts: Conflicts,
    },
    /// usable: an added CIDR gives no address.
    Unusable {
        /// Its place in `spec.cidrs`, from 0.
        index: usize,
        /// The CIDR.
        cidr: Cidr,
        /// Why not.
        idle: UnusableReason,
    },
    /// deletion: kube-controller-manager would hold the deletion back.
    Blocked {
        /// The name of the ServiceCIDR.
        name: String,
        /// The IPAddresses that no other ServiceCIDR holds.
        addresses: CappedList<Allocation>,
    },
    /// deletion: the ServiceCIDR would go and leave IPAddresses in no range that gives addresses.
    Stranded {
        /// The name of the ServiceCIDR.
        name: String,
        /// The IPAddresses.
        addresses: CappedList<Allocation>,
        /// Whether it has the finalizer by which kube-controller-manager would look at all.
        is_protected: bool,
    },
    /// deletion: a family would have no range left.
    Exhausted {
        /// The name of the ServiceCIDR.
        name: String,
        /// The family.
        family: IpFamily,
    },
}

impl Violation {
    pub(super) fn outside(index: usize, cidr: Cidr, ranges: &CidrSet) -> Self {
        let allowed = RangeList::of(ranges.of_family(cidr.family()));
        let narrower = RangeList::of(ranges.iter().filter(|range| range.relation(cidr) == Relation::Within));
        Self::OutsideAllowedRanges { index, cidr, narrower, allowed }
    }

    /// The sentence without its field.
    #[must_use]
    pub fn message(&self) -> String {
        let sentence = self.to_string();
        let prefix = format!("{}: ", self.field());
        sentence.strip_prefix(&prefix).unwrap_or(&sentence).to_owned()
    }

    /// The rule that found it.
    #[must_use]
    pub fn rule(&self) -> RuleId {
        match self {
            Self::Invalid(_) => RuleId::InvalidRequest,
            Self::DefaultServiceCidr { .. } => RuleId::DefaultServiceCidr,
            Self::Unknown { rule, .. } => *rule,
            Self::Denied { .. } => RuleId::DenyAll,
            Self::OutsideAllowedRanges { .. } => RuleId::AllowedRanges,
            Self::PrefixLength { .. } => RuleId::PrefixLength,
            Self::Reserved { .. } => RuleId::ReservedNetworks,
            Self::Overlap { .. } => RuleId::NoOverlap,
            Self::Unusable { .. } => RuleId::Usable,
            Self::Blocked { .. } | Self::Stranded { .. } | Self::Exhausted { .. } => RuleId::Deletion,
        }
    }

    /// The field of the ServiceCIDR that is to blame.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Invalid(
                ValidationError::Missing { field }
                | ValidationError::Unreadable { field, .. }
                | ValidationError::Name { field, .. },
            ) => (*field).to_owned(),
            Self::Invalid(ValidationError::Version { .. }) => "apiVersion".to_owned(),
            Self::Unknown { rule: RuleId::Deletion, .. }
            | Self::DefaultServiceCidr { .. }
            | Self::Denied { .. }
            | Self::Blocked { .. }
            | Self::Stranded { .. }
            | Self::Invalid(ValidationError::NoName)
            | Self::Exhausted { .. } => "metadata.name".to_owned(),
            Self::Unknown { .. }
            | Self::Invalid(
                ValidationError::NoCidrs
                | ValidationError::TooManyCidrs { .. }
                | ValidationError::SameFamily
                | ValidationError::ImmutableList,
            ) => "spec.cidrs".to_owned(),
            Self::Invalid(ValidationError::Malformed { index, .. } | ValidationError::Immutable { index, .. })
            | Self::OutsideAllowedRanges { index, .. }
            | Self::PrefixLength { index, .. }
            | Self::Reserved { index, .. }
            | Self::Overlap { index, .. }
            | Self::Unusable { index, .. } => format!("spec.cidrs[{index}]"),
        }
    }
}
