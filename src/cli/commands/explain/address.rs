//! `explain IP`: the ServiceCIDRs that contain an address, its band, and what it is allocated to.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::AddressDocument;
use crate::capacity::allocation_probability;
use crate::cli::exit::Exit;
use crate::cli::support::input;
use crate::cli::support::output;
use crate::cli::support::table::{Align, Table};
use crate::inventory::{Allocation, Inventory, UnusableReason, View};
use crate::net::{AddressRange, Cidr, UsableRange};
use crate::text::percent;

/// `kind: AddressExplanation`.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct AddressExplanation {
    address: String,
    /// The object that the address is allocated to; null if it is free.
    allocation: Option<AddressDocument>,
    #[serde(rename = "serviceCIDRs")]
    service_cidrs: Vec<Holding>,
    /// Whether it can become a ClusterIP.
    usable: bool,
    /// The probability that the next Service without a clusterIP gets it, in percent.
    next_service_percent: f64,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Holding {
    name: String,
    cidr: String,
    state: &'static str,
    place: Place,
}

/// The position of an address in a CIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
enum Place {
    NetworkAddress,
    BroadcastAddress,
    StaticBand,
    DynamicBand,
    /// The CIDR has no usable addresses.
    NotUsable,
}

pub(super) fn explain(args: &input::Args, inventory: &Inventory, address: IpAddr) -> Result<(), Exit> {
    let view = inventory.view();
    let allocation = view.addresses().get(address);
    let explanation = AddressExplanation {
        address: address.to_string(),
        allocation: allocation.as_ref().map(AddressDocument::new),
        service_cidrs: holdings(&view, address),
        usable: view.allocatable_ranges().iter().any(|range| range.contains(address)),
        next_service_percent: allocation_probability(&view, address) * 100.0,
    };
    if let Some(encoding) = args.output.encoding() {
        return output::document("AddressExplanation", &explanation, encoding);
    }
    output::print(&text(args, &explanation, allocation.as_ref()));
    Ok(())
}

fn holdings(view: &View<'_>, address: IpAddr) -> Vec<Holding> {
    view.cidrs()
        .filter(|(_, cidr)| AddressRange::from(*cidr).contains(address))
        .map(|(service_cidr, cidr)| Holding {
            name: service_cidr.name.clone(),
            cidr: cidr.to_string(),
            state: view
                .unusable_reason(service_cidr, cidr)
                .map_or(service_cidr.readiness.as_str(), UnusableReason::as_str),
            place: place(cidr, address),
        })
        .collect()
}

fn place(cidr: Cidr, address: IpAddr) -> Place {
    let Some(range) = UsableRange::for_cidr(cidr) else { return Place::NotUsable };
    if range.static_band().is_some_and(|band| band.contains(address)) {
        Place::StaticBand
    } else if range.contains(address) {
        Place::DynamicBand
    } else if cidr.first() == address {
        Place::NetworkAddress
    } else {
        Place::BroadcastAddress
    }
}

fn text(args: &input::Args, explanation: &AddressExplanation, allocation: Option<&Allocation>) -> String {
    let allocation_text = match allocation {
        Some(allocation) if allocation.is_cluster_ip() => format!("allocated to Service {}", allocation.parent),
        Some(allocation) => format!("allocated to {}, not by kube-apiserver's allocator", allocation.parent),
        None => "has no IPAddress".to_owned(),
    };
    let mut table = Table::new([
        ("SERVICECIDR", Align::Left),
        ("CIDR", Align::Left),
        ("STATE", Align::Left),
        ("PLACE", Align::Left),
    ]);
    for holding in &explanation.service_cidrs {
        table.row([
            holding.name.clone(),
            holding.cidr.clone(),
            holding.state.to_owned(),
            holding.place.text().to_owned(),
        ]);
    }
    let table = if table.is_empty() { "in no ServiceCIDR\n".to_owned() } else { table.render(args.output.header()) };
    let last = match (allocation, explanation.usable) {
        (Some(_), _) => "it can't be allocated while its IPAddress is there".to_owned(),
        (None, false) => "no usable ServiceCIDR contains it: it can't be allocated".to_owned(),
        (None, true) => format!(
            "a Service can request it; the next Service without a clusterIP gets it with probability {}",
            percent(Some(explanation.next_service_percent))
        ),
    };
    format!("{}: {allocation_text}\n\n{table}\n{last}\n", explanation.address)
}

impl Place {
    fn text(self) -> &'static str {
        match self {
            Self::NetworkAddress => "network address",
            Self::BroadcastAddress => "broadcast address",
            Self::StaticBand => "static band",
            Self::DynamicBand => "dynamic band",
            Self::NotUsable => "not usable",
        }
    }
}
