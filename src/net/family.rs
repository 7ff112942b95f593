//! `IpFamily`: IPv4 or IPv6, spelled as Kubernetes spells them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// An IP family, as in `spec.ipFamilies` of a Service.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpFamily {
    /// 32-bit addresses.
    IPv4,
    /// 128-bit addresses.
    IPv6,
}

impl IpFamily {
    /// Both families, ascending: the order of every report.
    pub const ALL: [Self; 2] = [Self::IPv4, Self::IPv6];

    /// `IPv4` or `IPv6`, as in the Kubernetes API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        }
    }

    /// The other family.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::IPv4 => Self::IPv6,
            Self::IPv6 => Self::IPv4,
        }
    }

    /// The width of an address in bits, which is also the longest prefix length.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::IPv4 => 32,
            Self::IPv6 => 128,
        }
    }

    /// The last address of the family, as a number.
    #[must_use]
    pub fn last(self) -> u128 {
        block_mask(self.bits())
    }

    /// The address with this number. A number beyond the family's last address returns the last address.
    #[must_use]
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Self::IPv4 => IpAddr::V4(ipv4_address(number)),
            Self::IPv6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }
}

impl From<IpAddr> for IpFamily {
    /// The family of an address. An IPv4-mapped IPv6 address is IPv6.
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPv4,
            IpAddr::V6(_) => Self::IPv6,
        }
    }
}

impl fmt::Display for IpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An address as a number within its family.
#[must_use]
pub fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The IPv4 address with this number. A number beyond the last address returns the last address.
pub(super) fn ipv4_address(number: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The host bits of an aligned block, all set: its size less one. 128 bits are all of IPv6.
pub(super) fn block_mask(host_bits: u8) -> u128 {
    1_u128.checked_shl(host_bits.into()).map_or(u128::MAX, |size| size - 1)
}
