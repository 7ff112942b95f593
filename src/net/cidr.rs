//! `Cidr`: a CIDR in canonical form, and `Relation`: how two of them relate.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

use super::IpFamily;

/// A CIDR in canonical form: no host bits, not IPv4-mapped.
///
/// [`FromStr`] accepts exactly what kube-apiserver accepts for a new ServiceCIDR (`IsValidCIDR` of
/// k8s.io/apimachinery): only the canonical text. [`Cidr::parse_lenient`] accepts what the CEL function `cidr()`
/// accepts.
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
/// If several reasons apply, the first in the order of the checks of kube-apiserver is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CidrError {
    /// The text is not an address, a slash and a prefix length of the family.
    #[error("is not a CIDR: write it as 10.9.8.0/24 or 2001:db8::/64")]
    NotACidr,
    /// An octet, a group or the prefix length has leading zeros, which some programs parse as octal.
    #[error("has leading zeros: write every number without them")]
    LeadingZeros,
    /// The address is an IPv4 address in IPv6 notation.
    #[error("is an IPv4-mapped IPv6 CIDR: write it as IPv4")]
    Ipv4Mapped,
    /// The address has bits set after the prefix.
    #[error("has host bits set: use {canonical}")]
    HostBits {
        /// The CIDR without the host bits.
        canonical: Cidr,
    },
    /// The text is not the one that RFC 5952 recommends: it has upper-case letters or zeros in another form.
    #[error("is not in canonical form: use {canonical}")]
    NotCanonical {
        /// The same CIDR in canonical form.
        canonical: Cidr,
    },
}

/// The relation of one CIDR to another. Two CIDRs nest or are disjoint: there is no partial overlap.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(description = "")]
pub enum Relation {
    /// Both contain the same addresses.
    #[schemars(description = "The new CIDR is the same as the other.")]
    Same,
    /// The second contains every address of the first, and more.
    #[schemars(description = "The new CIDR is within the other.")]
    Within,
    /// The first contains every address of the second, and more.
    #[schemars(description = "The new CIDR contains the other, for example to enlarge a range.")]
    Contains,
    /// No address is in both. CIDRs of different families are always disjoint.
    #[serde(skip)]
    Disjoint,
}

impl Cidr {
    /// Parses what the CEL function `cidr()` parses: host bits are dropped, and an IPv6 address may have any
    /// notation. Leading zeros, zones and IPv4-mapped addresses are errors here too.
    ///
    /// ```
    /// # use servicecidr_guard::net::{Cidr, CidrError};
    /// assert_eq!(Cidr::parse_lenient("10.96.5.7/16")?, "10.96.0.0/16".parse()?);
    /// assert_eq!(Cidr::parse_lenient("2001:DB8:0::/64")?, "2001:db8::/64".parse()?);
    /// assert_eq!(Cidr::parse_lenient("010.96.0.0/16"), Err(CidrError::LeadingZeros));
    /// assert_eq!(Cidr::parse_lenient("::ffff:10.0.0.0/104"), Err(CidrError::Ipv4Mapped));
    /// # Ok::<(), CidrError>(())
    /// ```
    ///
    /// # Errors
    /// [`CidrError::NotACidr`], [`CidrError::LeadingZeros`] or [`CidrError::Ipv4Mapped`].
    pub fn parse_lenient(text: &str) -> Result<Self, CidrError> {
        parse(text).map(Self::from_net)
    }

    /// The family of a text as kube-apiserver determines it: leading zeros are ignored, and an IPv4-mapped CIDR is
    /// IPv4. `None` if the text is not a CIDR.
    #[must_use]
    pub fn family_of(text: &str) -> Option<IpFamily> {
        let (net, _) = parse_with_padding(text)?;
        Some(IpFamily::from(net.addr().to_canonical()))
    }

    /// The relation of `self` to `other`.
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

    /// The IP family.
    #[must_use]
    pub fn family(self) -> IpFamily {
        IpFamily::from(self.0.addr())
    }

    /// The network address, which is the lowest.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.0.network()
    }

    /// The number of bits after the prefix: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn host_bits(self) -> u8 {
        self.0.max_prefix_len() - self.0.prefix_len()
    }

    /// The prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.0.prefix_len()
    }

    /// The CIDR with this prefix length that contains `self`, or `self` if its prefix is not longer.
    #[must_use]
    pub fn supernet(self, prefix_len: u8) -> Self {
        match IpNet::new(self.0.network(), prefix_len.min(self.prefix_len())) {
            Ok(net) => Self::from_net(net),
            Err(_) => self,
        }
    }

    /// A parsed network, with its host bits dropped.
    pub(super) fn from_net(net: IpNet) -> Self {
        Self(net.trunc())
    }

    /// The CIDR that contains only this address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// The CIDR with this network address, passed as a number within the family, and this many host bits. `None` if
    /// the address has host bits set or the family has fewer bits.
    #[must_use]
    pub fn from_base(family: IpFamily, base: u128, host_bits: u8) -> Option<Self> {
        let net = IpNet::new(family.address(base), family.bits().checked_sub(host_bits)?).ok()?;
        (net.addr() == net.network()).then_some(Self(net))
    }

    /// The last address as a CIDR of its own. In the order of CIDRs, everything within `self` is not after it.
    #[must_use]
    pub fn last_host(self) -> Self {
        Self(IpNet::from(self.0.broadcast()))
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let net = parse(text)?;
        let canonical = Self::from_net(net);
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

/// Parses an address and a prefix length as Go's `netip.ParsePrefix` does. Host bits are kept.
///
/// The parser of ipnet is not strict enough: it accepts `010.0.0.0/8` and `10.0.0.0/08`.
fn parse(text: &str) -> Result<IpNet, CidrError> {
    let (net, is_padded) = parse_with_padding(text).ok_or(CidrError::NotACidr)?;
    match net.addr() {
        _ if is_padded => Err(CidrError::LeadingZeros),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Err(CidrError::Ipv4Mapped),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(net),
    }
}

/// Parses an address and a prefix length that may have leading zeros, and returns whether there are any.
fn parse_with_padding(text: &str) -> Option<(IpNet, bool)> {
    let (address, length) = text.split_once('/')?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bits: u8 = strip_leading_zeros(length).parse().ok()?;
    let strict: Option<IpAddr> = address.parse().ok();
    let is_padded = strict.is_none() || length != bits.to_string();
    let net = IpNet::new(strict.or_else(|| strip_leading_zeros(address).parse().ok())?, bits).ok()?;
    Some((net, is_padded))
}

/// Removes the leading zeros of every number in an address or prefix length.
fn strip_leading_zeros(address: &str) -> String {
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

    /// The results of `IsValidCIDR` of Kubernetes 1.37.2: a to e are its checks in order.
    #[test]
    fn validation_matches_kubernetes() {
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

    /// The results of the Kubernetes code: whether the two CIDRs overlap, and whether the first contains the second.
    /// Host bits are dropped first.
    #[test]
    fn relation_matches_kubernetes() {
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
            let relation = Cidr::parse_lenient(first).unwrap().relation(Cidr::parse_lenient(second).unwrap());
            assert_eq!(relation != Relation::Disjoint, overlap, "{first} {second}");
            assert_eq!(matches!(relation, Relation::Same | Relation::Contains), contains, "{first} {second}");
        }
    }
}
