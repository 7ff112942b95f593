//! `UsableRange`: the addresses of a CIDR that can become ClusterIPs, and its static band.

use std::net::IpAddr;

use super::{AddressRange, Cidr, IpFamily};

/// The shortest IPv6 prefix length for which kube-apiserver creates an allocator.
pub const MIN_IPV6_PREFIX_LEN: u8 = 64;

/// The addresses of a CIDR that kube-apiserver can allocate as ClusterIPs: never empty.
///
/// | CIDR | usable |
/// |---|---|
/// | IPv4 up to /30 | all but the network and the broadcast address |
/// | IPv4 /31, /32 | none |
/// | IPv6 /64 to /127 | all but the first (the all-ones address is usable) |
/// | IPv6 /128, and shorter than /64 | none: no allocator is created, but the ServiceCIDR becomes Ready |
///
/// Upstream: `NewIPAllocator` in k8s.io/kubernetes pkg/registry/core/service/ipallocator.
///
/// ```
/// use servicecidr_guard::net::{Cidr, UsableRange};
///
/// let count = |cidr: &str| UsableRange::for_cidr(cidr.parse().unwrap()).map_or(0, UsableRange::count);
/// assert_eq!(count("10.96.0.0/24"), 254);
/// assert_eq!(count("0.0.0.0/0"), 4_294_967_294);
/// assert_eq!((count("10.0.0.0/31"), count("10.0.0.1/32")), (0, 0));
/// assert_eq!(count("fd00::/64"), u128::from(u64::MAX));
/// assert_eq!((count("fd00::/127"), count("fd00::/128"), count("fd00::/63"), count("::/0")), (1, 0, 0, 0));
/// // The all-ones address is the last of its /127.
/// assert_eq!(count("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsableRange {
    cidr: Cidr,
    range: AddressRange,
}

impl UsableRange {
    /// The usable addresses of a CIDR: `None` if there are none.
    #[must_use]
    pub fn for_cidr(cidr: Cidr) -> Option<Self> {
        let whole = AddressRange::from(cidr);
        let edge = match cidr.family() {
            IpFamily::IPv4 => 1,
            IpFamily::IPv6 if cidr.prefix_len() < MIN_IPV6_PREFIX_LEN => return None,
            IpFamily::IPv6 => 0,
        };
        let first = whole.first().checked_add(1)?;
        let last = whole.last().checked_sub(edge)?;
        AddressRange::new(cidr.family(), first, last).map(|range| Self { cidr, range })
    }

    /// The CIDR that contains the range.
    #[must_use]
    pub fn cidr(self) -> Cidr {
        self.cidr
    }

    /// The usable addresses as a plain range.
    #[must_use]
    pub fn range(self) -> AddressRange {
        self.range
    }

    /// The number of usable addresses: 1 to 2^64 - 1.
    #[must_use]
    pub fn count(self) -> u128 {
        self.range.count()
    }

    /// Whether an address is usable. The network address, the IPv4 broadcast address and all addresses of the
    /// other family are not.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.range.contains(address)
    }

    /// The static band (KEP-3070): the first 16 to 256 addresses, depending on the size of the CIDR. They are
    /// allocated last unless a Service requests one. `None` if the CIDR is too small for a band.
    ///
    /// ```
    /// # use servicecidr_guard::net::{AddressRange, UsableRange};
    /// let band = |cidr: &str| UsableRange::for_cidr(cidr.parse().unwrap()).unwrap().static_band().map_or(0, AddressRange::count);
    /// assert_eq!((band("10.96.0.0/28"), band("10.96.0.0/27"), band("10.96.0.0/24")), (0, 16, 16));
    /// assert_eq!((band("10.96.0.0/23"), band("10.96.0.0/20"), band("10.96.0.0/12")), (32, 256, 256));
    /// // Upstream computes 0 addresses for the two largest IPv4 ranges, so they have no band.
    /// assert_eq!((band("0.0.0.0/2"), band("0.0.0.0/1"), band("0.0.0.0/0")), (256, 0, 0));
    /// assert_eq!((band("fd00::/124"), band("fd00::/123"), band("fd00::/64")), (0, 16, 256));
    /// ```
    #[must_use]
    pub fn static_band(self) -> Option<AddressRange> {
        let host_bits = self.cidr.host_bits();
        let is_beyond_upstream = self.cidr.family() == IpFamily::IPv4 && host_bits >= 31;
        if host_bits <= 4 || is_beyond_upstream {
            return None;
        }
        // More than 64 host bits are impossible: such a CIDR has no usable addresses.
        let offset = (1_u128 << host_bits.min(64)).div_euclid(16).clamp(16, 256);
        let first = self.range.first();
        AddressRange::new(self.cidr.family(), first, first.checked_add(offset)?.checked_sub(1)?)
    }

    /// The addresses outside the static band.
    #[must_use]
    pub fn dynamic_band(self) -> Option<AddressRange> {
        let first = match self.static_band() {
            Some(band) => band.last().checked_add(1)?,
            None => self.range.first(),
        };
        AddressRange::new(self.cidr.family(), first, self.range.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size, static band and first dynamic address, as returned by ipallocator of Kubernetes 1.37.2.
    #[test]
    fn sizes_and_bands_match_kubernetes() {
        for (cidr, size, band, first_dynamic) in [
            ("0.0.0.0/0", 4_294_967_294, 0, "0.0.0.1"),
            ("0.0.0.0/1", 2_147_483_646, 0, "0.0.0.1"),
            ("0.0.0.0/2", 1_073_741_822, 256, "0.0.1.1"),
            ("10.0.0.0/8", 16_777_214, 256, "10.0.1.1"),
            ("10.96.0.0/12", 1_048_574, 256, "10.96.1.1"),
            ("10.96.0.0/16", 65_534, 256, "10.96.1.1"),
            ("10.96.0.0/20", 4094, 256, "10.96.1.1"),
            ("10.96.0.0/21", 2046, 128, "10.96.0.129"),
            ("10.96.0.0/22", 1022, 64, "10.96.0.65"),
            ("10.96.0.0/23", 510, 32, "10.96.0.33"),
            ("10.96.0.0/24", 254, 16, "10.96.0.17"),
            ("10.96.0.0/25", 126, 16, "10.96.0.17"),
            ("10.96.0.0/26", 62, 16, "10.96.0.17"),
            ("10.96.0.0/27", 30, 16, "10.96.0.17"),
            ("10.96.0.0/28", 14, 0, "10.96.0.1"),
            ("10.96.0.0/29", 6, 0, "10.96.0.1"),
            ("10.96.0.0/30", 2, 0, "10.96.0.1"),
            ("255.255.255.252/30", 2, 0, "255.255.255.253"),
            ("fd00::/64", 18_446_744_073_709_551_615, 256, "fd00::101"),
            ("fd00::/65", 9_223_372_036_854_775_807, 256, "fd00::101"),
            ("fd00::/66", 4_611_686_018_427_387_903, 256, "fd00::101"),
            ("fd00::/96", 4_294_967_295, 256, "fd00::101"),
            ("fd00::/108", 1_048_575, 256, "fd00::101"),
            ("fd00::/112", 65_535, 256, "fd00::101"),
            ("fd00::/116", 4095, 256, "fd00::101"),
            ("fd00::/117", 2047, 128, "fd00::81"),
            ("fd00::/118", 1023, 64, "fd00::41"),
            ("fd00::/119", 511, 32, "fd00::21"),
            ("fd00::/120", 255, 16, "fd00::11"),
            ("fd00::/122", 63, 16, "fd00::11"),
            ("fd00::/123", 31, 16, "fd00::11"),
            ("fd00::/124", 15, 0, "fd00::1"),
            ("fd00::/126", 3, 0, "fd00::1"),
            ("fd00::/127", 1, 0, "fd00::1"),
        ] {
            let usable = UsableRange::for_cidr(cidr.parse().unwrap()).unwrap();
            assert_eq!(usable.count(), size, "{cidr}");
            assert_eq!(usable.static_band().map_or(0, AddressRange::count), band, "{cidr}");
            let dynamic = usable.dynamic_band().unwrap();
            assert_eq!(dynamic.count(), size - band, "{cidr}");
            assert_eq!(dynamic.first_address().to_string(), first_dynamic, "{cidr}");
        }
    }

    #[test]
    fn counts_match_kubernetes_for_all_162_prefix_lengths() {
        for length in 0..=32_u32 {
            let cidr = Cidr::parse_lenient(&format!("10.96.0.0/{length}")).unwrap();
            let expected = 2_u128.pow(32 - length).saturating_sub(2);
            assert_eq!(UsableRange::for_cidr(cidr).map_or(0, UsableRange::count), expected, "{cidr}");
        }
        for length in 0..=128_u32 {
            let cidr = Cidr::parse_lenient(&format!("fd00::/{length}")).unwrap();
            let expected = if length < 64 { 0 } else { 2_u128.pow(128 - length) - 1 };
            assert_eq!(UsableRange::for_cidr(cidr).map_or(0, UsableRange::count), expected, "{cidr}");
        }
    }
}
