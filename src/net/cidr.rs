//! `Cidr`: a CIDR in canonical form, and `Relation`: how two of them lie to each other.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

use super::IpFamily;

/// A CIDR in canonical form: no host bits, not IPv4-mapped.
///
/// [`FromStr`] takes exactly what kube-apiserver takes for a new ServiceCIDR (`IsValidCIDR` of
/// k8s.io/apimachinery): the text must be the canonical one. [`Cidr::lenient`] takes what the CEL
/// function `cidr()` takes.
///
/// ```
/// use servicecidr_guard::net::{Cidr, CidrError};
///
/// let cidr: Cidr = "10.96.0.0/16".parse()?;
/// assert_eq!(cidr.to_string(), "10.96.0.0/16");
///
/// // The edges of both families are CIDRs too.
/// for edge in ["0.0.0.0/0", "10.0.0.1/32", "255.255.255.255/32", "::/0", "fd00::/127", "fd00::1/128"] {
///     assert_eq!(edge.parse::<Cidr>()?.to_string(), edge);
/// }
///
/// let with_host_bits = "10.96.1.1/24".parse::<Cidr>();
/// assert_eq!(with_host_bits, Err(CidrError::HostBits { canonical: "10.96.1.0/24".parse()? }));
/// # Ok::<(), CidrError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(IpNet);

/// Why a text is not the canonical form of a CIDR.
///
/// The first that applies, in the order in which kube-apiserver asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CidrError {
    /// Not an address, a slash and a prefix length within the family's range.
    #[error("is not a CIDR: write it as 10.9.8.0/24 or 2001:db8::/64")]
    NotACidr,
    /// An octet, a group or the prefix length is padded with zeros, which some programs read as octal.
    #[error("has leading zeros: write every number without them")]
    LeadingZeros,
    /// An IPv4 address in IPv6 notation.
    #[error("is an IPv4-mapped IPv6 CIDR: write it as IPv4")]
    Ipv4Mapped,
    /// The address has bits set beyond the prefix length.
    #[error("has host bits set: use {canonical}")]
    HostBits {
        /// The CIDR that the address lies in.
        canonical: Cidr,
    },
    /// Upper case, or zeros that RFC 5952 writes otherwise.
    #[error("is not in canonical form: use {canonical}")]
    NotCanonical {
        /// The same CIDR, written canonically.
        canonical: Cidr,
    },
}

/// How one CIDR lies to another. Two CIDRs nest or share nothing: there is no partial overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both hold the same addresses.
    Same,
    /// The first holds every address of the second, and more.
    Contains,
    /// The second holds every address of the first, and more.
    Within,
    /// No address is in both. CIDRs of different families are always disjoint.
    Disjoint,
}

impl Cidr {
    /// Reads what the CEL function `cidr()` reads: host bits are dropped, and an IPv6 address may be
    /// written in any way. Leading zeros, zones and IPv4-mapped addresses are errors here too.
    ///
    /// ```
    /// # use servicecidr_guard::net::{Cidr, CidrError};
    /// assert_eq!(Cidr::lenient("10.96.5.7/16")?, "10.96.0.0/16".parse()?);
    /// assert_eq!(Cidr::lenient("2001:DB8:0::/64")?, "2001:db8::/64".parse()?);
    /// assert_eq!(Cidr::lenient("010.96.0.0/16"), Err(CidrError::LeadingZeros));
    /// assert_eq!(Cidr::lenient("::ffff:10.0.0.0/104"), Err(CidrError::Ipv4Mapped));
    /// # Ok::<(), CidrError>(())
    /// ```
    ///
    /// # Errors
    /// [`CidrError::NotACidr`], [`CidrError::LeadingZeros`] or [`CidrError::Ipv4Mapped`].
    pub fn lenient(text: &str) -> Result<Self, CidrError> {
        parse(text).map(|net| Self(net.trunc()))
    }

    /// The family of a text as kube-apiserver counts it: leading zeros don't matter, and an
    /// IPv4-mapped CIDR is IPv4. `None` when the text isn't a CIDR at all.
    #[must_use]
    pub fn family_of(text: &str) -> Option<IpFamily> {
        let (net, _) = sloppy(text)?;
        match net.addr().to_canonical() {
            IpAddr::V4(_) => Some(IpFamily::IPv4),
            IpAddr::V6(_) => Some(IpFamily::IPv6),
        }
    }

    /// How `self` lies to `other`.
    ///
    /// ```
    /// # use servicecidr_guard::net::{Cidr, CidrError, Relation};
    /// let wide: Cidr = "10.0.0.0/16".parse()?;
    /// assert_eq!(wide.relation("10.0.1.0/24".parse()?), Relation::Contains);
    /// assert_eq!(wide.relation("10.0.0.0/16".parse()?), Relation::Same);
    /// assert_eq!(wide.relation("10.0.0.0/8".parse()?), Relation::Within);
    /// assert_eq!(wide.relation("10.1.0.0/16".parse()?), Relation::Disjoint);
    /// assert_eq!("::/0".parse::<Cidr>()?.relation("0.0.0.0/0".parse()?), Relation::Disjoint);
    /// # Ok::<(), CidrError>(())
    /// ```
    #[must_use]
    pub fn relation(self, other: Self) -> Relation {
        if self == other {
            Relation::Same
        } else if self.0.contains(&other.0) {
            Relation::Contains
        } else if other.0.contains(&self.0) {
            Relation::Within
        } else {
            Relation::Disjoint
        }
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(self) -> IpFamily {
        match self.0 {
            IpNet::V4(_) => IpFamily::IPv4,
            IpNet::V6(_) => IpFamily::IPv6,
        }
    }

    /// Its lowest address, the network address.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.0.network()
    }

    /// How many bits of its addresses are free: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn host_bits(self) -> u8 {
        self.0.max_prefix_len() - self.0.prefix_len()
    }

    /// Its prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.0.prefix_len()
    }

    /// The CIDR of this prefix length that holds it; itself when it is no longer than that.
    #[must_use]
    pub fn widened(self, prefix_len: u8) -> Self {
        match IpNet::new(self.0.network(), prefix_len.min(self.prefix_len())) {
            Ok(net) => Self(net.trunc()),
            Err(_) => self,
        }
    }

    /// The CIDR of one address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// The CIDR of this many host bits that begins at an address, given as a number of its family.
    #[must_use]
    pub fn of_block(family: IpFamily, first: u128, host_bits: u8) -> Option<Self> {
        let address = family.address(first);
        let bits = if address.is_ipv4() { 32 } else { 128_u8 };
        let net = IpNet::new(address, bits.checked_sub(host_bits)?).ok()?;
        (net.addr() == net.network()).then_some(Self(net))
    }

    /// Its last address, as a CIDR: what follows everything within it in the order of CIDRs.
    #[must_use]
    pub fn last_address(self) -> Self {
        Self(IpNet::from(self.0.broadcast()))
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let net = parse(text)?;
        let canonical = Self(net.trunc());
        if net.addr() != net.network() {
            Err(CidrError::HostBits { canonical })
        } else if text != canonical.to_string() {
            Err(CidrError::NotCanonical { canonical })
        } else {
            Ok(canonical)
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address and a prefix length, as Go's `netip.ParsePrefix` reads them; the host bits are kept.
///
/// Not by ipnet's own parser: that one takes `010.0.0.0/8` and `10.0.0.0/08`.
fn parse(text: &str) -> Result<IpNet, CidrError> {
    let (net, is_padded) = sloppy(text).ok_or(CidrError::NotACidr)?;
    match net.addr() {
        _ if is_padded => Err(CidrError::LeadingZeros),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Err(CidrError::Ipv4Mapped),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(net),
    }
}

/// The same, with leading zeros in the address and the length, and whether there are any.
fn sloppy(text: &str) -> Option<(IpNet, bool)> {
    let (address, length) = text.split_once('/')?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bits: u8 = unpadded(length).parse().ok()?;
    let strict: Option<IpAddr> = address.parse().ok();
    let is_padded = strict.is_none() || length != bits.to_string();
    let net = IpNet::new(strict.or_else(|| unpadded(address).parse().ok())?, bits).ok()?;
    Some((net, is_padded))
}

/// A text with the leading zeros of every number taken away.
fn unpadded(address: &str) -> String {
    let without_zeros = |number: &str| match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let groups: Vec<String> =
        address.split(':').map(|group| group.split('.').map(without_zeros).collect::<Vec<_>>().join(".")).collect();
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let seen = match text.parse::<Cidr>() {
            Ok(_) => "ok".to_owned(),
            Err(CidrError::NotACidr) => "a".to_owned(),
            Err(CidrError::LeadingZeros) => "b".to_owned(),
            Err(CidrError::Ipv4Mapped) => "c".to_owned(),
            Err(CidrError::HostBits { .. }) => "d".to_owned(),
            Err(CidrError::NotCanonical { canonical }) => format!("e {canonical}"),
        };
        assert_eq!(seen, expected, "{text:?}");
    }

    /// What `IsValidCIDR` of Kubernetes 1.37.2 says: a to e are its rules in their order.
    #[test]
    fn a_new_cidr_is_judged_as_kube_apiserver_judges_it() {
        for text in [
            "10.0.0.0/24",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/31",
            "10.0.0.0/32",
            "255.255.255.255/32",
            "fd00::/48",
            "fd00::/63",
            "::fffe:0:0/95",
            "::a00:0/104",
            "2001:db8:0:0:1::/80",
            "fe80::/10",
            "ff00::/8",
            "127.0.0.0/8",
            "224.0.0.0/4",
            "fd00::1/128",
        ] {
            check(text, "ok");
        }
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "fd00::/129",
            "10.0.0.0/24 ",
            " 10.0.0.0/24",
            "10.0.0.0/24\n",
            "10.0.0/24",
            "0x0a.0.0.0/8",
            "fd00::%eth0/64",
            "[fd00::]/64",
            "12345::/64",
            "a::b::c/64",
            "10.0.0.0/8/8",
            "10.0.0.0/256",
            "١.0.0.0/8",
        ] {
            check(text, "a");
        }
        for text in ["10.0.0.0/08", "0.0.0.0/00", "fd00::/064", "010.0.0.0/8", "0000010.0.0.0/24", "fd00:00001::/64"] {
            check(text, "b");
        }
        for text in ["::ffff:10.0.0.0/104", "::ffff:a00:0/104", "::ffff:0:0/96", "::ffff:1.2.3.4/104"] {
            check(text, "c");
        }
        for text in ["10.0.0.1/24", "fd00::1/64", "FD00::1/64"] {
            check(text, "d");
        }
        check("FD00::/64", "e fd00::/64");
        check("fd00:0::/64", "e fd00::/64");
        check("fd00:0:0:0::/64", "e fd00::/64");
        check("2001:0db8::/64", "e 2001:db8::/64");
        check("2001:db8::1:0:0:0/80", "e 2001:db8:0:0:1::/80");
        check("::10.0.0.0/104", "e ::a00:0/104");
        check("1:2:3:4:5:6:7::/128", "e 1:2:3:4:5:6:7:0/128");
        check("0::/64", "e ::/64");
    }

    /// The prefix relations A1 to A19, as the real Kubernetes code answers them: whether the two
    /// overlap, and whether the first contains the second. Host bits are dropped first.
    #[test]
    fn two_cidrs_lie_to_each_other_as_kubernetes_sees_them() {
        for (first, second, overlap, contains) in [
            ("10.0.0.0/16", "10.0.1.0/24", true, true),
            ("10.0.1.0/24", "10.0.0.0/16", true, false),
            ("10.0.0.0/24", "10.0.0.0/24", true, true),
            ("10.0.0.0/24", "10.0.1.0/24", false, false),
            ("10.0.0.0/23", "10.0.1.0/24", true, true),
            ("0.0.0.0/0", "::/0", false, false),
            ("::/0", "fd00::/64", true, true),
            ("0.0.0.0/0", "0.0.0.0/0", true, true),
            ("fd00::/64", "fd00:0:0:1::/64", false, false),
            ("fd00::/63", "fd00:0:0:1::/64", true, true),
            ("10.0.5.7/16", "10.0.1.0/24", true, true),
            ("10.0.0.0/16", "10.0.1.9/24", true, true),
            ("10.0.0.5/24", "10.0.0.9/24", true, true),
            ("10.0.0.255/32", "10.0.0.0/24", true, false),
            ("10.0.0.0/24", "10.0.0.255/32", true, true),
            ("0.0.0.0/0", "10.0.0.0/8", true, true),
            ("10.0.0.0/8", "0.0.0.0/0", true, false),
        ] {
            let relation = Cidr::lenient(first).unwrap().relation(Cidr::lenient(second).unwrap());
            assert_eq!(relation != Relation::Disjoint, overlap, "{first} {second}");
            assert_eq!(matches!(relation, Relation::Same | Relation::Contains), contains, "{first} {second}");
        }
    }
}
