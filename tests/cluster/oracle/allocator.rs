//! Allocation, from one range and from all ServiceCIDRs, compared with kube-apiserver. The search starts at a random
//! address of a band, so results are compared as sets, and their order by band. For an address outside, the allocator
//! of one range reports its range. Users see that only in dry runs: the allocator over all ranges reports that none
//! matches, like servicecidr-guard.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use servicecidr_guard::capacity::{AllocateError, Allocator};
use servicecidr_guard::inventory::View;
use servicecidr_guard::net::{AddressRange, Cidr, IpFamily, UsableRange};

use super::deletion::{generated, inventory, near, near_any};
use super::generate::Rng;
use super::query::{Address, Allocated, AllocationOutcome, Question, Stored, query};

const RANGES: usize = 24_000;
const INVENTORIES: usize = 8_000;
const FAMILIES: [IpFamily; 2] = [IpFamily::IPv4, IpFamily::IPv6];
const FULL: &str = "range is full";
/// The size of a range or family up to which all addresses are allocated.
const MAX_SMALL_RANGE: u128 = 100;
/// More allocations than any such range allows.
const ALL_ADDRESSES: usize = 1 << 13;

struct Case {
    cidr: Cidr,
    addresses: Vec<Address>,
    plan: AllocationPlan,
}

/// The requested addresses, then the number of allocations per family without a request, with a seed for
/// servicecidr-guard.
struct AllocationPlan {
    requested: Vec<IpAddr>,
    count: usize,
    seed: u64,
}

fn cidr(family: IpFamily, network: u128, length: usize) -> Cidr {
    let bits = if family == IpFamily::IPv4 { 32 } else { 128 };
    let host_bits = bits - u32::try_from(length).unwrap();
    let network = network.checked_shr(host_bits).unwrap_or(0).checked_shl(host_bits).unwrap_or(0);
    format!("{}/{length}", family.address(network)).parse().unwrap()
}

fn range(rng: &mut Rng) -> Cidr {
    let low = u128::from(rng.bits() % 4096);
    let kind = rng.below(64);
    if rng.one_in(2) {
        let network = match rng.below(8) {
            0 => low,
            1 => u128::from(u32::MAX) - low % 64,
            2 => u128::from(rng.bits() >> 32),
            _ => u128::from(Ipv4Addr::new(10, 96, 0, 0).to_bits()) + low,
        };
        let length = match kind {
            0..=3 => rng.below(24),
            4 | 5 => 24 + rng.below(3),
            _ => 27 + rng.below(6),
        };
        cidr(IpFamily::IPv4, network, length)
    } else {
        let network = match rng.below(8) {
            0 => u128::MAX - low % 64,
            1 => 0x2001_0db8 << 96 | u128::from(rng.bits()),
            _ => 0xfd00 << 112 | low,
        };
        let length = match kind {
            0..=2 => 64 + rng.below(56),
            3 => *rng.pick(&[0, 48, 62, 63]),
            4 | 5 => 120 + rng.below(3),
            _ => 123 + rng.below(6),
        };
        cidr(IpFamily::IPv6, network, length)
    }
}

fn case(rng: &mut Rng) -> Case {
    let cidr = range(rng);
    let whole = AddressRange::from(cidr);
    let is_small = whole.count() <= MAX_SMALL_RANGE;
    let mut names: BTreeSet<IpAddr> = (0..rng.below(6)).map(|_| near(rng, cidr)).collect();
    if is_small && rng.one_in(2) {
        let share = *rng.pick(&[2, 5, 9, 10]);
        let all = (whole.first()..=whole.last()).map(|number| cidr.family().address(number));
        names.extend(all.filter(|_| rng.below(10) < share));
    }
    let managed = *rng.pick(&[1, 2, 100]);
    let addresses = names.into_iter().map(|name| Address { name, managed: !rng.one_in(managed) }).collect();
    let other = *rng.pick(&["10.96.0.0/16", "fd00::/64"]);
    let mut requested: Vec<IpAddr> = (0..rng.below(6)).map(|_| near(rng, cidr)).collect();
    if rng.one_in(8) {
        requested.push(near(rng, other.parse().unwrap()));
    }
    let takes_all = is_small || whole.count() <= 256 && rng.one_in(8);
    let count = if takes_all { ALL_ADDRESSES } else { rng.below(5) };
    Case { cidr, addresses, plan: AllocationPlan { requested, count, seed: rng.bits() } }
}

/// Every prefix length. Up to 4096 addresses, all are allocated; most addresses of large ranges are allocated before.
fn every_length() -> Vec<Case> {
    let v4 = (0..=32).map(|length| cidr(IpFamily::IPv4, u128::from(Ipv4Addr::new(10, 0, 0, 0).to_bits()), length));
    let v6 = (0..=128).map(|length| cidr(IpFamily::IPv6, 0xfd00 << 112, length));
    let tops = [(IpFamily::IPv4, 30..=32), (IpFamily::IPv6, 126..=128)];
    let tops =
        tops.into_iter().flat_map(|(family, lengths)| lengths.map(move |length| cidr(family, family.last(), length)));
    let case = |cidr: Cidr| {
        let whole = AddressRange::from(cidr);
        let is_large = (600..=4096).contains(&whole.count());
        let used = is_large.then(|| whole.first() + 300..=whole.last() - 24).into_iter().flatten();
        let addresses = used.map(|number| Address { name: cidr.family().address(number), managed: false }).collect();
        let ends = [
            whole.first(),
            whole.first().saturating_add(1).min(cidr.family().last()),
            whole.last().max(1) - 1,
            whole.last(),
        ];
        let requested = ends.map(|number| cidr.family().address(number)).to_vec();
        let count = if whole.count() <= 4096 { ALL_ADDRESSES } else { 3 };
        Case { cidr, addresses, plan: AllocationPlan { requested, count, seed: 0 } }
    };
    v4.chain(v6).chain(tops).map(case).collect()
}

/// Allocates addresses of a family without a request. Returns them and the final error, like the oracle.
fn take(allocator: &mut Allocator<'_>, family: IpFamily, count: usize) -> (Vec<IpAddr>, String) {
    let mut next = Vec::new();
    while next.len() < count {
        match allocator.allocate_next(family) {
            Ok(address) => next.push(address),
            Err(error) => return (next, error.to_string()),
        }
    }
    (next, String::new())
}

/// Whether each of these addresses can be the next one: it is free, and in the dynamic band of a range, or in its
/// static band when the dynamic band is full.
fn are_in_order(mut allocator: Allocator<'_>, ranges: &[UsableRange], next: &[IpAddr]) -> bool {
    next.iter().all(|address| {
        let is_next = ranges.iter().filter(|range| range.contains(*address)).any(|range| {
            let dynamic = range.dynamic_band();
            dynamic.is_some_and(|band| band.contains(*address))
                || dynamic.is_none_or(|band| allocator.free_in(band) == 0)
        });
        is_next && allocator.allocate(*address).is_ok()
    })
}

/// Compares the allocations of one range, or of all ranges of both families.
fn compare_allocations(
    view: &View<'_>,
    range: Option<Cidr>,
    plan: &AllocationPlan,
    theirs: &AllocationOutcome,
) -> Result<(), String> {
    let mut ours = Allocator::new(view, plan.seed);
    let expected: Vec<String> = plan
        .requested
        .iter()
        .map(|address| match (ours.allocate(*address), range) {
            (Err(AllocateError::Mismatch), Some(cidr)) => {
                format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {cidr}")
            }
            (result, _) => result.map_or_else(|error| error.to_string(), |()| String::new()),
        })
        .collect();
    compare("static", &expected, &theirs.r#static)?;
    let families = range.map_or(FAMILIES.to_vec(), |cidr| vec![cidr.family()]);
    compare("ends", &families.len(), &theirs.r#final.len())?;
    if range.is_some_and(|cidr| AddressRange::from(cidr).last() == u128::MAX) {
        return compare_last_range(ours, plan, theirs);
    }
    let ranges = view.allocatable_ranges();
    let mut rest = theirs.next.as_slice();
    for (family, theirs_ended) in families.iter().zip(&theirs.r#final) {
        let before = ours.clone();
        let (mine, ended) = take(&mut ours, *family, plan.count);
        compare("final", &ended, theirs_ended)?;
        let (next, others) =
            rest.split_at_checked(mine.len()).ok_or_else(|| format!("{family}: more here: {mine:?}"))?;
        rest = others;
        for (whose, next) in [("here", &*mine), ("there", next)] {
            if !are_in_order(before.clone(), &ranges, next) {
                return Err(format!("{family}: out of order {whose}: {next:?}"));
            }
        }
        if ended == FULL {
            let set = |next: &[IpAddr]| next.iter().copied().collect::<BTreeSet<_>>();
            compare("set", &set(&mine), &set(next))?;
        }
    }
    compare("more there", &[].as_slice(), &rest)
}

/// Compares the allocations of the range with the last IPv6 address. Upstream's search (`ipIterator`) goes from a
/// random address to the end of a band, and continues at its start. Behind the last address it ends instead, so
/// addresses before the start are not found. That range can be reported full although it isn't, and its static band
/// can be used before the dynamic one is full. servicecidr-guard always continues at the start.
fn compare_last_range(
    mut ours: Allocator<'_>,
    plan: &AllocationPlan,
    theirs: &AllocationOutcome,
) -> Result<(), String> {
    let (mine, _) = take(&mut ours.clone(), IpFamily::IPv6, plan.count);
    compare("at the end, most", &theirs.next.len().min(mine.len()), &theirs.next.len())?;
    let ended = if theirs.next.len() == plan.count { "" } else { FULL };
    compare("at the end, final", &ended, &theirs.r#final[0].as_str())?;
    compare("at the end, free", &theirs.next.iter().all(|address| ours.allocate(*address).is_ok()), &true)
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?} here, {theirs:?} there")) }
}

/// Compares a range. Used and free differ on purpose: upstream counts addresses with its labels, including the edges,
/// servicecidr-guard counts usable addresses.
fn compare_range(case: &Case, theirs: &Allocated) -> Result<&'static str, String> {
    let Case { cidr, addresses, plan } = case;
    let stored = [Stored { name: "a".to_owned(), cidrs: vec![cidr.to_string()], terminating: false, ready: "True" }];
    let inventory = inventory(&stored, addresses);
    let view = inventory.view();
    let usable = UsableRange::for_cidr(*cidr);
    if !theirs.refused.is_empty() {
        compare("usable", &usable, &None)?;
        let mut ours = Allocator::new(&view, plan.seed);
        compare("next", &ours.allocate_next(cidr.family()), &Err(AllocateError::Full))?;
        let is_there = plan.requested.iter().any(|address| ours.allocate(*address) != Err(AllocateError::Mismatch));
        compare("static", &is_there, &false)?;
        let is_short = cidr.family() == IpFamily::IPv6 && cidr.prefix_len() < 64;
        let text = format!("shortest allowed prefix length for service CIDR is 64, got {}", cidr.prefix_len());
        let text = if is_short { &text } else { "invalid address []" };
        compare("refused", &text, &theirs.refused.as_str())?;
        return Ok("refused");
    }
    compare("size", &usable.map_or(0, UsableRange::count), &theirs.size)?;
    if let Some(usable) = usable {
        compare("first", &usable.range().first_address().to_string(), &theirs.first)?;
        compare("last", &usable.range().last_address().to_string(), &theirs.last)?;
        compare("dynamic", &usable.dynamic_band().unwrap().first_address().to_string(), &theirs.dynamic)?;
    }
    let band = usable.and_then(UsableRange::static_band);
    compare("band", &band.map_or(0, AddressRange::count), &theirs.offset)?;
    compare_allocations(&view, Some(*cidr), plan, &theirs.outcome)?;

    let whole = AddressRange::from(*cidr);
    let is_usable = |address: IpAddr| usable.is_some_and(|usable| usable.contains(address));
    let inside = addresses.iter().filter(|address| whole.contains(address.name));
    let (mut edges, mut foreign) = (0, 0);
    for Address { name, managed } in inside {
        edges += i128::from(*managed && !is_usable(*name));
        foreign += i128::from(!*managed && is_usable(*name));
    }
    let ours = usable.map_or(0, |usable| i128::try_from(view.used_in(usable.range())).unwrap());
    compare("used", &(ours + edges - foreign), &theirs.used)?;
    let size = i128::try_from(theirs.size).unwrap().min(i128::from(i64::MAX));
    compare("free", &(size - theirs.used).max(0), &theirs.free)?;
    let free = usable.map(|usable| Allocator::new(&view, plan.seed).free_in(usable.range()));
    let ours_free = i128::try_from(free.unwrap_or(0)).unwrap();
    if size < i128::from(i64::MAX) {
        compare("free here", &ours_free, &(size - ours))?;
    }
    Ok(match (theirs.outcome.r#final[0].as_str(), band.is_some(), edges, foreign) {
        ("", ..) => "partly taken",
        (_, false, ..) => "taken, no band",
        (_, true, 0, 0) => "taken, band",
        (_, true, ..) => "taken, band, used differs",
    })
}

fn assert_none(mut differences: Vec<String>) {
    differences.sort_by_key(String::len);
    let shown = &differences[..differences.len().min(3)];
    assert!(differences.is_empty(), "{} differences, the shortest:\n{}", differences.len(), shown.join("\n"));
}

#[test]
fn range_allocation_matches_kube_apiserver() {
    let mut rng = Rng::seeded(9);
    let mut cases = every_length();
    cases.extend((0..RANGES).map(|_| case(&mut rng)));
    let questions: Vec<_> = cases
        .iter()
        .map(|Case { cidr, addresses, plan }| Question::Allocate {
            cidr: cidr.to_string(),
            addresses,
            r#static: &plan.requested,
            count: plan.count,
        })
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for ((case, question), theirs) in cases.iter().zip(&questions).zip(query::<Allocated>(&questions)) {
        match compare_range(case, &theirs) {
            Ok(kind) => *counts.entry(kind).or_default() += 1,
            Err(difference) => differences.push(format!("{question:?}: {difference}")),
        }
        for text in &theirs.outcome.r#static {
            *texts.entry(text.chars().take(16).collect()).or_default() += 1;
        }
    }
    println!("{} ranges: {counts:?}, {texts:?}", cases.len());
    assert_none(differences);
    assert!(counts.len() == 5 && counts.values().all(|count| *count >= 100), "few of a kind: {counts:?}");
    assert!(texts.len() == 3 && texts.values().all(|count| *count >= 1000), "few of a kind: {texts:?}");
}

/// The only difference, see `compare_last_range`: upstream finds the last free address only if the search starts there.
#[test]
fn only_the_last_range_reports_full_early() {
    let cidr = |text: &str| text.parse::<Cidr>().unwrap();
    let last = cidr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124");
    for (cidr, is_last) in [(last, true), (cidr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffe0/124"), false)] {
        let range = UsableRange::for_cidr(cidr).unwrap().range();
        let name = |number| cidr.family().address(number);
        let addresses: Vec<Address> =
            (range.first() + 1..=range.last()).map(|number| Address { name: name(number), managed: true }).collect();
        let question = || Question::Allocate { cidr: cidr.to_string(), addresses: &addresses, r#static: &[], count: 1 };
        let questions: Vec<_> = (0..1000).map(|_| question()).collect();
        let outcome: Vec<_> = query::<Allocated>(&questions).into_iter().map(|allocated| allocated.outcome).collect();
        let full = outcome.iter().filter(|outcome| outcome.r#final == [FULL] && outcome.next.is_empty()).count();
        let found = outcome.iter().filter(|outcome| outcome.next == [name(range.first())]).count();
        println!("{cidr}: found {found} times, full {full} times");
        assert_eq!(found + full, outcome.len());
        assert_eq!((full > 0, found > 0), (is_last, true), "{cidr}");
        let stored = [Stored { name: "a".to_owned(), cidrs: vec![cidr.to_string()], terminating: false, ready: "" }];
        let inventory = inventory(&stored, &addresses);
        for seed in 0..100 {
            let view = inventory.view();
            assert_eq!(Allocator::new(&view, seed).allocate_next(cidr.family()), Ok(name(range.first())));
        }
    }
}

#[test]
fn allocation_over_all_ranges_matches_kube_apiserver() {
    let mut rng = Rng::seeded(10);
    let cases: Vec<_> = (0..INVENTORIES)
        .map(|_| {
            let (service_cidrs, addresses) = generated(&mut rng);
            let inventory = inventory(&service_cidrs, &addresses);
            let view = inventory.view();
            let is_small = FAMILIES.iter().all(|family| view.usable(*family).count() <= MAX_SMALL_RANGE);
            let requested = (0..rng.below(8)).map(|_| near_any(&mut rng, &service_cidrs)).collect();
            let count = if is_small { ALL_ADDRESSES } else { rng.below(5) };
            (service_cidrs, addresses, AllocationPlan { requested, count, seed: rng.bits() })
        })
        .collect();
    let questions: Vec<_> = cases
        .iter()
        .map(|(service_cidrs, addresses, plan)| Question::AllocateMeta {
            service_cidrs,
            addresses,
            r#static: &plan.requested,
            count: plan.count,
        })
        .collect();
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for (((service_cidrs, addresses, plan), question), theirs) in
        cases.iter().zip(&questions).zip(query::<AllocationOutcome>(&questions))
    {
        let inventory = inventory(service_cidrs, addresses);
        if let Err(difference) = compare_allocations(&inventory.view(), None, plan, &theirs) {
            differences.push(format!("{question:?}: {difference}"));
        }
        for text in theirs.r#static.iter().chain(&theirs.r#final) {
            *texts.entry(text.clone()).or_default() += 1;
        }
    }
    println!("{} inventories: {texts:?}", cases.len());
    assert_none(differences);
    assert!(texts.len() == 4 && texts.values().all(|count| *count >= 1000), "few of a kind: {texts:?}");
}
