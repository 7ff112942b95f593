//! `overlaps`: every pair of overlapping CIDRs.

use std::fmt;

use crate::net::{AddressRange, Cidr, Relation};

use super::View;

/// Two overlapping CIDRs, and the relation of the first to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap<'a> {
    /// The owner of the first CIDR: always a ServiceCIDR.
    pub owner: CidrOwner<'a>,
    /// The first CIDR.
    pub cidr: Cidr,
    /// The relation of the first CIDR to the other: never disjoint.
    pub relation: Relation,
    /// The owner of the other CIDR.
    pub other: CidrOwner<'a>,
    /// The other CIDR.
    pub other_cidr: Cidr,
}

/// The object that a CIDR belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CidrOwner<'a> {
    /// A ServiceCIDR, by name.
    ServiceCidr(&'a str),
    /// A declared network, by name.
    Network(&'a str),
}

/// The kind of a [`CidrOwner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrOwnerKind {
    /// A ServiceCIDR.
    ServiceCidr,
    /// A declared network.
    Network,
}

/// Every pair of overlapping CIDRs: of ServiceCIDRs with each other, in both directions, and of ServiceCIDRs with
/// declared networks. Sorted by the address of the first CIDR, then widest first.
///
/// CIDRs nest or are disjoint, so one pass over the sorted CIDRs finds every pair: the CIDRs that contain a CIDR are
/// on the stack when it is visited. Takes O(n log n) plus the number of pairs.
#[must_use]
pub fn overlaps<'a>(view: &View<'a>) -> Vec<Overlap<'a>> {
    let service_cidrs = view.cidrs().map(|(service_cidr, cidr)| (cidr, CidrOwner::ServiceCidr(&service_cidr.name)));
    let networks = view.networks().iter().map(|network| (network.cidr, CidrOwner::Network(&network.name)));
    let mut all: Vec<(Cidr, CidrOwner<'_>)> = service_cidrs.chain(networks).collect();
    all.sort_unstable();

    let mut found = Vec::new();
    let mut around: Vec<(Cidr, CidrOwner<'_>)> = Vec::new();
    for entry in all {
        while around.last().is_some_and(|outer| outer.0.relation(entry.0) == Relation::Disjoint) {
            around.pop();
        }
        for outer in &around {
            found.extend(pair(*outer, entry));
            found.extend(pair(entry, *outer));
        }
        around.push(entry);
    }
    found.sort_by_key(|overlap| (overlap.cidr, overlap.owner, overlap.other_cidr, overlap.other));
    found
}

fn pair<'a>(first: (Cidr, CidrOwner<'a>), second: (Cidr, CidrOwner<'a>)) -> Option<Overlap<'a>> {
    let relation = first.0.relation(second.0);
    let is_ours = matches!(first.1, CidrOwner::ServiceCidr(_)) && relation != Relation::Disjoint;
    is_ours.then_some(Overlap { owner: first.1, cidr: first.0, relation, other: second.1, other_cidr: second.0 })
}

impl Overlap<'_> {
    /// The addresses of both CIDRs: the narrower of the two.
    #[must_use]
    pub fn shared(&self) -> AddressRange {
        match self.relation {
            Relation::Contains => AddressRange::from(self.other_cidr),
            Relation::Same | Relation::Within | Relation::Disjoint => AddressRange::from(self.cidr),
        }
    }
}

impl<'a> CidrOwner<'a> {
    /// The name of the owner.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::ServiceCidr(name) | Self::Network(name) => name,
        }
    }

    /// The kind of the owner.
    #[must_use]
    pub fn kind(self) -> CidrOwnerKind {
        match self {
            Self::ServiceCidr(_) => CidrOwnerKind::ServiceCidr,
            Self::Network(_) => CidrOwnerKind::Network,
        }
    }
}

impl CidrOwnerKind {
    /// The kind in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceCidr => "ServiceCIDR",
            Self::Network => "network",
        }
    }
}

impl fmt::Display for CidrOwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "Same",
            Self::Contains => "Contains",
            Self::Within => "Within",
            Self::Disjoint => "Disjoint",
        })
    }
}
