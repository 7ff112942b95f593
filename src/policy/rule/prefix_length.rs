//! prefix-length: a CIDR that a request adds is neither too wide nor too narrow.

use std::ops::RangeInclusive;

use crate::inventory::Change;
use crate::net::{Cidr, IpFamily};
use crate::policy::{ValidationActions, Violation};

/// A CIDR that a request adds is neither too wide nor too narrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixLength {
    /// The lengths that an IPv4 CIDR may have.
    pub ipv4: RangeInclusive<u8>,
    /// The lengths that an IPv6 CIDR may have.
    pub ipv6: RangeInclusive<u8>,
    /// What follows from another.
    pub actions: ValidationActions,
}

impl PrefixLength {
    /// The lengths that a CIDR of a family may have.
    #[must_use]
    pub fn bounds_for(&self, family: IpFamily) -> RangeInclusive<u8> {
        match family {
            IpFamily::IPv4 => self.ipv4.clone(),
            IpFamily::IPv6 => self.ipv6.clone(),
        }
    }

    /// Whether a CIDR has one of these lengths.
    #[must_use]
    pub fn allows(&self, cidr: Cidr) -> bool {
        self.bounds_for(cidr.family()).contains(&cidr.prefix_len())
    }

    /// A violation for each added CIDR of another length.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        change
            .cidrs()
            .filter(|(_, cidr)| !self.allows(*cidr))
            .map(|(index, cidr)| Violation::PrefixLength { index, cidr, admitted: self.bounds_for(cidr.family()) })
            .collect()
    }
}
