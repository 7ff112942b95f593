//! `suggest` compared with an exhaustive search, and the decision about the suggestions.

use std::io::Write as _;
use std::process::Stdio;

use proptest::prelude::*;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{Change, Inventory, Node, ObservedInventory, Operation, Readiness, ServiceCidr};
use servicecidr_guard::net::{AddressRange, Cidr, IpFamily, UsableRange};
use servicecidr_guard::policy::{FreeCidrSearch, Policy, Request, SearchError, Subresource, evaluate};

use crate::program::{fixtures, program};

/// The number of addresses of a space.
const SPACE: u128 = 1024;

/// A small range of addresses.
#[derive(Clone, Copy, Debug)]
struct Space {
    family: IpFamily,
    base: u128,
    bits: u8,
}

const IPV4: Space = Space { family: IpFamily::IPv4, base: 0x0a00_0000, bits: 32 };
/// At the end of the family, where a sum could overflow.
const IPV4_TOP: Space = Space { family: IpFamily::IPv4, base: 0xffff_fc00, bits: 32 };
const IPV6: Space = Space { family: IpFamily::IPv6, base: u128::MAX - (SPACE - 1), bits: 128 };

/// A block by its offset and host bits.
type Block = (u16, u8);

#[derive(Clone, Debug)]
struct Case {
    space: Space,
    allowed: Vec<Block>,
    service_cidrs: Vec<(Block, Readiness)>,
    declared: Vec<Block>,
    pods: Vec<Block>,
    nodes: Vec<u16>,
    host_bits: u8,
    count: usize,
}

impl Space {
    fn cidr(self, (place, host_bits): Block) -> Cidr {
        let first = (u128::from(place) % SPACE) >> host_bits << host_bits;
        Cidr::from_base(self.family, self.base + first, host_bits).unwrap()
    }

    fn offsets(self, cidr: Cidr) -> std::ops::RangeInclusive<usize> {
        let range = AddressRange::from(cidr);
        let offset = |number: u128| usize::try_from(number - self.base).unwrap();
        offset(range.first())..=offset(range.last())
    }
}

fn case() -> impl Strategy<Value = Case> {
    let block = |bits: std::ops::RangeInclusive<u8>| (any::<u16>(), bits);
    let state = prop_oneof![Just(Readiness::Ready), Just(Readiness::NotReady), Just(Readiness::Terminating)];
    (
        prop_oneof![Just(IPV4), Just(IPV4_TOP), Just(IPV6)],
        prop::collection::vec(block(4..=10), 1..5),
        prop::collection::vec((block(0..=7), state), 0..6),
        prop::collection::vec(block(0..=6), 0..3),
        prop::collection::vec(block(0..=6), 0..3),
        prop::collection::vec(any::<u16>(), 0..3),
        2_u8..=9,
        1_usize..5,
    )
        .prop_map(|(space, allowed, service_cidrs, declared, pods, nodes, host_bits, count)| Case {
            space,
            allowed,
            service_cidrs,
            declared,
            pods,
            nodes,
            host_bits,
            count,
        })
}

impl Case {
    fn policy(&self) -> Policy {
        let list = |blocks: &[Block]| {
            let texts: Vec<String> = blocks.iter().map(|block| format!("\"{}\"", self.space.cidr(*block))).collect();
            texts
        };
        let networks: Vec<String> = list(&self.declared)
            .iter()
            .enumerate()
            .map(|(place, cidr)| format!("{{name: n{place}, cidr: {cidr}}}"))
            .collect();
        let text = format!(
            "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nnetworks: [{}]\nallowedRanges: {{ranges: [{}]}}\n\
             noOverlap: {{validationActions: [Deny]}}\nusable: {{validationActions: [Deny]}}\n\
             reservedNetworks: {{discover: [nodePodCIDRs, nodeAddresses]}}\n",
            networks.join(", "),
            list(&self.allowed).join(", "),
        );
        Loaded::from_bytes("policy.yaml", text.as_bytes()).unwrap().policy
    }

    fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for (place, (block, readiness)) in self.service_cidrs.iter().enumerate() {
            inventory.insert_service_cidr(ServiceCidr {
                name: format!("s{place}"),
                cidrs: vec![self.space.cidr(*block)],
                unreadable: Vec::new(),
                readiness: *readiness,
                has_finalizer: true,
                created: None,
            });
        }
        let pods = self.pods.iter().map(|block| self.space.cidr(*block)).collect();
        let addresses = self.nodes.iter().map(|place| self.space.cidr((*place, 0)).first()).collect();
        inventory.insert_node(Node { name: "node".to_owned(), pod_cidrs: pods, addresses });
        inventory
    }

    /// The addresses that are free and in a range that is wide enough.
    fn free(&self) -> Vec<bool> {
        let mut free = vec![false; usize::try_from(SPACE).unwrap()];
        for block in self.allowed.iter().filter(|(_, bits)| *bits >= self.host_bits) {
            self.space.offsets(self.space.cidr(*block)).for_each(|at| free[at] = true);
        }
        let service_cidrs = self.service_cidrs.iter().map(|(block, _)| block);
        let addresses: Vec<Block> = self.nodes.iter().map(|place| (*place, 0)).collect();
        for block in service_cidrs.chain(&self.declared).chain(&self.pods).chain(&addresses) {
            self.space.offsets(self.space.cidr(*block)).for_each(|at| free[at] = false);
        }
        free
    }

    /// An exhaustive search.
    fn exhaustive_search(&self) -> Vec<Cidr> {
        let mut free = self.free();
        let size = 1_usize << self.host_bits;
        let mut found = Vec::new();
        while found.len() < self.count {
            let whole = |first: usize, bits: u8| {
                let first = first >> bits << bits;
                free[first..first + (1 << bits)].iter().all(|is_free| *is_free)
            };
            let widest = |first: usize| (self.host_bits..=10).rev().find(|bits| whole(first, *bits));
            let all = (0..free.len()).step_by(size).filter_map(|first| Some((widest(first)?, first)));
            let Some((_, first)) = all.min() else { break };
            found.push(self.space.cidr((u16::try_from(first).unwrap(), self.host_bits)));
            free[first..first + size].fill(false);
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12_000))]

    #[test]
    fn suggestions_match_exhaustive_search_and_are_allowed(case in case()) {
        let (policy, inventory) = (case.policy(), case.inventory());
        let search = FreeCidrSearch::new(&policy, &inventory, case.space.family, case.space.bits - case.host_bits, &[]).unwrap();
        let suggestions = search.find(case.count);
        prop_assert_eq!(&suggestions.found, &case.exhaustive_search());

        let mut inventory = inventory;
        for (place, cidr) in suggestions.found.iter().enumerate() {
            let name = format!("new-{place}");
            let change = Change::diff(Operation::Create, &name, &[], &[cidr.to_string()]);
            let request = Request { change, subresource: Subresource::None, requester: String::new(), dry_run: false };
            let verdict = evaluate(&policy, &ObservedInventory::static_file(&inventory), &request);
            prop_assert!(verdict.findings.is_empty(), "{} {:?}", cidr, verdict);
            inventory.insert_service_cidr(ServiceCidr {
                name, cidrs: vec![*cidr], unreadable: Vec::new(), readiness: Readiness::Ready, has_finalizer: true, created: None,
            });
        }

        // Suggested and skipped ranges together are exactly the ranges that are wide enough.
        let mut seen = vec![0_u8; usize::try_from(SPACE).unwrap()];
        let mut count = |range: AddressRange| {
            let blocks: Vec<Cidr> = range.subnets().collect();
            blocks.into_iter().flat_map(|block| case.space.offsets(block)).for_each(|at| seen[at] += 1);
        };
        suggestions.found.iter().for_each(|cidr| count(AddressRange::from(*cidr)));
        let narrow = |reason: &str| reason.starts_with("is narrower");
        let skipped_ranges = suggestions.skipped.iter().filter(|passed| !narrow(&passed.reason.to_string()));
        skipped_ranges.for_each(|passed| count(passed.range));
        for (at, seen) in seen.iter().enumerate() {
            let in_range = case.allowed.iter().filter(|(_, bits)| *bits >= case.host_bits).any(|block| {
                case.space.offsets(case.space.cidr(*block)).contains(&at)
            });
            prop_assert_eq!(*seen, u8::from(in_range), "address {} is reported {} times", at, seen);
        }
    }

    #[test]
    fn prefix_length_fits_services_in_the_dynamic_band(services in prop_oneof![1_u32..3000, 1_u32..], is_ipv4: bool) {
        let family = if is_ipv4 { IpFamily::IPv4 } else { IpFamily::IPv6 };
        let dynamic = |host_bits: u8| {
            let band = Cidr::from_base(family, 0, host_bits).and_then(UsableRange::for_cidr).and_then(UsableRange::dynamic_band);
            band.map_or(0, AddressRange::count)
        };
        let bits = if is_ipv4 { 32 } else { 128 };
        match FreeCidrSearch::prefix_len_for(&Policy::default(), family, services) {
            Ok(prefix_len) => {
                let host_bits = bits - prefix_len;
                prop_assert!(dynamic(host_bits) >= u128::from(services) && dynamic(host_bits - 1) < u128::from(services));
            }
            Err(error) => {
                let too_many = SearchError::TooMany { family, services };
                prop_assert!(error == too_many && is_ipv4 && dynamic(32) < u128::from(services));
            }
        }
    }
}

#[test]
fn ranges_of_any_width_are_searched() {
    let policy = |ranges: &str| {
        let text =
            format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {{ranges: [{ranges}]}}\n");
        Loaded::from_bytes("policy.yaml", text.as_bytes()).unwrap().policy
    };
    let policy = policy("0.0.0.0/0, \"::/0\"");
    let find = |family, prefix_len| {
        let search = FreeCidrSearch::new(&policy, &Inventory::default(), family, prefix_len, &[])
            .map(|search| search.find(2).found);
        search.map(|found| found.iter().map(Cidr::to_string).collect::<Vec<_>>())
    };
    assert_eq!(find(IpFamily::IPv4, 30).unwrap(), ["0.0.0.0/30", "0.0.0.4/30"]);
    assert_eq!(find(IpFamily::IPv4, 0).unwrap(), ["0.0.0.0/0"]);
    assert_eq!(find(IpFamily::IPv6, 127).unwrap(), ["::/127", "::2/127"]);
    assert_eq!(find(IpFamily::IPv6, 64).unwrap(), ["::/64", "0:0:0:1::/64"]);
    let too_short = find(IpFamily::IPv6, 63).unwrap_err().to_string();
    assert_eq!(
        too_short,
        "/63 of IPv6 has no allocatable addresses: kube-apiserver allocates from IPv6 /64 and longer only"
    );
}

#[test]
fn suggestions_pass_check() {
    let run = |arguments: &[&str], input: &[u8]| {
        let mut command = program();
        command.args(arguments).current_dir(fixtures().join("inventories"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // `suggest` doesn't read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    };
    let mut checked = 0;
    for inventory in ["fresh.json", "extended.json", "terminating.json", "nodes.yaml", "page.yaml"] {
        for (family, length) in [("IPv4", "20"), ("IPv4", "24"), ("IPv4", "26"), ("IPv4", "28"), ("IPv6", "112")] {
            let policy = ["--policy", "../policies/plan.yaml"];
            let suggest = [
                "suggest",
                "-f",
                inventory,
                "--prefix-length",
                length,
                "--family",
                family,
                "--count",
                "5",
                "-o",
                "manifest",
            ];
            let suggested = run(&[&suggest[..], &policy].concat(), b"");
            if suggested.stdout.is_empty() {
                continue;
            }
            let check = ["check", "-f", "-", "--inventory", inventory, "-o", "json"];
            let report = run(&[&check[..], &policy].concat(), &suggested.stdout);
            let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
            for result in report["results"].as_array().unwrap() {
                assert!(
                    result["allowed"] == true && result["findings"] == serde_json::json!([]),
                    "{inventory}: {result:#}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 60, "only {checked} were checked");
}
