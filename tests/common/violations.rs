//! Expected violations, created by the library. Tests name the violation; its wording is pinned in
//! `tests/fixtures/admission` only.

use core::time::Duration;

use servicecidr_guard::capacity::CappedList;
use servicecidr_guard::config::Loaded;
use servicecidr_guard::inventory::{
    Allocation, Change, Freshness, Inventory, NodeNetwork, ObservedInventory, Operation, ParentRef, ResourceKind,
    UnusableReason,
};
use servicecidr_guard::net::{Cidr, IpFamily, Relation};
use servicecidr_guard::policy::{
    Conflict, ConflictOwner, Conflicts, Request, RuleId, Subresource, Violation, evaluate,
};

/// allowed-ranges: `spec.cidrs[index]` is within none of the ranges.
pub fn outside(index: usize, cidr: &str, ranges: &[&str]) -> Violation {
    let text = format!("apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {{ranges: {ranges:?}}}\n");
    let policy = Loaded::from_bytes("policy.yaml", text.as_bytes()).unwrap().policy;
    let change = Change::diff(Operation::Create, "new", &[], &[cidr.to_owned()]);
    let request = Request { change, subresource: Subresource::None, requester: "admin".to_owned(), dry_run: false };
    let mut findings = evaluate(&policy, &ObservedInventory::absent(&Inventory::default()), &request).findings;
    match findings.pop().unwrap().violation {
        Violation::OutsideAllowedRanges { cidr, narrower, allowed, .. } => {
            Violation::OutsideAllowedRanges { index, cidr, narrower, allowed }
        }
        other => panic!("{other}"),
    }
}

/// deny-all: the policy denies the operation.
pub fn denied(operation: Operation, name: &str) -> Violation {
    Violation::Denied { operation, name: name.to_owned() }
}

/// usable: the first CIDR has no allocatable address.
pub fn unusable(cidr: &str, reason: UnusableReason) -> Violation {
    Violation::Unusable { index: 0, cidr: cidr.parse().unwrap(), reason }
}

fn conflicts<const N: usize>(cidr: Cidr, others: [(&str, ConflictOwner); N]) -> Conflicts {
    let conflict = |(other, neighbour): (&str, ConflictOwner)| {
        let other = other.parse().unwrap();
        Conflict { relation: cidr.relation(other), cidr: other, neighbour }
    };
    let conflicts = Conflicts { first: others.map(conflict).to_vec(), more: 0 };
    assert!(conflicts.first.iter().all(|conflict| conflict.relation != Relation::Disjoint), "{cidr} {conflicts}");
    conflicts
}

/// no-overlap: the first CIDR shares addresses with a CIDR of each of these ServiceCIDRs, given as CIDR and name.
pub fn overlap<const N: usize>(cidr: &str, others: [(&str, &str); N]) -> Violation {
    let cidr = cidr.parse().unwrap();
    let others = others.map(|(other, name)| (other, ConflictOwner::ServiceCidr { name: name.to_owned() }));
    Violation::Overlap { index: 0, cidr, conflicts: conflicts(cidr, others) }
}

/// no-overlap: the first CIDR shares addresses with the ServiceCIDR `kubernetes` of a control plane of the tests.
pub fn overlap_with_default(cidr: &str) -> Violation {
    overlap(cidr, [("10.96.0.0/28", "kubernetes")])
}

/// reserved-networks: the first CIDR shares addresses with a network of a node.
pub fn reserved_by_node(cidr: &str, network: NodeNetwork, other: &str, node: &str) -> Violation {
    let cidr = cidr.parse().unwrap();
    let neighbour = ConflictOwner::Node { network, node: node.to_owned() };
    Violation::Reserved { index: 0, cidr, conflicts: conflicts(cidr, [(other, neighbour)]) }
}

/// A rule that can't be evaluated, because the cluster state that it needs isn't read yet.
pub fn syncing(rule: RuleId, needed: ResourceKind) -> Violation {
    Violation::Unknown { rule, needed, freshness: Freshness::Syncing, max: Duration::ZERO }
}

/// A rule that can't be evaluated, because the cluster state that it needs is too old.
pub fn stale(rule: RuleId, needed: ResourceKind, age: u64, max: u64) -> Violation {
    let freshness = Freshness::Age(Duration::from_secs(age));
    Violation::Unknown { rule, needed, freshness, max: Duration::from_secs(max) }
}

/// IPAddresses of Services in the namespace default, given as address and name of the Service.
fn allocations(services: &[(&str, &str)]) -> CappedList<Allocation> {
    let mut named = CappedList::default();
    named.extend(services.iter().map(|(address, name)| Allocation {
        address: address.parse().unwrap(),
        parent: ParentRef {
            resource: "services".to_owned(),
            namespace: "default".to_owned(),
            name: (*name).to_owned(),
        },
        is_managed: true,
    }));
    named
}

/// deletion: kube-controller-manager waits for these Services.
pub fn blocked(name: &str, services: &[(&str, &str)]) -> Violation {
    Violation::Blocked { name: name.to_owned(), addresses: allocations(services) }
}

/// deletion: kube-controller-manager removes the finalizer although these Services have addresses of the ServiceCIDR.
pub fn stranded(name: &str, services: &[(&str, &str)]) -> Violation {
    Violation::Stranded { name: name.to_owned(), addresses: allocations(services), is_protected: true }
}

/// deletion: it is the last ServiceCIDR of an IP family.
pub fn last_of_family(name: &str, family: IpFamily) -> Violation {
    Violation::Exhausted { name: name.to_owned(), family }
}
