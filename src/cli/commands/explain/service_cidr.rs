//! `explain NAME`: what a ServiceCIDR gives, what it overlaps, and what deleting it does.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{AddressDocument, Entry, RemovalDocument};
use crate::capacity::{CapacityReport, CidrCapacity, Named, Removal, chance, removal};
use crate::cli::exit::Exit;
use crate::cli::support::input;
use crate::cli::support::output;
use crate::cli::support::table::{Align, Table};
use crate::inventory::{Allocation, DEFAULT_SERVICE_CIDR, Inventory, Readiness, ServiceCidr};
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
    /// The addresses with a meaning of their own; of `kubernetes` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_addresses: Vec<KnownAddress>,
    deletion: RemovalDocument,
}

/// An address that a convention gives to somebody.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct KnownAddress {
    address: String,
    convention: &'static str,
    allocation: Option<AddressDocument>,
    in_static_band: bool,
    next_service_percent: f64,
}

pub(super) fn explain(args: &input::Args, inventory: &Inventory, service_cidr: &ServiceCidr) -> Result<(), Exit> {
    let report = CapacityReport::of(inventory);
    let entries: Vec<&CidrCapacity> =
        report.service_cidrs.iter().filter(|entry| entry.name == service_cidr.name).collect();
    let Some(removal) = removal(inventory, &service_cidr.name) else { return Ok(()) };
    let known = known_addresses(inventory, service_cidr);
    if let Some(encoding) = args.output.encoding() {
        let explanation = ServiceCidrExplanation {
            name: &service_cidr.name,
            state: service_cidr.readiness.name(),
            finalizer: service_cidr.has_finalizer,
            created: service_cidr.created.as_deref(),
            entries: entries.into_iter().map(Entry::new).collect(),
            unreadable: service_cidr.unreadable.iter().map(String::as_str).collect(),
            known_addresses: known,
            deletion: RemovalDocument::new(&removal),
        };
        return output::document("ServiceCIDRExplanation", explanation, encoding);
    }
    output::print(&text(args, service_cidr, &entries, &known, &removal));
    Ok(())
}

/// The Service `kubernetes` has the first address of the default ServiceCIDR, kube-dns by convention the
/// tenth.
fn known_addresses(inventory: &Inventory, service_cidr: &ServiceCidr) -> Vec<KnownAddress> {
    let Some(primary) = service_cidr.cidrs.first().filter(|_| service_cidr.name == DEFAULT_SERVICE_CIDR) else {
        return Vec::new();
    };
    let view = inventory.view();
    let known = |(index, convention): (u128, &'static str)| {
        let range = UsableRange::for_cidr(*primary)?;
        let address = at(*primary, index).filter(|address| range.contains(*address))?;
        Some(KnownAddress {
            address: address.to_string(),
            convention,
            allocation: view.addresses().get(address).as_ref().map(AddressDocument::new),
            in_static_band: range.static_band().is_some_and(|band| band.contains(address)),
            next_service_percent: chance(&view, address) * 100.0,
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
    removal: &Removal,
) -> String {
    let mut lines = Vec::new();
    let finalizer = if service_cidr.has_finalizer { "protected by its finalizer" } else { "without its finalizer" };
    let created = service_cidr.created.as_ref().map(|created| format!(", created {created}")).unwrap_or_default();
    lines.push(format!("{}: {}, {finalizer}{created}\n", service_cidr.name, service_cidr.readiness.name()));
    lines.push(table(args, entries));
    for entry in entries {
        lines.extend(entry.idle.map(|idle| format!("- {} {}", entry.cidr, idle.sentence())));
        lines.extend(entry.overlaps.iter().map(|shared| {
            format!("- {} {} {} {} {}", entry.cidr, shared.relation, shared.kind, shared.name, shared.cidr)
        }));
    }
    lines.extend(service_cidr.unreadable.iter().map(|text| format!("- {text:?} can't be read and gives no address")));
    if service_cidr.name == DEFAULT_SERVICE_CIDR {
        lines.push("- the default ServiceCIDR: kube-apiserver makes it from --service-cluster-ip-range".to_owned());
    }
    lines.extend(known.iter().map(known_line));
    lines.push(String::new());
    lines.extend(deletion(service_cidr, removal));
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
    let held = match &known.allocation {
        Some(allocation) => format!("held by {}", allocation.holder()),
        None if known.in_static_band => "free, in the static band: taken dynamically last".to_owned(),
        None => format!(
            "free, in no static band: the next Service takes it with a chance of {}",
            percent(Some(known.next_service_percent))
        ),
    };
    format!("- {} is by convention that of {}: {held}", known.address, known.convention)
}

/// What deleting it does, or why it isn't gone yet. The line that matters is the last.
fn deletion(service_cidr: &ServiceCidr, removal: &Removal) -> Vec<String> {
    let mut lines = Vec::new();
    let is_terminating = service_cidr.readiness == Readiness::Terminating;
    let addresses = |named: &Named<Allocation>| {
        format!("{} {}", thousands(named.count), plural(named.count, "IPAddress", "IPAddresses"))
    };
    let (stranded, blocking) = (&removal.stranded, &removal.blocking);
    if stranded.count > 0 && stranded == blocking {
        lines.push(format!("{} lie in no other range that gives addresses, and hold it:", addresses(stranded)));
        lines.extend(names(stranded));
    } else {
        if stranded.count > 0 {
            lines.push(format!("{} would lie in no range that gives addresses:", addresses(stranded)));
            lines.extend(names(stranded));
        }
        if blocking.count > 0 {
            lines.push(format!("{} lie in no other ServiceCIDR, and hold it:", addresses(blocking)));
            lines.extend(names(blocking));
        }
    }
    if let Some(family) = removal.exhausted.first().filter(|_| !is_terminating) {
        lines.push(format!("no {family} address could be allocated from the moment of the DELETE"));
    }
    let again = if service_cidr.name == DEFAULT_SERVICE_CIDR { "; kube-apiserver then makes it again" } else { "" };
    lines.push(match (is_terminating, removal.completes()) {
        (true, true) => format!("terminating: kube-controller-manager lets it go within seconds{again}"),
        (true, false) => {
            format!("stuck terminating: it gives no address, and waits for {}", addresses(&removal.blocking))
        }
        (false, _) if !removal.is_protected => format!("deleting it: gone at once, for it has no finalizer{again}"),
        (false, true) => format!("deleting it: kube-controller-manager lets it go after ten seconds{again}"),
        (false, false) => format!(
            "deleting it: it gives no address from then on, and stays until {} are gone; that can't be taken back",
            addresses(&removal.blocking)
        ),
    });
    lines
}

fn names(named: &Named<Allocation>) -> Vec<String> {
    let more = named.count - named.first.len() as u128;
    let first = named.first.iter().map(|allocation| format!("  {} ({})", allocation.address, allocation.parent));
    first.chain((more > 0).then(|| format!("  and {} more", thousands(more)))).collect()
}
