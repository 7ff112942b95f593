//! Capacity: recorded results of the Kubernetes allocator and controller, and checks of every address.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use servicecidr_guard::capacity::{
    AllocateError, Allocator, CapacityReport, FamilyCapacity, allocation_probability, deletion_impact_by_name, forecast,
};
use servicecidr_guard::inventory::{
    Allocation, Change, Inventory, Operation, ParentRef, PendingChanges, Readiness, ServiceCidr,
};
use servicecidr_guard::net::{Cidr, IpFamily, UsableRange, address_bits};

/// An inventory in short form: `a=10.0.0.0/24,fd00::/64`, with `!` after the name of a terminating and `?` after that
/// of an unready ServiceCIDR; `-` after an address means without labels. Both families are configured.
pub fn inventory(service_cidrs: &[&str], addresses: &[&str]) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.apply_declarations(Some(&IpFamily::ALL), Vec::new());
    for text in service_cidrs {
        let (name, cidrs) = text.split_once('=').unwrap();
        let readiness = match name.chars().last() {
            Some('!') => Readiness::Terminating,
            Some('?') => Readiness::NotReady,
            _ => Readiness::Ready,
        };
        inventory.insert_service_cidr(ServiceCidr {
            name: name.trim_end_matches(['!', '?']).to_owned(),
            cidrs: cidrs.split(',').map(|cidr| cidr.parse().unwrap()).collect(),
            unreadable: Vec::new(),
            readiness,
            has_finalizer: true,
            created: None,
        });
    }
    for text in addresses {
        let (address, is_managed) = text.strip_suffix('-').map_or((*text, true), |address| (address, false));
        inventory.insert_address(allocation(address.parse().unwrap(), is_managed));
    }
    inventory
}

fn allocation(address: IpAddr, is_managed: bool) -> Allocation {
    let parent =
        ParentRef { resource: "services".to_owned(), namespace: "default".to_owned(), name: format!("s-{address}") };
    Allocation { address, parent, is_managed }
}

fn usable(inventory: &Inventory) -> u128 {
    CapacityReport::for_inventory(inventory).families.iter().map(|family| family.usable).sum()
}

#[test]
fn usable_addresses_are_counted_once() {
    for (label, service_cidrs, expected) in [
        ("C1", &["a=10.0.0.0/25", "b=10.0.0.128/25"][..], 252),
        ("C2", &["a=10.0.0.0/24", "b=10.0.0.0/25"], 254),
        ("C3", &["a=10.0.0.0/24", "b=10.0.1.0/24"], 508),
        ("C4", &["a=10.0.0.0/16", "b=10.0.1.0/24"], 65_534),
        ("C5", &["a=10.0.0.0/31", "b=10.0.0.2/31"], 0),
        ("C6", &["a=10.0.0.0/30", "b=10.0.0.0/31"], 2),
        ("C7", &["a=fd00::/126", "b=fd00::/127"], 3),
        ("C8", &["a=fd00::/64", "b=fd00:0:0:1::/64"], 36_893_488_147_419_103_230),
        ("C9", &["a=fd00::/48", "b=fd00::/64"], 18_446_744_073_709_551_615),
        ("C10", &["a=fd00::/121", "b=fd00::80/121"], 254),
        ("C11", &["a=10.0.0.0/24", "b=10.0.0.0/24"], 254),
        ("C12", &["a=10.0.0.0/24", "b?=10.0.0.0/16"], 254),
        ("C13", &["a!=10.0.0.0/24"], 0),
    ] {
        assert_eq!(usable(&inventory(service_cidrs, &[])), expected, "{label}");
    }
}

#[test]
fn forecast_counts_gained_addresses() {
    for (label, service_cidrs, added, expected) in [
        ("N1", &["a=10.0.0.0/24"][..], "10.0.0.0/16", 65_280),
        ("N2", &["a=10.0.0.0/16"], "10.0.1.0/24", 0),
        ("N3", &["a=10.0.0.0/25", "b=10.0.0.128/25"], "10.0.0.0/24", 2),
        ("N4", &["a=10.0.0.0/24"], "10.0.0.0/24", 0),
        ("N4, terminating", &["a!=10.0.0.0/24"], "10.0.0.0/24", 254),
        ("N5", &["a=fd00::/64"], "fd00::/48", 0),
        ("N6", &["a=10.0.0.0/24", "b=10.0.1.0/24", "c=10.9.0.0/24"], "10.0.0.0/16", 65_026),
    ] {
        let inventory = inventory(service_cidrs, &[]);
        let change = Change::diff(Operation::Create, "new", &[], &[added.to_owned()]);
        let forecast = forecast(&inventory, &[change]);
        let gained: u128 = forecast.gained.iter().map(|(_, count)| count).sum();
        assert_eq!(gained, expected, "{label}");
        let sum = |families: &[FamilyCapacity]| families.iter().map(|family| family.usable).sum::<u128>();
        assert_eq!(sum(&forecast.after) - sum(&forecast.before), expected, "{label}");
    }
}

#[test]
fn static_everywhere_requires_every_static_band() {
    for (label, service_cidrs, expected) in [
        ("P1", &["a=10.0.0.0/24"][..], 16),
        ("P2", &["a=10.0.0.0/16"], 256),
        ("P3", &["a=10.0.0.0/16", "b=10.0.0.0/24"], 18),
        ("P4", &["a=10.0.0.0/16", "b=10.0.1.0/24"], 256),
        ("P5", &["a=10.0.0.0/24", "b=10.0.0.0/28"], 2),
        ("P6", &["a=10.0.0.0/20", "b=10.0.0.0/27"], 242),
        ("P7", &["a=10.0.0.0/23", "b=10.0.0.0/24"], 16),
        ("P8", &["a=10.0.0.0/24", "b=10.1.0.0/24"], 32),
    ] {
        let report = CapacityReport::for_inventory(&inventory(service_cidrs, &[]));
        assert_eq!(report.families[0].static_everywhere.size, expected, "{label}");
    }
}

/// Upstream reports 3 used and 11 free: it counts the edges and skips addresses without labels.
#[test]
fn used_counts_usable_addresses_with_an_ip_address() {
    let inventory = inventory(&["a=10.0.0.0/28"], &["10.0.0.0", "10.0.0.15", "10.0.0.1", "10.0.0.5-"]);
    let family = &CapacityReport::for_inventory(&inventory).families[0];
    assert_eq!((family.used, family.free(), family.foreign), (2, 12, 1));
    assert_eq!((family.outside_service_cidrs, family.in_unusable_cidrs), (0, 2));
}

#[test]
fn deletion_impact_matches_kube_controller_manager() {
    for (label, a, others, addresses, is_deletable) in [
        ("D1", "10.0.0.0/24", &[][..], &[][..], true),
        ("D2", "10.0.0.0/24", &[], &["10.0.0.1"], false),
        ("D3", "10.0.0.0/24", &[], &["10.0.0.0"], true),
        ("D4", "10.0.0.0/24", &[], &["10.0.0.255"], true),
        ("D5", "10.0.0.0/24", &[], &["10.0.1.1"], true),
        ("D6", "10.0.0.0/24", &[], &["10.0.0.1-"], true),
        ("D7", "10.0.0.0/24", &["b=10.0.0.0/24"], &["10.0.0.1"], true),
        ("D8", "10.0.0.0/24", &["b!=10.0.0.0/24"], &["10.0.0.1"], true),
        ("D9", "10.0.0.0/24", &["b?=10.0.0.0/24"], &["10.0.0.1"], true),
        ("D10", "10.0.0.0/24", &["b=10.0.0.0/16"], &["10.0.0.1"], true),
        ("D11", "10.0.0.0/24", &["b=10.0.0.0/25", "c=10.0.0.128/25"], &["10.0.0.1", "10.0.0.200"], true),
        ("D12", "10.0.0.0/24", &["b=10.0.0.0/25", "c=10.0.0.128/25"], &["10.0.0.127"], false),
        ("D13", "10.0.0.0/24", &["b=10.0.0.0/25", "c=10.0.0.128/25"], &["10.0.0.128"], false),
        ("D14", "10.0.0.0/24", &["b=10.0.0.0/25"], &["10.0.0.200"], false),
        ("D15", "10.0.0.0/24", &["b=10.0.0.0/25"], &["10.0.0.5"], true),
        ("D16", "10.0.0.0/16", &["b=10.0.1.0/24"], &["10.0.1.0"], false),
        ("D17", "10.0.0.0/16", &["b=10.0.1.0/24"], &["10.0.1.255"], false),
        ("D18", "10.0.0.0/16", &["b=10.0.1.0/24"], &["10.0.1.7"], true),
        ("D19", "10.0.0.0/24,fd00::/64", &["b=10.0.0.0/16"], &["10.0.0.1"], true),
        ("D20", "10.0.0.0/24,fd00::/64", &["b=10.0.0.0/16"], &["fd00::1"], false),
        ("D21", "10.0.0.0/24,fd00::/64", &["b=10.0.0.0/16", "c=fd00::/48"], &["fd00::1", "10.0.0.1"], true),
        ("D22", "fd00::/64", &[], &["fd00::ffff:ffff:ffff:ffff"], false),
        ("D23", "fd00::/64", &[], &["fd00::"], true),
        ("D24", "fd00::/64", &["b=fd00::/48"], &["fd00::1"], true),
        ("D25", "10.0.0.0/24", &["b=fd00::/64"], &["10.0.0.1"], false),
        ("D26", "10.0.0.1/32", &[], &["10.0.0.1"], true),
        ("D27", "10.0.0.0/31", &[], &["10.0.0.1"], true),
        ("D28", "fd00::1/128", &[], &["fd00::1"], true),
        ("D29", "fd00::/127", &[], &["fd00::1"], false),
        ("D30", "10.0.0.0/24", &["b=0.0.0.0/0"], &["10.0.0.1"], true),
        ("D31", "10.0.0.0/24", &["b=10.0.0.128/25", "c=10.0.0.192/26"], &["10.0.0.130", "10.0.0.193"], true),
    ] {
        let a = format!("a={a}");
        let inventory = inventory(&[&[a.as_str()], others].concat(), addresses);
        let impact = deletion_impact_by_name(&inventory, "a").unwrap();
        assert_eq!(impact.completes(), is_deletable, "{label}: {impact:?}");
    }
}

#[test]
fn deletion_impact_reports_stranded_addresses() {
    let stranded = |service_cidrs: &[&str], addresses: &[&str]| {
        let impact = deletion_impact_by_name(&inventory(service_cidrs, addresses), "a").unwrap();
        (impact.completes(), impact.stranded.count, impact.exhausted)
    };
    // As in D8, D9 and D24: the parent has no allocatable addresses, or will have none.
    assert_eq!(stranded(&["a=10.0.0.0/24", "b!=10.0.0.0/24"], &["10.0.0.1"]), (true, 1, vec![IpFamily::IPv4]));
    assert_eq!(stranded(&["a=10.0.0.0/24", "b?=10.0.0.0/24"], &["10.0.0.1"]), (true, 1, vec![IpFamily::IPv4]));
    assert_eq!(stranded(&["a=fd00::/64", "b=fd00::/48"], &["fd00::1"]), (true, 1, vec![IpFamily::IPv6]));
    assert_eq!(stranded(&["a=10.0.0.0/24"], &["10.0.0.1-"]), (true, 1, vec![IpFamily::IPv4]));
    assert_eq!(stranded(&["a=10.0.0.0/24", "b=10.0.0.0/16"], &["10.0.0.1"]), (true, 0, vec![]));
    assert_eq!(stranded(&["a!=10.0.0.0/24", "b=10.1.0.0/24"], &["10.0.0.1"]), (false, 1, vec![]));
}

#[test]
fn allocator_errors_match_kubernetes() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    // No usable range.
    for service_cidrs in [&[][..], &["a=fd00::/48"]] {
        let inventory = inventory(service_cidrs, &[]);
        let view = inventory.view();
        let mut allocator = Allocator::new(&view, 1);
        assert_eq!(allocator.allocate_next(IpFamily::IPv6), Err(AllocateError::Full));
        assert_eq!(allocator.allocate(ip("fd00::1")), Err(AllocateError::Mismatch));
    }
    // Nested ranges.
    let nested = inventory(&["a=10.0.0.0/24", "b=10.0.0.0/16"], &[]);
    let view = nested.view();
    let mut allocator = Allocator::new(&view, 1);
    assert_eq!(allocator.allocate(ip("10.0.0.0")), Err(AllocateError::Mismatch));
    assert_eq!(allocator.allocate(ip("10.0.0.255")), Ok(()));
    assert_eq!(allocator.allocate(ip("10.0.1.0")), Ok(()));
    assert_eq!(allocator.allocate(ip("10.0.1.0")), Err(AllocateError::Allocated));
    assert!(allocator.release(ip("10.0.1.0")));
    assert!(!allocator.release(ip("10.0.1.0")));
    assert_eq!(allocator.allocate(ip("10.0.1.0")), Ok(()));
    // An address without labels.
    let foreign = inventory(&["a=10.0.0.0/28"], &["10.0.0.5-"]);
    let view = foreign.view();
    let mut allocator = Allocator::new(&view, 1);
    assert_eq!(allocator.allocate(ip("10.0.0.5")), Err(AllocateError::Allocated));
    assert!(allocator.release(ip("10.0.0.5")));
    assert_eq!(allocator.allocate(ip("10.0.0.5")), Ok(()));
    assert_eq!(AllocateError::Full.to_string(), "range is full");
    assert_eq!(AllocateError::Allocated.to_string(), "provided IP is already allocated");
    assert_eq!(AllocateError::Mismatch.to_string(), "the provided network does not match the current range");
}

#[test]
fn dynamic_band_is_allocated_first() {
    for seed in 0..20 {
        let inventory = inventory(&["a=10.0.0.0/24"], &["10.0.0.20-"]);
        let view = inventory.view();
        let mut allocator = Allocator::new(&view, seed);
        let mut returned = Vec::new();
        while let Ok(address) = allocator.allocate_next(IpFamily::IPv4) {
            returned.push(address_bits(address) & 0xff);
        }
        // All but the allocated address, dynamic band first.
        assert_eq!(returned.len(), 253);
        assert!(returned[..237].iter().all(|last| (17..=254).contains(last) && *last != 20));
        assert!(returned[237..].iter().all(|last| (1..=16).contains(last)));
        assert_eq!(returned.iter().collect::<BTreeSet<_>>().len(), 253);
    }
}

#[test]
fn allocation_probability_matches_allocator() {
    let full: Vec<String> = (17..=254).map(|last| format!("10.0.0.{last}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    for (service_cidrs, addresses, requested) in [
        (&["a=10.96.0.0/28"][..], &[][..], "10.96.0.10"),
        (&["a=10.96.0.0/28"], &["10.96.0.7", "10.96.0.8", "10.96.0.9"], "10.96.0.10"),
        (&["a=10.96.0.0/28"], &["10.96.0.13", "10.96.0.14", "10.96.0.1"], "10.96.0.2"),
        (&["a=10.0.0.0/24"], &[], "10.0.0.10"),
        (&["a=10.0.0.0/24"], &full, "10.0.0.10"),
        (&["a=10.0.0.0/27", "b=10.1.0.0/28", "c=10.0.0.0/26"], &["10.0.0.17"], "10.0.0.18"),
        (&["a=10.0.0.0/30", "b=10.1.0.0/30"], &["10.0.0.1", "10.0.0.2"], "10.1.0.2"),
        (&["a=10.0.0.0/30"], &["10.0.0.1"], "10.0.0.1"),
    ] {
        let inventory = inventory(service_cidrs, addresses);
        let view = inventory.view();
        let expected = allocation_probability(&view, requested.parse().unwrap());
        let tries = 20_000;
        let hits = (0..tries)
            .filter(|seed| Allocator::new(&view, *seed).allocate_next(IpFamily::IPv4) == Ok(requested.parse().unwrap()))
            .count();
        let seen = f64::from(u32::try_from(hits).unwrap()) / f64::from(u32::try_from(tries).unwrap());
        assert!((seen - expected).abs() < 0.015, "{service_cidrs:?} {requested}: chance {expected}, seen {seen}");
    }
}

/// Small CIDRs in a small range, so that they often nest and repeat.
fn small_cidr() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..64, 26_u32..=32)
            .prop_map(|(last, length)| format!("10.0.0.{}/{length}", last >> (32 - length) << (32 - length))),
        (0_u32..64, 122_u32..=128)
            .prop_map(|(last, length)| format!("fd00::{:x}/{length}", last >> (128 - length) << (128 - length))),
    ]
}

fn small_inventory() -> impl Strategy<Value = Inventory> {
    let entry = (small_cidr(), prop_oneof![8 => Just(""), 1 => Just("!"), 1 => Just("?")]);
    let address = (prop_oneof![Just("10.0.0."), Just("fd00::")], 0_u32..64, prop_oneof![4 => Just(""), 1 => Just("-")]);
    (prop::collection::vec(entry, 0..6), prop::collection::vec(address, 0..24)).prop_map(|(entries, addresses)| {
        let entries: Vec<String> = entries
            .iter()
            .enumerate()
            .map(|(place, (cidr, state))| format!("n{place}{state}={}", canonical(cidr)))
            .collect();
        let addresses: Vec<String> = addresses
            .iter()
            .map(|(prefix, last, state)| {
                let text = if prefix.contains(':') { format!("{prefix}{last:x}") } else { format!("{prefix}{last}") };
                format!("{}{state}", text.parse::<IpAddr>().unwrap())
            })
            .collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        inventory(&entries, &addresses.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

fn canonical(cidr: &str) -> String {
    Cidr::parse_lenient(cidr).unwrap().to_string()
}

/// Every address of the small range.
fn small_addresses() -> impl Iterator<Item = IpAddr> {
    let v4 = (0_u32..64).map(|last| format!("10.0.0.{last}"));
    v4.chain((0_u32..64).map(|last| format!("fd00::{last:x}"))).map(|text| text.parse().unwrap())
}

/// The usable ranges that contain an address.
fn ranges_with(inventory: &Inventory, address: IpAddr) -> Vec<(String, UsableRange)> {
    let ready = inventory.service_cidrs().filter(|service_cidr| service_cidr.readiness == Readiness::Ready);
    ready
        .flat_map(|service_cidr| service_cidr.cidrs.iter().map(move |cidr| (service_cidr.name.clone(), *cidr)))
        .filter_map(|(name, cidr)| Some((name, UsableRange::for_cidr(cidr)?)))
        .filter(|(_, range)| range.contains(address))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn report_matches_a_check_of_every_address(inventory in small_inventory()) {
        let report = CapacityReport::for_inventory(&inventory);
        for family in &report.families {
            let all: Vec<IpAddr> = small_addresses().filter(|address| IpFamily::from(*address) == family.family).collect();
            let count = |is: &dyn Fn(&IpAddr) -> bool| all.iter().filter(|address| is(address)).count() as u128;
            let is_usable = |address: &IpAddr| !ranges_with(&inventory, *address).is_empty();
            let is_allocated = |address: &IpAddr| inventory.addresses().get(*address).is_some();
            let stored = |address: &IpAddr| inventory.service_cidrs().flat_map(|service_cidr| &service_cidr.cidrs)
                .any(|cidr| Cidr::parse_lenient(&format!("{address}/{}", cidr.prefix_len())).is_ok_and(|own| own == *cidr) && cidr.family() == family.family);
            let protected = |address: &IpAddr| is_usable(address) && ranges_with(&inventory, *address).iter()
                .all(|(_, range)| range.static_band().is_some_and(|band| band.contains(*address)));
            prop_assert_eq!(family.usable, count(&is_usable));
            prop_assert_eq!(family.used, count(&|address| is_usable(address) && is_allocated(address)));
            prop_assert_eq!(family.outside_service_cidrs, count(&|address| is_allocated(address) && !stored(address)));
            prop_assert_eq!(family.in_unusable_cidrs, count(&|address| is_allocated(address) && stored(address) && !is_usable(address)));
            prop_assert_eq!(family.static_everywhere.size, count(&protected));
            prop_assert_eq!(family.static_everywhere.used, count(&|address| protected(address) && is_allocated(address)));
        }
        for entry in &report.service_cidrs {
            let own = |address: &IpAddr| ranges_with(&inventory, *address).iter().any(|(name, range)| *name == entry.name && range.cidr() == entry.cidr);
            prop_assert_eq!(entry.usable, small_addresses().filter(|address| own(address)).count() as u128);
            let alone = small_addresses().filter(|address| own(address) && ranges_with(&inventory, *address).len() == 1).count();
            prop_assert_eq!(entry.unique, alone as u128, "{:?}", entry);
        }
    }

    #[test]
    fn forecast_matches_report_of_changed_inventory(inventory in small_inventory(), added in small_cidr(), removes in any::<bool>()) {
        let mut changes = vec![Change::diff(Operation::Create, "new", &[], &[canonical(&added)])];
        let mut changed = inventory.clone();
        changed.insert_service_cidr(ServiceCidr {
            name: "new".to_owned(), cidrs: vec![Cidr::parse_lenient(&added).unwrap()], unreadable: Vec::new(),
            readiness: Readiness::Ready, has_finalizer: true, created: None,
        });
        if removes {
            changes.push(Change::diff(Operation::Delete, "n0", &[], &[]));
            changed.remove_service_cidr("n0");
        }
        let forecast = forecast(&inventory, &changes);
        prop_assert_eq!(forecast.before, CapacityReport::for_inventory(&inventory).families);
        let after = CapacityReport::for_inventory(&changed);
        prop_assert_eq!(&forecast.after, &after.families);
        prop_assert_eq!(CapacityReport::for_view(&PendingChanges::from_changes(&inventory, &changes).view(&inventory)), after);
        for (family, gained) in forecast.gained {
            let new = small_addresses().filter(|address| IpFamily::from(*address) == family)
                .filter(|address| ranges_with(&inventory, *address).is_empty() && !ranges_with(&changed, *address).is_empty());
            prop_assert_eq!(gained, new.count() as u128);
        }
    }

    #[test]
    fn allocator_returns_free_addresses_until_full(inventory in small_inventory(), seed in any::<u64>()) {
        let view = inventory.view();
        let report = CapacityReport::for_inventory(&inventory);
        let mut allocator = Allocator::new(&view, seed);
        for family in &report.families {
            let mut returned = BTreeSet::new();
            while let Ok(address) = allocator.allocate_next(family.family) {
                prop_assert!(!ranges_with(&inventory, address).is_empty() && inventory.addresses().get(address).is_none());
                prop_assert!(returned.insert(address));
            }
            prop_assert_eq!(returned.len() as u128, family.free());
        }
    }
}
