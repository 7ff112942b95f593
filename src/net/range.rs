//! `AddressRange`: consecutive addresses of one family, counted in `u128`.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpSubnets, Ipv4Subnets, Ipv6Subnets};

use super::family::{block_mask, ipv4_address};
use super::{Cidr, IpFamily, address_bits};

/// A range of addresses of one family, including both ends: never empty.
///
/// ```
/// use servicecidr_guard::net::{AddressRange, Cidr, IpFamily};
///
/// let range = AddressRange::from("10.96.0.0/30".parse::<Cidr>()?);
/// assert_eq!((range.count(), range.to_string().as_str()), (4, "10.96.0.0-10.96.0.3"));
/// assert!(range.contains("10.96.0.3".parse().unwrap()) && !range.contains("10.96.0.4".parse().unwrap()));
/// assert!(!AddressRange::from("::/0".parse::<Cidr>()?).contains("10.96.0.1".parse().unwrap()));
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
    /// The range from `first` to `last`: `None` if it is empty or ends beyond the family.
    #[must_use]
    pub fn new(family: IpFamily, first: u128, last: u128) -> Option<Self> {
        (first <= last && last <= family.last()).then_some(Self { family, first, last })
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(self) -> IpFamily {
        self.family
    }

    /// The first address, as a number.
    #[must_use]
    pub fn first(self) -> u128 {
        self.first
    }

    /// The last address, as a number.
    #[must_use]
    pub fn last(self) -> u128 {
        self.last
    }

    /// The first address.
    #[must_use]
    pub fn first_address(self) -> IpAddr {
        self.family.address(self.first)
    }

    /// The last address.
    #[must_use]
    pub fn last_address(self) -> IpAddr {
        self.family.address(self.last)
    }

    /// The number of addresses. All of IPv6 is one more than the largest `u128`: it counts as [`u128::MAX`].
    #[must_use]
    pub fn count(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether the range contains an address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        IpFamily::from(address) == self.family && (self.first..=self.last).contains(&address_bits(address))
    }

    /// The addresses in both ranges: `None` if there are none.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        Self::new(self.family, self.first.max(other.first), self.last.min(other.last))
    }

    /// The fewest CIDRs that cover exactly this range, in ascending order.
    ///
    /// ```
    /// # use servicecidr_guard::net::{AddressRange, IpFamily};
    /// let subnets = |family, first, last| -> Vec<String> {
    ///     AddressRange::new(family, first, last).into_iter().flat_map(AddressRange::subnets).map(|it| it.to_string()).collect()
    /// };
    /// assert_eq!(subnets(IpFamily::IPv4, 1, 6), ["0.0.0.1/32", "0.0.0.2/31", "0.0.0.4/31", "0.0.0.6/32"]);
    /// assert_eq!(subnets(IpFamily::IPv4, 0, u128::from(u32::MAX)), ["0.0.0.0/0"]);
    /// assert_eq!(subnets(IpFamily::IPv6, 0, u128::MAX), ["::/0"]);
    /// ```
    pub fn subnets(self) -> impl Iterator<Item = Cidr> {
        let subnets = match self.family {
            IpFamily::IPv4 => Ipv4Subnets::new(ipv4_address(self.first), ipv4_address(self.last), 0).into(),
            IpFamily::IPv6 => IpSubnets::from(Ipv6Subnets::new(self.first.into(), self.last.into(), 0)),
        };
        subnets.map(Cidr::from_net)
    }
}

impl From<Cidr> for AddressRange {
    /// All addresses of a CIDR.
    fn from(cidr: Cidr) -> Self {
        let first = address_bits(cidr.first());
        Self { family: cidr.family(), first, last: first | block_mask(cidr.host_bits()) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first_address(), self.last_address())
    }
}
