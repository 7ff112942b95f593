//! `AddressRange`: from one address to another, counted in u128.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Cidr, IpFamily};

/// A range of addresses of one family, both ends in it: never empty.
///
/// ```
/// use servicecidr_guard::net::{AddressRange, IpFamily};
///
/// let range = AddressRange::of("10.96.0.0/30".parse()?);
/// assert_eq!((range.count(), range.to_string().as_str()), (4, "10.96.0.0-10.96.0.3"));
/// assert!(range.contains("10.96.0.3".parse().unwrap()) && !range.contains("10.96.0.4".parse().unwrap()));
/// assert!(!AddressRange::of("::/0".parse()?).contains("10.96.0.1".parse().unwrap()));
/// assert_eq!(AddressRange::new(IpFamily::IPv4, 2, 1), None);
/// # Ok::<(), servicecidr_guard::net::CidrError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    family: IpFamily,
    first: u128,
    last: u128,
}

impl AddressRange {
    /// From `first` to `last`; `None` if that is no address at all.
    #[must_use]
    pub fn new(family: IpFamily, first: u128, last: u128) -> Option<Self> {
        (first <= last && last <= family.last()).then_some(Self { family, first, last })
    }

    /// All addresses of a CIDR.
    #[must_use]
    pub fn of(cidr: Cidr) -> Self {
        let first = number(cidr.first());
        let size_less_one = match cidr.host_bits() {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        };
        Self { family: cidr.family(), first, last: first | size_less_one }
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(self) -> IpFamily {
        self.family
    }

    /// Its first address, as a number.
    #[must_use]
    pub fn first(self) -> u128 {
        self.first
    }

    /// Its last address, as a number.
    #[must_use]
    pub fn last(self) -> u128 {
        self.last
    }

    /// Its first address.
    #[must_use]
    pub fn first_address(self) -> IpAddr {
        self.family.address(self.first)
    }

    /// Its last address.
    #[must_use]
    pub fn last_address(self) -> IpAddr {
        self.family.address(self.last)
    }

    /// How many addresses there are. All of IPv6 is one more than a `u128` holds: it counts as
    /// [`u128::MAX`].
    #[must_use]
    pub fn count(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        IpFamily::of(address) == self.family && (self.first..=self.last).contains(&number(address))
    }

    /// What it shares with another range.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        Self::new(self.family, self.first.max(other.first), self.last.min(other.last))
    }

    /// The fewest CIDRs that make it up, in the order of their addresses: each the largest that is aligned
    /// and fits.
    ///
    /// ```
    /// # use servicecidr_guard::net::{AddressRange, IpFamily};
    /// let blocks = |family, first, last| -> Vec<String> {
    ///     AddressRange::new(family, first, last).into_iter().flat_map(AddressRange::blocks).map(|it| it.to_string()).collect()
    /// };
    /// assert_eq!(blocks(IpFamily::IPv4, 1, 6), ["0.0.0.1/32", "0.0.0.2/31", "0.0.0.4/31", "0.0.0.6/32"]);
    /// assert_eq!(blocks(IpFamily::IPv4, 0, u128::from(u32::MAX)), ["0.0.0.0/0"]);
    /// assert_eq!(blocks(IpFamily::IPv6, 0, u128::MAX), ["::/0"]);
    /// ```
    pub fn blocks(self) -> impl Iterator<Item = Cidr> {
        let bits: u32 = match self.family {
            IpFamily::IPv4 => 32,
            IpFamily::IPv6 => 128,
        };
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let first = next?;
            // All of IPv6 has one address more than is counted.
            let room = (self.last - first).checked_add(1).map_or(128, u128::ilog2);
            let host_bits = first.trailing_zeros().min(room).min(bits);
            let after = 1_u128.checked_shl(host_bits).and_then(|size| first.checked_add(size));
            next = after.filter(|after| *after <= self.last);
            Cidr::of_block(self.family, first, u8::try_from(host_bits).ok()?)
        })
    }
}

/// An address as a number within its family.
#[must_use]
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

impl IpFamily {
    /// The family of an address. An IPv4-mapped IPv6 address is IPv6.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPv4,
            IpAddr::V6(_) => Self::IPv6,
        }
    }

    /// The address with this number. Numbers beyond the family's last are its last.
    #[must_use]
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Self::IPv4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
            Self::IPv6 => IpAddr::V6(Ipv6Addr::from(number)),
        }
    }

    /// The number of its last address.
    #[must_use]
    pub fn last(self) -> u128 {
        match self {
            Self::IPv4 => u128::from(u32::MAX),
            Self::IPv6 => u128::MAX,
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first_address(), self.last_address())
    }
}
