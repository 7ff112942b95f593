//! Counts, previews, allocations and changes at a million addresses, compared with the Kubernetes code and with the
//! simplest implementation. The goals are in `docs/benchmarks.md`.
#![allow(clippy::pedantic, clippy::print_stdout, reason = "a benchmark prints")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(missing_docs, reason = "not a library")]

mod common;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;

use common::cluster::{self, allocation, disjoint, in_list_order, inventory, nested, service_cidr, shuffled, v4};
use common::peer::Peer;
use common::table::{Case, Table, goal, turn};
use servicecidr_guard::capacity::{Allocator, CapacityReport, forecast};
use servicecidr_guard::inventory::{Allocation, Change, Inventory, ObservedInventory, Operation, overlaps};
use servicecidr_guard::net::{AddressRange, Cidr, CidrSet, IpFamily, Relation};
use servicecidr_guard::policy::{AllowedRanges, NoOverlap, Policy, Request, Subresource, ValidationActions, evaluate};

const COUNT: u32 = 1_000_000;

fn main() {
    let mut peer = Peer::start();
    if let Some(peer) = &mut peer {
        let filled = peer.send(&format!("fill {COUNT} {}", cluster::RANGE));
        println!("the Kubernetes allocator has {} addresses", filled.count);
    }
    let cidrs = nested();
    let million = inventory(&cidrs, COUNT);
    counts(&million, &cidrs, &mut peer);
    previews(&million, &cidrs);
    allocations(&mut peer);
    changes();
    overlap();
}

/// Counts per ServiceCIDR, and a whole report.
fn counts(million: &Inventory, cidrs: &[Cidr], peer: &mut Option<Peer>) {
    let ranges: Vec<AddressRange> = cidrs.iter().copied().map(AddressRange::from).collect();
    let bounds: Vec<(u32, u32)> = ranges.iter().map(|range| (range.first() as u32, range.last() as u32)).collect();
    let mut sorted: Vec<u32> = (1..=COUNT).map(|number| v4(number).into()).collect();
    sorted.sort_unstable();
    let tree: BTreeMap<u32, ()> = sorted.iter().map(|address| (*address, ())).collect();

    let ours = || ranges.iter().map(|range| million.addresses().count_in(*range)).sum::<u128>();
    let baseline = || {
        let below = |bound: u32| sorted.partition_point(|address| *address < bound);
        bounds.iter().map(|(first, last)| below(last + 1) - below(*first)).sum::<usize>()
    };
    let slow = || bounds.iter().map(|(first, last)| tree.range(first..=last).count()).sum::<usize>();
    assert_eq!((ours(), baseline()), (slow() as u128, slow()));

    let mut cases: Vec<Case<'_>> = vec![
        ("1,000 x AllocationStore::count_in", turn(ours)),
        ("1,000 x two binary searches in a sorted Vec<u32>", turn(baseline)),
        ("1,000 x BTreeMap::range().count()", turn(slow)),
        ("CapacityReport::for_inventory", turn(|| CapacityReport::for_inventory(million))),
        ("overlaps, all pairs, a part of the report", turn(|| overlaps(&million.view()))),
    ];
    let has_peer = peer.is_some();
    if let Some(peer) = peer {
        cases.push((
            "1,000 x Used() of Kubernetes (one, times 1,000)",
            Box::new(|| {
                let answer = peer.send("used");
                assert_eq!(answer.count, COUNT as usize);
                answer.cpu_ns as f64 * 1e3
            }),
        ));
    }
    let table = Table::measure("1,000 nested prefixes over 1,000,000 addresses, warm", cases);
    goal("counts", table.median(0) / 1e6, 1.0, " ms");
    if has_peer {
        goal("counts / Used() x 1,000", table.ratio(0, 5), 0.001, "");
    }
}

/// The preview of one new ServiceCIDR.
fn previews(million: &Inventory, cidrs: &[Cidr]) {
    let create = |cidr: &str| vec![Change::diff(Operation::Create, "new", &[], &[cidr.to_owned()])];
    let change = create("10.16.0.0/16");
    let ten = inventory(&cidrs[..10], COUNT);
    let cases: Vec<Case<'_>> = vec![
        ("preview, 10 ServiceCIDRs", turn(|| forecast(&ten, &change))),
        (
            "two reports alone, 10 ServiceCIDRs",
            turn(|| (CapacityReport::for_inventory(&ten), CapacityReport::for_inventory(&ten))),
        ),
        ("preview, 1,000 ServiceCIDRs", turn(|| forecast(million, &change))),
        (
            "two reports alone, 1,000 ServiceCIDRs",
            turn(|| (CapacityReport::for_inventory(million), CapacityReport::for_inventory(million))),
        ),
    ];
    let table = Table::measure("Forecast of one new ServiceCIDR over 1,000,000 addresses", cases);
    goal("preview, 10 ServiceCIDRs", table.median(0) / 1e6, 1.0, " ms");
    goal("preview, 1,000 ServiceCIDRs", table.median(2) / 1e6, 1.0, " ms");
}

/// One allocation where 95 % of the addresses are allocated.
fn allocations(peer: &mut Option<Peer>) {
    let range: Cidr = cluster::RANGE.parse().unwrap();
    let inventory = inventory(&[range], COUNT);
    let view = inventory.view();
    let sorted: Vec<u32> = (1..=COUNT).map(|number| v4(number).into()).collect();
    let mut allocator = Allocator::new(&view, 7);
    let mut random = shuffled((1..=COUNT).collect()).into_iter().cycle();
    // An allocation persists, so each turn releases it.
    let ours = move || {
        let address = allocator.allocate_next(IpFamily::IPv4).unwrap();
        allocator.release(address)
    };
    // The first free address from a random one.
    let baseline = move || {
        let start = u32::from(v4(random.next().unwrap()));
        let from = sorted.partition_point(|address| *address < start);
        let run = sorted[from..].iter().zip(start..).take_while(|(taken, next)| *taken == next).count();
        start + run as u32
    };
    let mut cases: Vec<Case<'_>> = vec![
        ("Allocator::allocate_next and release", turn(ours)),
        ("scan of a sorted Vec<u32> to the next gap", turn(baseline)),
    ];
    if let Some(peer) = peer {
        cases.push(("AllocateNext() of Kubernetes", Box::new(|| peer.send("allocate").cpu_ns as f64)));
    }
    Table::measure("Allocation of one address at 1,000,000 of 1,048,574", cases);
}

/// Removes and inserts one address, as a watch does.
fn changes() {
    let order = shuffled((1..=COUNT).collect());
    let mut inventory = inventory(&[], COUNT);
    let mut tree: BTreeMap<u32, Allocation> =
        in_list_order(COUNT).map(|number| (v4(number).into(), allocation(v4(number).into(), number))).collect();
    let (mut mine, mut theirs) = (order.iter().copied().cycle(), order.iter().copied().cycle());
    let ours = move || {
        let number = mine.next().unwrap();
        let address = IpAddr::from(v4(number));
        assert!(inventory.remove_address(address));
        inventory.insert_address(allocation(address, number));
    };
    let baseline = move || {
        let number = theirs.next().unwrap();
        let address = v4(number);
        drop(tree.remove(&u32::from(address)).unwrap());
        tree.insert(address.into(), allocation(address.into(), number));
    };
    let mut numbers = order.iter().copied().cycle();
    let object = move || {
        let number = numbers.next().unwrap();
        allocation(v4(number).into(), number)
    };
    let cases: Vec<Case<'_>> = vec![
        ("Inventory: remove one of 1,000,000, insert it", turn(ours)),
        ("BTreeMap<u32, Allocation>: the same", turn(baseline)),
        ("creating the Allocation, in both", turn(object)),
    ];
    let table = Table::measure("Changes one by one at 1,000,000 addresses", cases);
    goal("one change", table.median(0) / 2e3, 5.0, " µs");
}

/// A decision with a thousand ServiceCIDRs or ranges, compared with one.
fn overlap() {
    let (thousand, one) = (disjoint(), vec![disjoint()[500]]);
    let new_cidr: Cidr = "10.3.232.0/25".parse().unwrap();
    let sets: [CidrSet; 2] = [thousand.iter().copied().collect(), one.iter().copied().collect()];
    let linear = || thousand.iter().filter(|cidr| cidr.relation(black_box(new_cidr)) != Relation::Disjoint).count();
    let policies = sets.clone().map(|ranges| Policy {
        allowed_ranges: Some(AllowedRanges { ranges, actions: ValidationActions::DENY }),
        ..Policy::default()
    });
    let relations = vec![Relation::Same, Relation::Within, Relation::Contains];
    let no_overlap = NoOverlap { relations, actions: ValidationActions::WARN };
    let overlapping = Policy { no_overlap: Some(no_overlap), ..Policy::default() };
    let request = Request {
        change: Change::diff(Operation::Create, "new", &[], &[new_cidr.to_string()]),
        subresource: Subresource::None,
        requester: "kubernetes-admin".to_owned(),
        dry_run: false,
    };
    let inventories = [inventory(&thousand, 0), inventory(&one, 0)];
    let new = [service_cidr("new", new_cidr)];
    let all = |inventory: &Inventory| overlaps(&inventory.view_with(&new, &[])).len();
    assert_eq!((all(&inventories[0]), linear()), (2, 1));
    let [many, few] = &inventories;
    let cases: Vec<Case<'_>> = vec![
        (
            "decision, 1,000 allowed ranges",
            turn(|| evaluate(&policies[0], &ObservedInventory::static_file(few), black_box(&request))),
        ),
        (
            "decision, 1 allowed range",
            turn(|| evaluate(&policies[1], &ObservedInventory::static_file(few), black_box(&request))),
        ),
        (
            "decision, no-overlap, 1,000 stored",
            turn(|| evaluate(&overlapping, &ObservedInventory::static_file(many), black_box(&request))),
        ),
        (
            "decision, no-overlap, 1 stored",
            turn(|| evaluate(&overlapping, &ObservedInventory::static_file(few), black_box(&request))),
        ),
        ("CidrSet::covering, 1,000 ranges", turn(|| sets[0].covering(black_box(new_cidr)))),
        ("CidrSet::covering, 1 range", turn(|| sets[1].covering(black_box(new_cidr)))),
        ("one CIDR against 1,000, linear", turn(linear)),
        ("overlaps, all pairs: 1 new, 1,000 stored", turn(|| all(black_box(many)))),
        ("overlaps, all pairs: 1 new, 1 stored", turn(|| all(black_box(few)))),
    ];
    let table = Table::measure("A decision with 1,000 CIDRs and with 1", cases);
    goal("decision, 1,000 ranges over 1", (table.median(0) - table.median(1)) / 1e3, 5.0, " µs");
    goal("decision, no-overlap, 1,000 stored over 1", (table.median(2) - table.median(3)) / 1e3, 5.0, " µs");
}
