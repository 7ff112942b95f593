//! prefix-length: a CIDR that a request adds must be neither too wide nor too narrow.

use std::ops::RangeInclusive;

use crate::inventory::Change;
use crate::net::{Cidr, IpFamily};
use crate::policy::{ValidationActions, Violation};

/// Limits of the prefix length of an added CIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixLength {
    /// The allowed prefix lengths of an IPv4 CIDR.
    pub ipv4: RangeInclusive<u8>,
    /// The allowed prefix lengths of an IPv6 CIDR.
    pub ipv6: RangeInclusive<u8>,
    /// The actions on another prefix length.
    pub actions: ValidationActions,
}

impl PrefixLength {
    /// The allowed prefix lengths of a family.
    #[must_use]
    pub fn bounds_for(&self, family: IpFamily) -> RangeInclusive<u8> {
        match family {
            IpFamily::IPv4 => self.ipv4.clone(),
            IpFamily::IPv6 => self.ipv6.clone(),
        }
    }

    /// Whether the prefix length of a CIDR is allowed.
    #[must_use]
    pub fn allows(&self, cidr: Cidr) -> bool {
        self.bounds_for(cidr.family()).contains(&cidr.prefix_len())
    }

    /// A violation for each added CIDR whose prefix length is not allowed.
    pub(in crate::policy) fn check(&self, change: &Change) -> Vec<Violation> {
        change
            .cidrs()
            .filter(|(_, cidr)| !self.allows(*cidr))
            .map(|(index, cidr)| Violation::PrefixLength { index, cidr, admitted: self.bounds_for(cidr.family()) })
            .collect()
    }
}
