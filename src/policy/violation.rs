//! `Violation`: what a rule found. Its message is in `violation/message.rs`.

mod conflict;
mod message;

use core::time::Duration;
use std::ops::RangeInclusive;

use crate::capacity::CappedList;
use crate::inventory::{Allocation, Freshness, Operation, ResourceKind, UnusableReason, ValidationError};
use crate::net::{Cidr, CidrSet, IpFamily, Relation};

use super::RuleId;

pub use conflict::{Conflict, ConflictOwner, Conflicts, RangeList};

/// What a rule found. Its `Display` is the message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// kube-apiserver never sends such a request: it is denied under every policy.
    Invalid(ValidationError),
    /// A client changes or deletes the ServiceCIDR `kubernetes`: never denied.
    DefaultServiceCidr {
        /// The requested operation.
        operation: Operation,
    },
    /// A rule can't be evaluated, because the cluster state that it needs is unknown.
    Unknown {
        /// The rule.
        rule: RuleId,
        /// The kind of object that the rule needs.
        needed: ResourceKind,
        /// The freshness of that kind.
        freshness: Freshness,
        /// The largest age that the policy allows.
        max: Duration,
    },
    /// deny-all: the policy denies the operation.
    Denied {
        /// The requested operation.
        operation: Operation,
        /// The name of the ServiceCIDR.
        name: String,
    },
    /// allowed-ranges: an added CIDR is in none of the allowed ranges.
    OutsideAllowedRanges {
        /// The index in `spec.cidrs`, from 0.
        index: usize,
        /// The added CIDR.
        cidr: Cidr,
        /// The allowed ranges of its family that are within it.
        narrower: RangeList,
        /// The allowed ranges of its family.
        allowed: RangeList,
    },
    /// prefix-length: an added CIDR is too wide or too narrow.
    PrefixLength {
        /// The index in `spec.cidrs`, from 0.
        index: usize,
        /// The added CIDR.
        cidr: Cidr,
        /// The allowed prefix lengths.
        admitted: RangeInclusive<u8>,
    },
    /// reserved-networks: an added CIDR overlaps non-Service networks.
    Reserved {
        /// The index in `spec.cidrs`, from 0.
        index: usize,
        /// The added CIDR.
        cidr: Cidr,
        /// The networks that it overlaps.
        conflicts: Conflicts,
    },
    /// no-overlap: an added CIDR overlaps other ServiceCIDRs.
    Overlap {
        /// The index in `spec.cidrs`, from 0.
        index: usize,
        /// The added CIDR.
        cidr: Cidr,
        /// The CIDRs that it overlaps.
        conflicts: Conflicts,
    },
    /// usable: an added CIDR has no allocatable addresses.
    Unusable {
        /// The index in `spec.cidrs`, from 0.
        index: usize,
        /// The added CIDR.
        cidr: Cidr,
        /// Why it has no allocatable addresses.
        reason: UnusableReason,
    },
    /// deletion: kube-controller-manager would keep its finalizer.
    Blocked {
        /// The name of the ServiceCIDR.
        name: String,
        /// The IPAddresses that are in no other ServiceCIDR.
        addresses: CappedList<Allocation>,
    },
    /// deletion: the deletion would complete and leave IPAddresses in no usable range.
    Stranded {
        /// The name of the ServiceCIDR.
        name: String,
        /// The IPAddresses that would be in no usable range.
        addresses: CappedList<Allocation>,
        /// Whether it has the finalizer of kube-controller-manager.
        is_protected: bool,
    },
    /// deletion: an IP family would have no usable range.
    Exhausted {
        /// The name of the ServiceCIDR.
        name: String,
        /// The IP family.
        family: IpFamily,
    },
}

impl Violation {
    pub(super) fn outside(index: usize, cidr: Cidr, ranges: &CidrSet) -> Self {
        let allowed = RangeList::of(ranges.of_family(cidr.family()));
        let narrower = RangeList::of(ranges.iter().filter(|range| range.relation(cidr) == Relation::Within));
        Self::OutsideAllowedRanges { index, cidr, narrower, allowed }
    }

    /// The message without its field.
    #[must_use]
    pub fn message(&self) -> String {
        let sentence = self.to_string();
        let prefix = format!("{}: ", self.field());
        sentence.strip_prefix(&prefix).unwrap_or(&sentence).to_owned()
    }

    /// The rule of the violation.
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

    /// The field of the ServiceCIDR that causes the violation.
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
