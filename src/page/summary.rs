//! The sentences of a report: anomalies, and the headline.

use std::net::IpAddr;

use crate::capacity::{AllocationAudit, CapacityReport, CappedList, CidrCapacity, FamilyCapacity};
use crate::inventory::{Allocation, ServiceName, UnusableReason};
use crate::text::{percent, plural, thousands};

/// Anomalies: CIDRs without allocatable addresses, and unexpected IPAddresses.
pub(crate) fn anomalies(report: &CapacityReport, audit: &AllocationAudit) -> Vec<String> {
    let mut notes: Vec<String> = report
        .service_cidrs
        .iter()
        .filter_map(|entry| Some(format!("{} {} {}", entry.name, entry.cidr, entry.unusable_reason?.sentence())))
        .collect();
    notes.extend(report.service_cidrs.iter().filter_map(|entry| {
        let is_twin = |other: &&CidrCapacity| {
            other.cidr == entry.cidr && other.name != entry.name && other.unusable_reason == entry.unusable_reason
        };
        let twin = report
            .service_cidrs
            .iter()
            .find(is_twin)
            .filter(|_| entry.unusable_reason == Some(UnusableReason::Terminating))?;
        let (name, cidr) = (&entry.name, entry.cidr);
        Some(format!(
            "{name} {cidr} is still allocated from: kube-apiserver keeps the range while {} has it too",
            twin.name
        ))
    }));
    let addresses = |count: u128| format!("{} {}", thousands(count), plural(count, "IPAddress", "IPAddresses"));
    let allocation = |allocation: &Allocation| format!("{} ({})", allocation.address, allocation.parent);
    for (named, what) in [
        (Some(&audit.outside_service_cidrs), "in no ServiceCIDR"),
        (Some(&audit.in_unusable_cidrs), "in CIDRs that are not usable"),
        (Some(&audit.foreign), "not created by kube-apiserver's allocator"),
        (audit.leaked.as_ref(), "whose Service is gone; kube-apiserver frees them"),
    ] {
        if let Some(named) = named.filter(|named| named.count > 0) {
            notes.push(format!("{} {what}: {}", addresses(named.count), join(named, allocation)));
        }
    }
    if let Some(named) = audit.unallocated.as_ref().filter(|named| named.count > 0) {
        let cluster_ip =
            |(address, service): &(IpAddr, ServiceName)| format!("{address} ({}/{})", service.namespace, service.name);
        let ips = plural(named.count, "ClusterIP", "ClusterIPs");
        notes.push(format!(
            "{} {ips} of Services without an IPAddress: {}",
            thousands(named.count),
            join(named, cluster_ip)
        ));
    }
    notes
}

/// The first entries, and the number of the others.
fn join<T>(named: &CappedList<T>, text: impl Fn(&T) -> String) -> String {
    let first: Vec<String> = named.first.iter().map(text).collect();
    let more = named.count - named.first.len() as u128;
    let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
    format!("{}{more}", first.join(", "))
}

/// The headline: free addresses, by family.
pub(crate) fn headline(report: &CapacityReport) -> String {
    let sentence = |family: &FamilyCapacity| {
        let (name, left, usable) = (family.family, thousands(family.free()), thousands(family.usable));
        match family.free() {
            0 if family.usable == 0 => format!("{name}: no address is usable"),
            0 => format!("{name}: range is full"),
            _ => format!("{name}: {left} of {usable} addresses free ({})", percent(family.percent_free())),
        }
    };
    let families: Vec<String> = report.families.iter().filter(|family| family.is_configured).map(sentence).collect();
    families.join("; ")
}
