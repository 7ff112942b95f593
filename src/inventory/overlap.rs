//! `overlaps`: every pair of CIDRs that share addresses.

use std::fmt;

use crate::net::{AddressRange, Cidr, Relation};

use super::View;

/// Two CIDRs that share addresses, and how the first lies to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap<'a> {
    /// Whose the first is. Always a ServiceCIDR.
    pub holder: CidrOwner<'a>,
    /// The first.
    pub cidr: Cidr,
    /// How it lies to the other: never disjoint.
    pub relation: Relation,
    /// Whose the other is.
    pub other: CidrOwner<'a>,
    /// The other.
    pub other_cidr: Cidr,
}

/// Whose a CIDR is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CidrOwner<'a> {
    /// A ServiceCIDR's, by its name.
    ServiceCidr(&'a str),
    /// A declared network's, by its name.
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

/// Every pair of CIDRs that share addresses: of ServiceCIDRs with each other, both ways round, and
/// of ServiceCIDRs with declared networks. In the order of the first's address, the wider first.
///
/// CIDRs nest or are disjoint, so one pass over them sorted finds every pair: what holds a CIDR is
/// on the path from it outwards. That costs O(n log n) and the pairs themselves.
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
    found.sort_by_key(|overlap| (overlap.cidr, overlap.holder, overlap.other_cidr, overlap.other));
    found
}

fn pair<'a>(first: (Cidr, CidrOwner<'a>), second: (Cidr, CidrOwner<'a>)) -> Option<Overlap<'a>> {
    let relation = first.0.relation(second.0);
    let is_ours = matches!(first.1, CidrOwner::ServiceCidr(_)) && relation != Relation::Disjoint;
    is_ours.then_some(Overlap { holder: first.1, cidr: first.0, relation, other: second.1, other_cidr: second.0 })
}

impl Overlap<'_> {
    /// The addresses that both hold: the narrower of the two.
    #[must_use]
    pub fn shared(&self) -> AddressRange {
        match self.relation {
            Relation::Contains => AddressRange::from(self.other_cidr),
            Relation::Same | Relation::Within | Relation::Disjoint => AddressRange::from(self.cidr),
        }
    }
}

impl<'a> CidrOwner<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::ServiceCidr(name) | Self::Network(name) => name,
        }
    }

    /// What it is.
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
