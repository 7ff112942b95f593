//! One object of a list or a watch: a ServiceCIDR, an IPAddress, a Service or a Node, as far as an
//! inventory needs it.
//!
//! Lenient, unlike the reading of a review: what is stored may be older than today's rules.

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

/// What an inventory takes up of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryObject {
    /// A ServiceCIDR.
    ServiceCidr(ServiceCidr),
    /// An IPAddress.
    Address(Allocation),
    /// A Service and its ClusterIPs.
    Service {
        /// Which.
        name: ServiceName,
        /// None, when it is headless or an ExternalName.
        cluster_ips: Vec<IpAddr>,
    },
    /// A Node.
    Node(Node),
}

impl InventoryObject {
    /// Puts it into an inventory, in place of what was known by its name.
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

/// Why an object, or a part of it, is left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnreadableReason {
    /// It doesn't say what it is, and neither does its list.
    #[error("has no kind")]
    NoKind,
    /// It is of a kind that an inventory has no use for.
    #[error("has kind {0}, not ServiceCIDR, IPAddress, Service or Node")]
    OtherKind(String),
    /// It has no name.
    #[error("has no metadata.name")]
    NoName,
    /// It is of a kind that was not asked for.
    #[error("has kind {seen}, not {wanted}")]
    NotAsked {
        /// Its kind.
        seen: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The name of an IPAddress is no address.
    #[error("metadata.name: not an IP address")]
    NotAnAddress,
    /// An entry of `spec.cidrs` or `spec.podCIDRs` that no Kubernetes of today reads. The rest of the object is taken.
    #[error("{field}[{index}]: {text:?} {error}")]
    Cidr {
        /// The list that holds it.
        field: &'static str,
        /// Its place.
        index: usize,
        /// As it is written.
        text: String,
        /// Why it can't be read.
        error: CidrError,
    },
    /// It isn't shaped as its kind.
    #[error("{0}")]
    Shape(String),
}

impl UnreadableReason {
    /// Of what a parser says, without the place in a text that nobody sees.
    pub(super) fn shape(error: &serde_json::Error) -> Self {
        Self::Shape(without_position(&error.to_string()).to_owned())
    }
}

impl<'a> Item<'a> {
    /// What an inventory takes up of it. Parts that can't be read are told to `skip`.
    /// `list_kind` is the kind of a list's items, for those that don't repeat it.
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

    /// What names the object to a person. Costs nothing until it is printed.
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
        // A headless Service says `None`, an ExternalName Service nothing.
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
        // The others are names: Hostname, InternalDNS, ExternalDNS.
        let addresses = addresses.iter().filter(|one| ["InternalIP", "ExternalIP"].contains(&&*one.kind));
        let addresses = addresses.filter_map(|one| one.address.parse().ok()).collect();
        Node { name: self.metadata.name.into_owned(), pod_cidrs, addresses }
    }
}
