//! Properties of the rules that compare with the cluster, for any inventory.

use core::time::Duration;

use proptest::prelude::*;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{
    Allocation, Change, Freshness, Inventory, Node, ObservedInventory, Operation, ParentRef, Readiness, ResourceKind,
    ServiceCidr,
};
use servicecidr_guard::net::{Cidr, Relation};
use servicecidr_guard::policy::{
    Policy, Request, RuleId, Subresource, Verdict, Violation, evaluate, preview_if_enabled,
};

use crate::violations;

const STRICTEST_POLICY: &str = "denyAll: {operations: [CREATE, UPDATE, DELETE]}\n\
    allowedRanges: {ranges: [10.0.0.0/12]}\nnoOverlap: {validationActions: [Deny]}\n\
    networks: [{name: lab, cidr: 10.0.0.0/14}]\n\
    reservedNetworks: {presets: [cgnat], discover: [nodePodCIDRs, nodeAddresses]}\n\
    prefixLength: {ipv4: {shortest: 16, longest: 24}}\nusable: {validationActions: [Deny]}\n\
    deletion: {blocked: [Deny], stranded: [Deny]}\n";

fn policy(rules: &str) -> Policy {
    let text = format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n{rules}");
    Loaded::from_bytes("policy.yaml", text.as_bytes()).unwrap().policy
}

/// Within 10.0.0.0/12, so that CIDRs often overlap.
fn cidr() -> impl Strategy<Value = Cidr> {
    (0u32..16, 0u32..4, 12u8..=28)
        .prop_map(|(second, third, length)| Cidr::parse_lenient(&format!("10.{second}.{third}.0/{length}")).unwrap())
}

fn readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![4 => Just(Readiness::Ready), 1 => Just(Readiness::NotReady), 1 => Just(Readiness::Terminating)]
}

fn service_cidr(name: &str, cidr: Cidr, readiness: Readiness) -> ServiceCidr {
    ServiceCidr {
        name: name.to_owned(),
        cidrs: vec![cidr],
        unreadable: Vec::new(),
        readiness,
        has_finalizer: true,
        created: None,
    }
}

prop_compose! {
    /// An inventory after creates, changes and deletions of ServiceCIDRs, with addresses and nodes.
    fn inventory()(
        came in prop::collection::vec((0u8..8, cidr(), readiness()), 0..16),
        went in prop::collection::vec(0u8..8, 0..4),
        addresses in prop::collection::vec((0u8..16, 0u8..4, 0u8..255), 0..24),
        nodes in prop::collection::vec((0u8..4, cidr()), 0..6),
    ) -> Inventory {
        let mut inventory = Inventory::default();
        for (name, cidr, readiness) in came {
            let name = if name == 0 { "kubernetes".to_owned() } else { format!("n{name}") };
            inventory.insert_service_cidr(service_cidr(&name, cidr, readiness));
        }
        for name in went {
            inventory.remove_service_cidr(&format!("n{name}"));
        }
        for (second, third, fourth) in addresses {
            let parent = ParentRef { resource: "services".to_owned(), namespace: "a".to_owned(), name: "b".to_owned() };
            let address = format!("10.{second}.{third}.{fourth}").parse().unwrap();
            inventory.insert_address(Allocation { address, parent, is_managed: true });
        }
        for (name, pods) in nodes {
            inventory.insert_node(Node { name: format!("n{name}"), pod_cidrs: vec![pods], addresses: Vec::new() });
        }
        inventory
    }
}

fn request(change: Change, is_dry_run: bool) -> Request {
    Request { change, subresource: Subresource::None, requester: "kubernetes-admin".to_owned(), dry_run: is_dry_run }
}

fn create(name: &str, cidr: Cidr) -> Change {
    Change::diff(Operation::Create, name, &[], &[cidr.to_string()])
}

fn delete(name: &str, cidr: Cidr) -> Change {
    Change::diff(Operation::Delete, name, &[cidr.to_string()], &[])
}

fn rules(verdict: &Verdict) -> Vec<&'static str> {
    verdict.findings.iter().map(|finding| finding.violation.rule().as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_overlap_matches_a_check_of_every_cidr(inventory in inventory(), added in cidr(), name in 0u8..10) {
        let policy = policy("noOverlap: {relations: [Same, Within]}\n");
        let name = format!("n{name}");
        let verdict = evaluate(&policy, &ObservedInventory::static_file(&inventory), &request(create(&name, added), false));
        let others = inventory.service_cidrs().filter(|other| other.name != name).flat_map(|other| &other.cidrs);
        let slow = others.filter(|other| matches!(added.relation(**other), Relation::Same | Relation::Within)).count();
        let found = verdict.findings.iter().map(|finding| match &finding.violation {
            Violation::Overlap { conflicts, .. } => conflicts.first.len() + conflicts.more,
            other => panic!("{other}"),
        });
        prop_assert_eq!(found.sum::<usize>(), slow);
        prop_assert!(verdict.allows());
    }

    #[test]
    fn reserved_networks_match_a_check_of_every_node(inventory in inventory(), added in cidr()) {
        let policy = policy("reservedNetworks: {discover: [nodePodCIDRs]}\n");
        let verdict = evaluate(&policy, &ObservedInventory::static_file(&inventory), &request(create("new", added), false));
        let mut pods = inventory.nodes().flat_map(|node| &node.pod_cidrs);
        prop_assert_eq!(!verdict.allows(), pods.any(|pods| added.relation(*pods) != Relation::Disjoint));
    }

    #[test]
    fn kubernetes_is_never_denied_with_any_inventory(inventory in inventory(), cidr in cidr(), is_known in any::<bool>()) {
        let observed = if is_known { ObservedInventory::static_file(&inventory) } else { ObservedInventory::absent(&inventory) };
        for change in [create("kubernetes", cidr), delete("kubernetes", cidr)] {
            let verdict = evaluate(&policy(STRICTEST_POLICY), &observed, &request(change, false));
            prop_assert!(verdict.allows());
            prop_assert_eq!(verdict.denials().count(), 0);
        }
    }

    #[test]
    fn dry_run_has_the_same_verdict(inventory in inventory(), cidr in cidr()) {
        let observed = ObservedInventory::static_file(&inventory);
        for change in [create("new", cidr), delete("n1", cidr)] {
            let [dry, real] = [true, false].map(|is_dry_run| evaluate(&policy(STRICTEST_POLICY), &observed, &request(change.clone(), is_dry_run)));
            prop_assert_eq!(dry, real);
        }
    }

    #[test]
    fn missing_inventory_is_a_violation(inventory in inventory(), cidr in cidr()) {
        let nothing = ObservedInventory::absent(&inventory);
        for (rule, id, change) in [
            ("noOverlap: {validationActions: [Deny]}\n", "no-overlap", create("new", cidr)),
            ("reservedNetworks: {discover: [nodeAddresses]}\n", "reserved-networks", create("new", cidr)),
            ("deletion: {}\n", "deletion", delete("new", cidr)),
        ] {
            let verdict = evaluate(&policy(rule), &nothing, &request(change.clone(), false));
            prop_assert!(!verdict.allows());
            prop_assert_eq!(rules(&verdict), [id]);
            let lenient = policy(&format!("{rule}staleness: {{onStale: Warn}}\n"));
            let verdict = evaluate(&lenient, &nothing, &request(change, false));
            prop_assert!(verdict.allows() && verdict.warnings().count() == 1);
        }
    }

    #[test]
    fn alternative_is_allowed_free_and_nearest(inventory in inventory(), refused in cidr()) {
        let policy = policy("allowedRanges: {ranges: [10.4.0.0/14, 10.8.0.0/15, 10.10.0.0/15]}\nnoOverlap: {validationActions: [Deny]}\n");
        let observed = ObservedInventory::static_file(&inventory);
        let verdict = evaluate(&policy, &observed, &request(create("new", refused), false));
        // Every block of that size in 10.0.0.0/12, and whether it is free.
        let size = 1_u32 << refused.host_bits();
        let blocks = (0..(1_u32 << 20) / size).map(|place| (10_u32 << 24) + place * size);
        let first = |cidr: Cidr| match cidr.first() { std::net::IpAddr::V4(v4) => u32::from(v4), std::net::IpAddr::V6(_) => unreachable!() };
        let block = |first: u32| Cidr::parse_lenient(&format!("{}/{}", std::net::Ipv4Addr::from(first), refused.prefix_len())).unwrap();
        let allowed = policy.allowed_ranges.as_ref().unwrap();
        // Networks of nodes count even if no rule discovers them.
        let is_apart = |cidr: Cidr| inventory.overlapping(cidr).next().is_none() && inventory.overlapping_nodes(cidr).next().is_none();
        let is_free = |cidr: Cidr| allowed.ranges.covering(cidr).is_some() && is_apart(cidr);
        let nearest = blocks.filter(|first| is_free(block(*first))).map(|other| other.abs_diff(first(refused))).min();
        match (&verdict.alternatives[..], verdict.allows()) {
            ([], true) => {}
            ([], false) => prop_assert_eq!(nearest, None),
            ([one], false) => {
                prop_assert!(is_free(one.cidr), "{}", one.cidr);
                prop_assert_eq!(Some(first(one.cidr).abs_diff(first(refused))), nearest);
            }
            (more, _) => prop_assert!(false, "{more:?}"),
        }
    }

    #[test]
    fn preview_matches_report(inventory in inventory(), cidr in cidr()) {
        let policy = policy("usable: {}\n");
        let observed = ObservedInventory::static_file(&inventory);
        let request = request(create("new", cidr), true);
        let verdict = evaluate(&policy, &observed, &request);
        let preview = preview_if_enabled(&policy, &observed, &request, &verdict).unwrap();
        let mut changed = inventory.clone();
        changed.insert_service_cidr(service_cidr("new", cidr, Readiness::Ready));
        let (before, after) = preview.families().next().unwrap();
        prop_assert_eq!(before.usable, inventory.view().usable(cidr.family()).count());
        // The families don't change: `kubernetes` determines them.
        prop_assert_eq!(after.usable, changed.view().usable(cidr.family()).count());
    }
}

/// An inventory that is three minutes old.
fn stale(inventory: &Inventory) -> ObservedInventory<'_> {
    let age = Freshness::Age(Duration::from_secs(180));
    ObservedInventory { inventory, service_cidrs: age, addresses: age, nodes: age }
}

#[test]
fn staleness_applies_only_to_required_kinds() {
    let mut inventory = Inventory::default();
    inventory.insert_service_cidr(service_cidr("kubernetes", "10.96.0.0/28".parse().unwrap(), Readiness::Ready));
    let observed = stale(&inventory);
    let evaluated = |rules: &str, cidr: &str| {
        let verdict = evaluate(&policy(rules), &observed, &request(create("new", cidr.parse().unwrap()), true));
        verdict.findings.into_iter().map(|finding| finding.violation).collect::<Vec<_>>()
    };
    let expected = violations::stale(RuleId::NoOverlap, ResourceKind::ServiceCidrs, 180, 120);
    // No fixture of tests/fixtures/admission has an age: these messages are pinned here.
    assert_eq!(
        expected.to_string(),
        "spec.cidrs: no-overlap can't be evaluated: the ServiceCIDRs were last confirmed 180 s ago, more than the limit \
         of 120 s"
    );
    assert_eq!(
        violations::syncing(RuleId::ReservedNetworks, ResourceKind::Nodes).to_string(),
        "spec.cidrs: reserved-networks can't be evaluated: the Nodes are still syncing (see the webhook log)"
    );
    assert_eq!(evaluated("noOverlap: {}\n", "10.96.0.0/24"), [expected]);
    let within = violations::overlap_with_default("10.96.0.0/29");
    assert_eq!(evaluated("noOverlap: {}\nstaleness: {maxStaleness: 180s}\n", "10.96.0.0/29"), [within]);
    let pods = violations::stale(RuleId::ReservedNetworks, ResourceKind::Nodes, 180, 120);
    assert_eq!(evaluated("reservedNetworks: {discover: [nodePodCIDRs]}\n", "10.97.0.0/24"), [pods]);
    // A stale `kubernetes` does not determine the families.
    assert_eq!(evaluated("usable: {}\n", "fd00::/64"), []);
    assert_eq!(evaluated("allowedRanges: {ranges: [10.96.0.0/16]}\n", "10.96.5.0/24"), []);
    // There are no alternatives and no forecast either.
    let policy = policy("allowedRanges: {ranges: [10.96.0.0/16]}\n");
    let request = request(create("new", "10.1.0.0/24".parse().unwrap()), true);
    let verdict = evaluate(&policy, &observed, &request);
    assert!(verdict.alternatives.is_empty() && !verdict.allows());
    assert_eq!(preview_if_enabled(&policy, &observed, &request, &verdict), None);
    let discovering =
        self::policy("allowedRanges: {ranges: [10.96.0.0/16]}\nreservedNetworks: {discover: [nodePodCIDRs]}\n");
    let without_nodes = ObservedInventory { nodes: observed.nodes, ..ObservedInventory::static_file(&inventory) };
    assert!(evaluate(&discovering, &without_nodes, &request).alternatives.is_empty());
    assert!(!evaluate(&discovering, &ObservedInventory::static_file(&inventory), &request).alternatives.is_empty());
    let fresh = ObservedInventory { addresses: observed.addresses, ..ObservedInventory::static_file(&inventory) };
    let preview = preview_if_enabled(&policy, &fresh, &request, &verdict).unwrap();
    assert_eq!((preview.forecast.clone(), preview.deletion_impact.clone()), (None, None));
}
