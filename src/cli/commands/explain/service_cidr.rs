//! `explain NAME`: the capacity and the overlaps of a ServiceCIDR, and the effect of deleting it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{AddressDocument, DeletionImpactDocument, Entry};
use crate::capacity::{
    CapacityReport, CappedList, CidrCapacity, DeletionImpact, allocation_probability, deletion_impact_by_name,
};
use crate::cli::exit::Exit;
use crate::cli::support::input;
use crate::cli::support::output;
use crate::cli::support::table::{Align, Table};
use crate::inventory::{Allocation, DEFAULT_SERVICE_CIDR, Inventory, ParentRef, Readiness, ServiceCidr};
use crate::net::{Cidr, UsableRange};
use crate::text::{percent, plural, thousands};

/// `kind: ServiceCIDRExplanation`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ServiceCidrExplanation<'a> {
    name: &'a str,
    state: &'static str,
    finalizer: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<&'a str>,
    /// Addresses with a conventional use; of `kubernetes` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_addresses: Vec<KnownAddress>,
    deletion: DeletionImpactDocument,
}

/// An address with a conventional use.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct KnownAddress {
    address: String,
    convention: &'static str,
    allocation: Option<AddressDocument>,
    #[serde(skip)]
    parent: Option<ParentRef>,
    in_static_band: bool,
    next_service_percent: f64,
}

pub(super) fn explain(args: &input::Args, inventory: &Inventory, service_cidr: &ServiceCidr) -> Result<(), Exit> {
    let report = CapacityReport::for_inventory(inventory);
    let entries: Vec<&CidrCapacity> =
        report.service_cidrs.iter().filter(|entry| entry.name == service_cidr.name).collect();
    let Some(impact) = deletion_impact_by_name(inventory, &service_cidr.name) else { return Ok(()) };
    let known = known_addresses(inventory, service_cidr);
    if let Some(encoding) = args.output.encoding() {
        let explanation = ServiceCidrExplanation {
            name: &service_cidr.name,
            state: service_cidr.readiness.as_str(),
            finalizer: service_cidr.has_finalizer,
            created: service_cidr.created.as_deref(),
            entries: entries.into_iter().map(Entry::new).collect(),
            unreadable: service_cidr.unreadable.iter().map(String::as_str).collect(),
            known_addresses: known,
            deletion: DeletionImpactDocument::new(&impact),
        };
        return output::document("ServiceCIDRExplanation", explanation, encoding);
    }
    output::print(&text(args, service_cidr, &entries, &known, &impact));
    Ok(())
}

/// The Service `kubernetes` has the first address of the default ServiceCIDR, kube-dns by convention the tenth.
fn known_addresses(inventory: &Inventory, service_cidr: &ServiceCidr) -> Vec<KnownAddress> {
    let Some(primary) = service_cidr.cidrs.first().filter(|_| service_cidr.name == DEFAULT_SERVICE_CIDR) else {
        return Vec::new();
    };
    let view = inventory.view();
    let known = |(index, convention): (u128, &'static str)| {
        let range = UsableRange::for_cidr(*primary)?;
        let address = at(*primary, index).filter(|address| range.contains(*address))?;
        let allocation = view.addresses().get(address);
        Some(KnownAddress {
            address: address.to_string(),
            convention,
            allocation: allocation.as_ref().map(AddressDocument::new),
            parent: allocation.map(|allocation| allocation.parent),
            in_static_band: range.static_band().is_some_and(|band| band.contains(address)),
            next_service_percent: allocation_probability(&view, address) * 100.0,
        })
    };
    [(1, "the Service default/kubernetes"), (10, "kube-dns")].into_iter().filter_map(known).collect()
}

fn at(cidr: Cidr, index: u128) -> Option<IpAddr> {
    let first = crate::net::address_bits(cidr.first());
    Some(cidr.family().address(first.checked_add(index)?))
}

fn text(
    args: &input::Args,
    service_cidr: &ServiceCidr,
    entries: &[&CidrCapacity],
    known: &[KnownAddress],
    impact: &DeletionImpact,
) -> String {
    let mut lines = Vec::new();
    let finalizer = if service_cidr.has_finalizer { "protected by its finalizer" } else { "without its finalizer" };
    let created = service_cidr.created.as_ref().map(|created| format!(", created {created}")).unwrap_or_default();
    lines.push(format!("{}: {}, {finalizer}{created}\n", service_cidr.name, service_cidr.readiness.as_str()));
    lines.push(table(args, entries));
    for entry in entries {
        lines.extend(entry.unusable_reason.map(|reason| format!("- {} {}", entry.cidr, reason.sentence())));
        lines.extend(entry.overlaps.iter().map(|shared| {
            format!("- {} {} {} {} {}", entry.cidr, shared.relation, shared.kind, shared.name, shared.cidr)
        }));
    }
    lines.extend(
        service_cidr
            .unreadable
            .iter()
            .map(|text| format!("- {text:?} can't be parsed and has no allocatable addresses")),
    );
    if service_cidr.name == DEFAULT_SERVICE_CIDR {
        lines.push("- the default ServiceCIDR: kube-apiserver creates it from --service-cluster-ip-range".to_owned());
    }
    lines.extend(known.iter().map(known_line));
    lines.push(String::new());
    lines.extend(deletion(service_cidr, impact));
    lines.join("\n") + "\n"
}

fn table(args: &input::Args, entries: &[&CidrCapacity]) -> String {
    let mut table = Table::new([
        ("CIDR", Align::Left),
        ("USABLE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("UNIQUE", Align::Right),
        ("STATIC BAND", Align::Left),
    ]);
    for entry in entries {
        let band = UsableRange::for_cidr(entry.cidr).and_then(UsableRange::static_band);
        let band = band.map_or("none".to_owned(), |band| format!("{band}, {} used", thousands(entry.static_band.used)));
        table.row([
            entry.cidr.to_string(),
            thousands(entry.usable),
            thousands(entry.used),
            thousands(entry.free()),
            thousands(entry.unique),
            band,
        ]);
    }
    table.render(args.output.header())
}

fn known_line(known: &KnownAddress) -> String {
    let state = match &known.parent {
        Some(parent) => format!("allocated to {parent}"),
        None if known.in_static_band => "free, in the static band: allocated dynamically last".to_owned(),
        None => format!(
            "free, in no static band: the next Service gets it with probability {}",
            percent(Some(known.next_service_percent))
        ),
    };
    format!("- {} is by convention the address of {}: {state}", known.address, known.convention)
}

/// The effect of deleting it, or why it still exists. The last line is the conclusion.
fn deletion(service_cidr: &ServiceCidr, impact: &DeletionImpact) -> Vec<String> {
    let mut lines = Vec::new();
    let is_terminating = service_cidr.readiness == Readiness::Terminating;
    let addresses = |named: &CappedList<Allocation>| {
        format!("{} {}", thousands(named.count), plural(named.count, "IPAddress", "IPAddresses"))
    };
    let (stranded, blocking) = (&impact.stranded, &impact.blocking);
    if stranded.count > 0 && stranded == blocking {
        let verb =
            plural(stranded.count, "is in no other usable range and blocks", "are in no other usable range and block");
        lines.push(format!("{} {verb} the deletion:", addresses(stranded)));
        lines.extend(names(stranded));
    } else {
        if stranded.count > 0 {
            lines.push(format!("{} would be in no usable range:", addresses(stranded)));
            lines.extend(names(stranded));
        }
        if blocking.count > 0 {
            let verb = plural(
                blocking.count,
                "is in no other ServiceCIDR and blocks",
                "are in no other ServiceCIDR and block",
            );
            lines.push(format!("{} {verb} the deletion:", addresses(blocking)));
            lines.extend(names(blocking));
        }
    }
    if let Some(family) = impact.exhausted.first().filter(|_| !is_terminating) {
        lines.push(format!("no {family} address can be allocated once it is deleted"));
    }
    let again = if service_cidr.name == DEFAULT_SERVICE_CIDR { "; kube-apiserver then creates it again" } else { "" };
    lines.push(match (is_terminating, impact.completes()) {
        (true, true) => format!("terminating: kube-controller-manager removes its finalizer within seconds{again}"),
        (true, false) => {
            format!("stuck terminating: no address is allocated from it, and it waits for {}", addresses(&impact.blocking))
        }
        (false, _) if !impact.is_protected => format!("deleting it: it is gone immediately, because it has no finalizer{again}"),
        (false, true) => format!("deleting it: kube-controller-manager removes its finalizer after ten seconds{again}"),
        (false, false) => format!(
            "deleting it: no address is allocated from it any more, and it stays until {} {} deleted; this can't be undone",
            addresses(&impact.blocking),
            plural(impact.blocking.count, "is", "are")
        ),
    });
    lines
}

fn names(named: &CappedList<Allocation>) -> Vec<String> {
    let more = named.count - named.first.len() as u128;
    let first = named.first.iter().map(|allocation| format!("  {} ({})", allocation.address, allocation.parent));
    first.chain((more > 0).then(|| format!("  and {} more", thousands(more)))).collect()
}
