//! Which ServiceCIDRs kube-controller-manager deletes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use servicecidr_guard::capacity::deletion_impact_by_name;
use servicecidr_guard::inventory::{Allocation, Inventory, ParentRef, Readiness, ServiceCidr};
use servicecidr_guard::net::{AddressRange, Cidr, IpFamily};

use super::generate::Rng;
use super::query::{Address, Question, Stored, query};

const INVENTORIES: usize = 30_000;
const NAMES: [&str; 5] = ["a", "b", "c", "kubernetes", "e.f"];
const FAMILIES: [IpFamily; 2] = [IpFamily::IPv4, IpFamily::IPv6];
/// The base addresses of the CIDRs.
const V4: u32 = 0x0a00_0000;
const V6: u128 = 0xfd00 << 112;

/// The inventory of stored objects. Both families are configured.
pub fn inventory(service_cidrs: &[Stored], addresses: &[Address]) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.apply_declarations(Some(&FAMILIES), Vec::new());
    for stored in service_cidrs {
        let condition = Some(stored.ready).filter(|ready| !ready.is_empty());
        inventory.insert_service_cidr(ServiceCidr {
            name: stored.name.clone(),
            cidrs: stored.cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
            unreadable: Vec::new(),
            readiness: Readiness::from_condition(stored.terminating, condition),
            has_finalizer: true,
            created: None,
        });
    }
    for Address { name, managed } in addresses {
        let parent =
            ParentRef { resource: "services".to_owned(), namespace: "a".to_owned(), name: format!("s-{name}") };
        inventory.insert_address(Allocation { address: *name, parent, is_managed: *managed });
    }
    inventory
}

/// Up to five ServiceCIDRs that nest and repeat often, and up to eight IPAddresses in and around them.
pub fn generated(rng: &mut Rng) -> (Vec<Stored>, Vec<Address>) {
    let mut service_cidrs: Vec<Stored> = Vec::new();
    for name in &NAMES[..=rng.below(NAMES.len())] {
        let mut cidrs = match rng.below(8) {
            0..=3 => vec![v4(rng)],
            4 | 5 => vec![v6(rng)],
            _ => vec![v4(rng), v6(rng)],
        };
        if rng.one_in(5)
            && let Some(other) = service_cidrs.last()
        {
            cidrs.clone_from(&other.cidrs);
        }
        if rng.one_in(4) {
            cidrs.reverse();
        }
        let ready = *rng.pick(&["True", "True", "True", "", "", "False", "Unknown"]);
        service_cidrs.push(Stored { name: (*name).to_owned(), cidrs, terminating: rng.one_in(5), ready });
    }
    let count = rng.below(9);
    let mut addresses: Vec<Address> =
        (0..count).map(|_| Address { name: near_any(rng, &service_cidrs), managed: !rng.one_in(4) }).collect();
    addresses.sort_by_key(|address| address.name);
    addresses.dedup_by_key(|address| address.name);
    (service_cidrs, addresses)
}

fn v4(rng: &mut Rng) -> String {
    let length = match rng.below(20) {
        0 => return "0.0.0.0/0".to_owned(),
        1 => 16,
        2 => 23,
        _ => 24 + u32::try_from(rng.below(9)).unwrap(),
    };
    let low = u32::from(low(rng));
    format!("{}/{length}", Ipv4Addr::from_bits((V4 | low) >> (32 - length) << (32 - length)))
}

/// An offset from the base address, often small.
fn low(rng: &mut Rng) -> u16 {
    let limit = *rng.pick(&[32, 512]);
    u16::try_from(rng.below(limit)).unwrap()
}

fn v6(rng: &mut Rng) -> String {
    let length = match rng.below(20) {
        0 => return "::/0".to_owned(),
        1 => 48,
        2 => 63,
        3 => 64,
        4 => 112,
        _ => 119 + u32::try_from(rng.below(10)).unwrap(),
    };
    let low = u128::from(low(rng));
    format!("{}/{length}", Ipv6Addr::from_bits((V6 | low) >> (128 - length) << (128 - length)))
}

/// An address in or around a CIDR of a ServiceCIDR.
pub fn near_any(rng: &mut Rng, service_cidrs: &[Stored]) -> IpAddr {
    let cidrs: Vec<Cidr> =
        service_cidrs.iter().flat_map(|stored| &stored.cidrs).map(|cidr| cidr.parse().unwrap()).collect();
    let cidr = *rng.pick(&cidrs);
    near(rng, cidr)
}

/// An address in or around a CIDR, the first and last more often than others.
pub fn near(rng: &mut Rng, cidr: Cidr) -> IpAddr {
    let whole = AddressRange::from(cidr);
    let (first, last) = (whole.first(), whole.last());
    let any = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
    let number = match rng.below(16) {
        0 => Some(first),
        1 => first.checked_add(1),
        2 => first.checked_sub(1),
        3 => Some(last),
        4 => last.checked_sub(1),
        5 => last.checked_add(1),
        6 => first.checked_add(any % 300),
        _ => any.checked_rem(whole.count()).and_then(|more| first.checked_add(more)),
    };
    let number = number.filter(|number| *number <= cidr.family().last()).unwrap_or(first);
    cidr.family().address(number)
}

/// A ServiceCIDR to delete, the others, the IPAddresses, and whether the deletion completes. `!` after a name means
/// terminating, `?` not ready; `-` after an address means without labels.
const DELETIONS: &[(&str, &str, &str, &str, bool)] = &[
    ("D1", "10.0.0.0/24", "", "", true),
    ("D2", "10.0.0.0/24", "", "10.0.0.1", false),
    ("D3", "10.0.0.0/24", "", "10.0.0.0", true),
    ("D4", "10.0.0.0/24", "", "10.0.0.255", true),
    ("D5", "10.0.0.0/24", "", "10.0.1.1", true),
    ("D6", "10.0.0.0/24", "", "10.0.0.1-", true),
    ("D7", "10.0.0.0/24", "b=10.0.0.0/24", "10.0.0.1", true),
    ("D8", "10.0.0.0/24", "b!=10.0.0.0/24", "10.0.0.1", true),
    ("D9", "10.0.0.0/24", "b?=10.0.0.0/24", "10.0.0.1", true),
    ("D10", "10.0.0.0/24", "b=10.0.0.0/16", "10.0.0.1", true),
    ("D11", "10.0.0.0/24", "b=10.0.0.0/25 c=10.0.0.128/25", "10.0.0.1 10.0.0.200", true),
    ("D12", "10.0.0.0/24", "b=10.0.0.0/25 c=10.0.0.128/25", "10.0.0.127", false),
    ("D13", "10.0.0.0/24", "b=10.0.0.0/25 c=10.0.0.128/25", "10.0.0.128", false),
    ("D14", "10.0.0.0/24", "b=10.0.0.0/25", "10.0.0.200", false),
    ("D15", "10.0.0.0/24", "b=10.0.0.0/25", "10.0.0.5", true),
    ("D16", "10.0.0.0/16", "b=10.0.1.0/24", "10.0.1.0", false),
    ("D17", "10.0.0.0/16", "b=10.0.1.0/24", "10.0.1.255", false),
    ("D18", "10.0.0.0/16", "b=10.0.1.0/24", "10.0.1.7", true),
    ("D19", "10.0.0.0/24,fd00::/64", "b=10.0.0.0/16", "10.0.0.1", true),
    ("D20", "10.0.0.0/24,fd00::/64", "b=10.0.0.0/16", "fd00::1", false),
    ("D21", "10.0.0.0/24,fd00::/64", "b=10.0.0.0/16 c=fd00::/48", "fd00::1 10.0.0.1", true),
    ("D22", "fd00::/64", "", "fd00::ffff:ffff:ffff:ffff", false),
    ("D23", "fd00::/64", "", "fd00::", true),
    ("D24", "fd00::/64", "b=fd00::/48", "fd00::1", true),
    ("D25", "10.0.0.0/24", "b=fd00::/64", "10.0.0.1", false),
    ("D26", "10.0.0.1/32", "", "10.0.0.1", true),
    ("D27", "10.0.0.0/31", "", "10.0.0.1", true),
    ("D28", "fd00::1/128", "", "fd00::1", true),
    ("D29", "fd00::/127", "", "fd00::1", false),
    ("D30", "10.0.0.0/24", "b=0.0.0.0/0", "10.0.0.1", true),
    ("D31", "10.0.0.0/24", "b=10.0.0.128/25 c=10.0.0.192/26", "10.0.0.130 10.0.0.193", true),
];

fn stored(text: &str) -> Stored {
    let (name, cidrs) = text.split_once('=').unwrap();
    Stored {
        name: name.trim_end_matches(['!', '?']).to_owned(),
        cidrs: cidrs.split(',').map(str::to_owned).collect(),
        terminating: name.ends_with('!'),
        ready: if name.ends_with('?') { "False" } else { "True" },
    }
}

fn completes(service_cidrs: &[Stored], addresses: &[Address], name: &str) -> bool {
    deletion_impact_by_name(&inventory(service_cidrs, addresses), name).unwrap().completes()
}

#[test]
fn recorded_deletions_match() {
    let cases: Vec<_> = DELETIONS
        .iter()
        .map(|(label, a, others, addresses, expected)| {
            let a = format!("a={a}");
            let service_cidrs: Vec<Stored> =
                std::iter::once(&*a).chain(others.split(' ')).filter(|t| !t.is_empty()).map(stored).collect();
            let address = |text: &str| Address {
                name: text.trim_end_matches('-').parse().unwrap(),
                managed: !text.ends_with('-'),
            };
            let addresses: Vec<Address> = addresses.split(' ').filter(|text| !text.is_empty()).map(address).collect();
            (label, service_cidrs, addresses, *expected)
        })
        .collect();
    let questions: Vec<_> = cases
        .iter()
        .map(|(_, service_cidrs, addresses, _)| Question::CanDelete { service_cidrs, name: "a", addresses })
        .collect();
    for ((label, service_cidrs, addresses, expected), theirs) in cases.iter().zip(query::<bool>(&questions)) {
        assert_eq!(theirs, *expected, "{label}: Kubernetes");
        assert_eq!(completes(service_cidrs, addresses, "a"), *expected, "{label}: servicecidr-guard");
    }
}

#[test]
fn deletion_matches_kube_controller_manager() {
    let mut rng = Rng::seeded(8);
    let cases: Vec<_> = (0..INVENTORIES)
        .map(|_| {
            let (service_cidrs, addresses) = generated(&mut rng);
            let name = rng.pick(&service_cidrs).name.clone();
            (service_cidrs, addresses, name)
        })
        .collect();
    let questions: Vec<_> = cases
        .iter()
        .map(|(service_cidrs, addresses, name)| Question::CanDelete { service_cidrs, name, addresses })
        .collect();
    let mut counts: BTreeMap<(bool, bool), usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for ((service_cidrs, addresses, name), theirs) in cases.iter().zip(query::<bool>(&questions)) {
        let ours = completes(service_cidrs, addresses, name);
        if ours != theirs {
            differences.push(format!("{name}: {ours} here, {theirs} there: {service_cidrs:?} {addresses:?}"));
        }
        let own = &service_cidrs.iter().find(|stored| stored.name == *name).unwrap().cidrs;
        let is_inside = |address: &Address| {
            own.iter().any(|cidr| AddressRange::from(cidr.parse::<Cidr>().unwrap()).contains(address.name))
                && address.managed
        };
        *counts.entry((theirs, addresses.iter().any(is_inside))).or_default() += 1;
    }
    differences.sort_by_key(String::len);
    println!("{} deletions, (completes, is used): {counts:?}", cases.len());
    assert!(differences.is_empty(), "{} differences, the shortest:\n{}", differences.len(), differences[0]);
    assert!(counts.len() == 3 && counts.values().all(|count| *count >= 500), "few of a kind: {counts:?}");
}
