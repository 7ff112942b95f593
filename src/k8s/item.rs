//! One object of a list or a watch: a ServiceCIDR, an IPAddress, a Service or a Node, with the fields that an
//! inventory needs.
//!
//! Parsing is lenient, unlike that of a review: stored objects may be older than today's validation.

mod wire;

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use crate::inventory::{Allocation, FINALIZER, Inventory, Node, ParentRef, Readiness, ServiceCidr, ServiceName};
use crate::net::{Cidr, CidrError, IpFamily};
use crate::text::without_position;

pub(super) use wire::{CowStr, Item};

/// The name of an object, with its namespace if it has one.
pub(super) struct ItemName<'a> {
    namespace: CowStr<'a>,
    name: CowStr<'a>,
}

impl fmt::Display for ItemName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.some() {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The parts of an object that an inventory stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryObject {
    /// A ServiceCIDR.
    ServiceCidr(ServiceCidr),
    /// An IPAddress.
    Address(Allocation),
    /// A Service and its ClusterIPs.
    Service {
        /// The namespace and name of the Service.
        name: ServiceName,
        /// The ClusterIPs; empty for a headless or an ExternalName Service.
        cluster_ips: Vec<IpAddr>,
    },
    /// A Node.
    Node(Node),
}

impl InventoryObject {
    /// Inserts the object into an inventory, and replaces the one of the same name.
    pub fn put(self, inventory: &mut Inventory) {
        match self {
            Self::ServiceCidr(service_cidr) => inventory.insert_service_cidr(service_cidr),
            Self::Address(allocation) => inventory.insert_address(allocation),
            Self::Service { name, cluster_ips } => {
                inventory.mark_services_listed();
                for address in cluster_ips {
                    inventory.insert_cluster_ip(address, name.clone());
                }
            }
            Self::Node(node) => inventory.insert_node(node),
        }
    }
}

/// Why an object, or a part of it, is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnreadableReason {
    /// Neither the object nor its list has a kind.
    #[error("has no kind")]
    NoKind,
    /// The inventory doesn't store objects of this kind.
    #[error("has kind {0}, not ServiceCIDR, IPAddress, Service or Node")]
    OtherKind(String),
    /// The object has no name.
    #[error("has no metadata.name")]
    NoName,
    /// The object is of another kind than the requested one.
    #[error("has kind {seen}, not {wanted}")]
    NotAsked {
        /// The kind of the object.
        seen: String,
        /// The requested kind.
        wanted: &'static str,
    },
    /// The name of an IPAddress is not an address.
    #[error("metadata.name: not an IP address")]
    NotAnAddress,
    /// Kubernetes rejects an entry of `spec.cidrs` or `spec.podCIDRs` today. The rest of the object is stored.
    #[error("{field}[{index}]: {text:?} {error}")]
    Cidr {
        /// The field of the list.
        field: &'static str,
        /// The index of the entry.
        index: usize,
        /// The text of the entry.
        text: String,
        /// Why it can't be parsed.
        error: CidrError,
    },
    /// The object doesn't have the fields of its kind.
    #[error("{0}")]
    Shape(String),
}

impl UnreadableReason {
    /// From a parser's error, without the position in a text that the user doesn't see.
    pub(super) fn shape(error: &serde_json::Error) -> Self {
        Self::Shape(without_position(&error.to_string()).to_owned())
    }
}

impl<'a> Item<'a> {
    /// The parts that an inventory stores. `skip` gets the parts that can't be parsed. `list_kind` is the kind of the
    /// items of a list, for items without a kind.
    pub fn read(
        self,
        list_kind: Option<&str>,
        skip: &mut dyn FnMut(UnreadableReason),
    ) -> Result<InventoryObject, UnreadableReason> {
        let kind = self.kind.some().or(list_kind).ok_or(UnreadableReason::NoKind)?;
        let has_name = !self.metadata.name.is_empty();
        match kind {
            "ServiceCIDR" if has_name => Ok(InventoryObject::ServiceCidr(self.service_cidr(skip))),
            "IPAddress" if has_name => self.allocation().map(InventoryObject::Address),
            "Service" if has_name => Ok(self.service()),
            "Node" if has_name => Ok(InventoryObject::Node(self.node(skip))),
            "ServiceCIDR" | "IPAddress" | "Service" | "Node" => Err(UnreadableReason::NoName),
            other => Err(UnreadableReason::OtherKind(other.to_owned())),
        }
    }

    /// The name for messages. It is formatted only when printed.
    pub fn name(&self) -> ItemName<'a> {
        ItemName { namespace: self.metadata.namespace.clone(), name: self.metadata.name.clone() }
    }

    fn service_cidr(self, skip: &mut dyn FnMut(UnreadableReason)) -> ServiceCidr {
        let conditions = self.status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| &*condition.kind == "Ready").map(|condition| &*condition.status);
        let mut service_cidr = ServiceCidr {
            name: self.metadata.name.into_owned(),
            cidrs: Vec::new(),
            unreadable: Vec::new(),
            readiness: Readiness::from_condition(self.metadata.deletion_timestamp.some().is_some(), ready),
            has_finalizer: self
                .metadata
                .finalizers
                .unwrap_or_default()
                .iter()
                .any(|finalizer| &**finalizer == FINALIZER),
            created: self.metadata.creation_timestamp.some().map(str::to_owned),
        };
        for (index, text) in self.spec.cidrs.unwrap_or_default().into_iter().enumerate() {
            match Cidr::parse_lenient(&text) {
                Ok(cidr) => service_cidr.cidrs.push(cidr),
                Err(error) => {
                    skip(UnreadableReason::Cidr { field: "spec.cidrs", index, text: text.to_string(), error });
                    service_cidr.unreadable.push(text.into_owned());
                }
            }
        }
        service_cidr
    }

    fn allocation(self) -> Result<Allocation, UnreadableReason> {
        let address: IpAddr = self.metadata.name.parse().map_err(|_| UnreadableReason::NotAnAddress)?;
        let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if is_mapped {
            return Err(UnreadableReason::NotAnAddress);
        }
        let labels = self.metadata.labels.unwrap_or_default();
        let family = IpFamily::from(address).as_str();
        let parent = self.spec.parent_ref.unwrap_or_default();
        let resource = match parent.group.some() {
            None => parent.resource.into_owned(),
            Some(group) => format!("{}.{group}", parent.resource),
        };
        Ok(Allocation {
            address,
            parent: ParentRef { resource, namespace: parent.namespace.into_owned(), name: parent.name.into_owned() },
            is_managed: &*labels.managed_by == "ipallocator.k8s.io" && &*labels.ip_family == family,
        })
    }

    fn service(self) -> InventoryObject {
        let name =
            ServiceName { namespace: self.metadata.namespace.into_owned(), name: self.metadata.name.into_owned() };
        let one = Some(self.spec.cluster_ip).into_iter();
        let all = self.spec.cluster_ips.unwrap_or_default().into_iter().chain(one);
        // A headless Service has `None`, an ExternalName Service nothing.
        let cluster_ips = all.filter_map(|text| text.parse().ok()).collect();
        InventoryObject::Service { name, cluster_ips }
    }

    fn node(self, skip: &mut dyn FnMut(UnreadableReason)) -> Node {
        let mut pod_cidrs = Vec::new();
        let all = self.spec.pod_cidrs.filter(|all| !all.is_empty());
        let texts = all.unwrap_or_else(|| Some(self.spec.pod_cidr).filter(|one| !one.is_empty()).into_iter().collect());
        for (index, text) in texts.into_iter().enumerate() {
            match Cidr::parse_lenient(&text) {
                Ok(cidr) => pod_cidrs.push(cidr),
                Err(error) => {
                    skip(UnreadableReason::Cidr { field: "spec.podCIDRs", index, text: text.into_owned(), error });
                }
            }
        }
        let addresses = self.status.addresses.unwrap_or_default();
        // The other types are names: Hostname, InternalDNS, ExternalDNS.
        let addresses = addresses.iter().filter(|one| ["InternalIP", "ExternalIP"].contains(&&*one.kind));
        let addresses = addresses.filter_map(|one| one.address.parse().ok()).collect();
        Node { name: self.metadata.name.into_owned(), pod_cidrs, addresses }
    }
}
