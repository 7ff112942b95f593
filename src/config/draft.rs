//! `draft`: a first policy for a cluster, with the origin of each line. It is in this room and not with `init`,
//! because it writes the format that this room reads: both change together.

mod reserved;
mod yaml;

use std::collections::BTreeMap;

use crate::api::API_VERSION;
use crate::inventory::{CidrOwner, FamiliesSource, Inventory, Readiness, overlaps};
use crate::net::{Cidr, IpFamily, Relation};
use crate::text::{Quoted, escape_name, plural};

use reserved::reserved_networks;
use yaml::{comment, first_few, line, quoted};

/// The prefix lengths that a draft allows, if no existing CIDR is wider or narrower.
const DEFAULT_PREFIX_BOUNDS: [(IpFamily, u8, u8); 2] = [(IpFamily::IPv4, 12, 28), (IpFamily::IPv6, 64, 120)];

/// A first policy for a cluster, as YAML that [`Loaded`](super::Loaded) reads. It denies nothing: every validation
/// action is Warn. Names of objects are only in comments, escaped.
#[must_use]
pub fn draft(inventory: &Inventory) -> String {
    let parts = [
        head(inventory),
        families(inventory),
        allowed_ranges(inventory),
        reserved_networks(inventory),
        no_overlap(inventory),
        prefix_length(inventory),
        usable(inventory),
        DELETION.to_owned(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

const DELETION: &str = "\
# A deletion that would hang because of IPAddresses, or leave some in no usable range. With Deny instead of Warn, it is denied.
deletion:
  blocked: [Warn]
  stranded: [Warn]
";

fn head(inventory: &Inventory) -> String {
    let (service_cidrs, nodes) = (inventory.service_cidrs().count(), inventory.nodes().count());
    format!(
        "\
# Drafted from a cluster with {service_cidrs} {} and {nodes} {}. Nothing is denied: every action is Warn.
# Adjust it, test it with `servicecidr-guard scan --policy FILE`, then set the action Deny where you want to enforce a rule.
# Rules that need the cluster state need `serve --inventory cluster`, which the chart sets.
apiVersion: {API_VERSION}
kind: Policy
",
        plural(service_cidrs as u128, "ServiceCIDR", "ServiceCIDRs"),
        plural(nodes as u128, "Node", "Nodes"),
    )
}

fn families(inventory: &Inventory) -> String {
    let families = inventory.families();
    if families.source() == FamiliesSource::Assumed {
        return "\
# ipFamilies is omitted: there is no ServiceCIDR kubernetes, so the IP families of kube-apiserver are unknown.
"
        .to_owned();
    }
    let names: Vec<&str> =
        IpFamily::ALL.into_iter().filter(|it| families.contains(*it)).map(IpFamily::as_str).collect();
    format!(
        "\
# The IP families of the ServiceCIDR kubernetes, which has those of kube-apiserver's --service-cluster-ip-range.
ipFamilies: [{}]
",
        names.join(", ")
    )
}

fn allowed_ranges(inventory: &Inventory) -> String {
    let mut ranges: BTreeMap<Cidr, Vec<String>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for service_cidr in inventory.service_cidrs() {
        let name = escape_name(&service_cidr.name);
        let named = match service_cidr.readiness {
            Readiness::Ready => format!("ServiceCIDR {name}"),
            other => format!("ServiceCIDR {name}, {}", other.as_str()),
        };
        for cidr in &service_cidr.cidrs {
            ranges.entry(*cidr).or_default().push(named.clone());
        }
        unreadable.extend(service_cidr.unreadable.iter().map(|text| format!("{} of {named}", Quoted(text))));
    }
    if ranges.is_empty() {
        return String::new();
    }
    let mut text = "\
# The current CIDRs only. Extend the list to the ranges that your address plan reserves for Services.
"
    .to_owned();
    comment(&mut text, "Omitted, because Kubernetes rejects it today", &unreadable);
    text.push_str("allowedRanges:\n  ranges:\n");
    for (cidr, names) in &ranges {
        line(&mut text, &format!("    - {}  # {}", quoted(*cidr), first_few(names)));
    }
    text.push_str("  validationActions: [Warn]\n");
    text
}

fn no_overlap(inventory: &Inventory) -> String {
    let view = inventory.view();
    let pairs = overlaps(&view).into_iter().filter_map(|pair| match (pair.owner, pair.other) {
        // Each pair once: for equal CIDRs, the first by name.
        (CidrOwner::ServiceCidr(name), CidrOwner::ServiceCidr(other))
            if pair.relation == Relation::Contains || (pair.relation == Relation::Same && name < other) =>
        {
            let verb = if pair.relation == Relation::Same { "is the same as" } else { "contains" };
            let (name, other) = (escape_name(name), escape_name(other));
            Some(format!("{} of {name} {verb} {} of {other}", pair.cidr, pair.other_cidr))
        }
        _ => None,
    });
    let pairs: Vec<String> = pairs.collect();
    let mut text = "\
# Kubernetes allows overlaps, and uses them to enlarge a range: relations: [Same, Within] allows that.
"
    .to_owned();
    comment(&mut text, "Today", &pairs);
    text.push_str("noOverlap:\n  validationActions: [Warn]\n");
    text
}

fn prefix_length(inventory: &Inventory) -> String {
    let families = inventory.families();
    let mut text = "# Usual limits, extended to the current CIDRs.\nprefixLength:\n".to_owned();
    for (family, shortest, longest) in
        DEFAULT_PREFIX_BOUNDS.into_iter().filter(|(family, ..)| families.contains(*family))
    {
        let all = inventory.service_cidrs().flat_map(|service_cidr| &service_cidr.cidrs);
        let lengths: Vec<u8> = all.filter(|cidr| cidr.family() == family).map(|cidr| cidr.prefix_len()).collect();
        let shortest = lengths.iter().copied().fold(shortest, u8::min);
        let longest = lengths.iter().copied().fold(longest, u8::max);
        let there: Vec<String> = match (lengths.iter().min(), lengths.iter().max()) {
            (Some(min), Some(max)) if min == max => vec![format!("/{min}")],
            (Some(min), Some(max)) => vec![format!("/{min} to /{max}")],
            _ => vec!["none".to_owned()],
        };
        let field = family.as_str().to_lowercase();
        line(
            &mut text,
            &format!("  {field}: {{shortest: {shortest}, longest: {longest}}}  # current: {}", there.join("")),
        );
    }
    text.push_str("  validationActions: [Warn]\n");
    text
}

fn usable(inventory: &Inventory) -> String {
    let view = inventory.view();
    let unusable = view.cidrs().filter_map(|(service_cidr, cidr)| {
        let unusable = view.unusable_reason(service_cidr, cidr)?;
        Some(format!("{cidr} of {}: {}", escape_name(&service_cidr.name), unusable.as_str()))
    });
    let unusable: Vec<String> = unusable.collect();
    let mut text = "# CIDRs that would be Ready but have no allocatable addresses.\n".to_owned();
    comment(&mut text, "Unusable today", &unusable);
    text.push_str("usable:\n  validationActions: [Warn]\n");
    text
}
