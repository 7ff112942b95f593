//! Recorded results of the Kubernetes code that no other file contains, by label.

use servicecidr_guard::capacity::{Allocator, CapacityReport, deletion_impact_by_name};
use servicecidr_guard::inventory::{Inventory, Readiness};
use servicecidr_guard::k8s::ListReader;
use servicecidr_guard::net::{Cidr, IpFamily, UsableRange, address_bits};

use crate::capacity::inventory;

/// Whether a CIDR contains an address for upstream's `PrefixContainsIP`, which decides whether it blocks a deletion,
/// and whether kube-apiserver can allocate it there.
#[test]
fn addresses_block_deletion_of_their_cidr() {
    for (label, cidr, address, blocks, is_usable) in [
        ("B1", "10.0.0.0/24", "10.0.0.0", false, false),
        ("B2", "10.0.0.0/24", "10.0.0.1", true, true),
        ("B3", "10.0.0.0/24", "10.0.0.254", true, true),
        ("B4", "10.0.0.0/24", "10.0.0.255", false, false),
        ("B5", "10.0.0.0/24", "10.0.1.0", false, false),
        ("B6", "10.0.0.0/16", "10.0.0.255", true, true),
        ("B7", "10.0.0.0/16", "10.0.1.0", true, true),
        ("B8", "10.0.0.8/31", "10.0.0.8", false, false),
        ("B9", "10.0.0.8/31", "10.0.0.9", false, false),
        ("B10", "10.0.0.1/32", "10.0.0.1", false, false),
        ("B11", "10.0.0.0/30", "10.0.0.1", true, true),
        ("B12", "10.0.0.0/30", "10.0.0.3", false, false),
        ("B13", "fd00::/64", "fd00::", false, false),
        ("B14", "fd00::/64", "fd00::ffff:ffff:ffff:ffff", true, true),
        ("B15", "fd00::/127", "fd00::1", true, true),
        ("B16", "fd00::1/128", "fd00::1", false, false),
        // A /48 has no allocator, but contains its addresses.
        ("B17", "fd00::/48", "fd00::1", true, false),
        ("B18", "::/0", "10.0.0.1", false, false),
        ("B19", "0.0.0.0/0", "::1", false, false),
        ("B22", "0.0.0.0/0", "0.0.0.0", false, false),
        ("B23", "0.0.0.0/0", "255.255.255.255", false, false),
    ] {
        let entry = format!("a={cidr}");
        let allocated = inventory(&[entry.as_str()], &[address]);
        assert_eq!(deletion_impact_by_name(&allocated, "a").unwrap().blocking.count, u128::from(blocks), "{label}");
        let usable =
            UsableRange::for_cidr(cidr.parse().unwrap()).is_some_and(|range| range.contains(address.parse().unwrap()));
        assert_eq!(usable, is_usable, "{label}");
    }
    // An IPv4-mapped address is IPv6; host bits are masked.
    assert!(
        !UsableRange::for_cidr("10.0.0.0/8".parse().unwrap()).unwrap().contains("::ffff:10.0.0.1".parse().unwrap())
    );
    let masked = UsableRange::for_cidr(Cidr::parse_lenient("10.0.0.5/24").unwrap()).unwrap();
    assert!(!masked.contains("10.0.0.0".parse().unwrap()) && masked.contains("10.0.0.7".parse().unwrap()));
}

/// A /28 has no static band: every one of the 14 addresses can be first.
#[test]
fn small_range_has_no_static_band() {
    let small = inventory(&["a=10.0.0.0/28"], &[]);
    let view = small.view();
    let firsts: std::collections::BTreeSet<u128> = (0..200)
        .map(|seed| address_bits(Allocator::new(&view, seed).allocate_next(IpFamily::IPv4).unwrap()) & 0xff)
        .collect();
    assert_eq!(firsts, (1..=14).collect());
}

/// A range uses its static band before the dynamic band of another.
#[test]
fn static_band_is_used_before_other_ranges() {
    let allocated: Vec<String> = (17..=30).map(|last| format!("10.0.0.{last}")).collect();
    let allocated: Vec<&str> = allocated.iter().map(String::as_str).collect();
    let two = inventory(&["a=10.0.0.0/27", "b=10.0.1.0/27"], &allocated);
    let view = two.view();
    let returned: Vec<u128> = (0..200)
        .map(|seed| address_bits(Allocator::new(&view, seed).allocate_next(IpFamily::IPv4).unwrap()) & 0x1ff)
        .collect();
    let from_static_of_a = returned.iter().filter(|number| (1..=16).contains(*number)).count();
    let from_dynamic_of_b = returned.iter().filter(|number| (0x100 + 17..=0x100 + 30).contains(*number)).count();
    assert_eq!(from_static_of_a + from_dynamic_of_b, 200);
    assert!(from_static_of_a > 50 && from_dynamic_of_b > 50, "{from_static_of_a} {from_dynamic_of_b}");
}

/// From a random start to the end, and on from the beginning.
#[test]
fn allocation_returns_every_address_once() {
    for seed in 0..50 {
        let band = inventory(&["a=10.0.0.0/29"], &[]);
        let view = band.view();
        let mut allocator = Allocator::new(&view, seed);
        let mut returned: Vec<u128> = std::iter::from_fn(|| allocator.allocate_next(IpFamily::IPv4).ok())
            .map(|ip| address_bits(ip) & 7)
            .collect();
        returned.sort_unstable();
        assert_eq!(returned, [1, 2, 3, 4, 5, 6]);
    }
}

/// A CIDR is usable if one of its ServiceCIDRs is ready. If both are terminating, kube-apiserver still allocates; the
/// report counts nothing.
#[test]
fn cidr_is_usable_if_one_service_cidr_is_ready() {
    let usable =
        |service_cidrs: &[&str]| CapacityReport::for_inventory(&inventory(service_cidrs, &[])).families[0].usable;
    assert_eq!(usable(&["a!=10.0.0.0/24", "b=10.0.0.0/24"]), 254);
    assert_eq!(usable(&["a!=10.0.0.0/24", "b!=10.0.0.0/24"]), 0);
}

/// Valid and invalid names of IPAddresses.
#[test]
fn ip_address_names_are_validated() {
    let read = |name: &str| {
        let mut inventory = Inventory::default();
        let mut reader = ListReader::new(&mut inventory, |_| {});
        let object = serde_json::json!({"kind": "IPAddress", "metadata": {"name": name}});
        reader.read_page("page", object.to_string().as_bytes()).unwrap();
        reader.finish().addresses == 1
    };
    for name in
        ["10.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::a00:1", "fd00::1", "2001:db8::1:0:0:1", "1:0:0:2::3"]
    {
        assert!(read(name), "{name}");
    }
    for name in ["10.0.0.01", "10.0.0", "10.0.0.256", "10.0.0.1/32", "fe80::1%eth0", "::ffff:10.0.0.1", "::ffff:a00:1"]
    {
        assert!(!read(name), "{name}");
    }
    assert_eq!(Readiness::from_condition(true, None), Readiness::Terminating);
}
