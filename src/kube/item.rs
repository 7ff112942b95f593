//! One object of a list: a ServiceCIDR, an IPAddress or a Service, as far as an inventory needs it.
//!
//! Lenient, unlike the reading of a review: what is stored may be older than today's rules.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use thiserror::Error;

use crate::inventory::{Allocation, FINALIZER, Inventory, ParentRef, Readiness, ServiceCidr, ServiceName};
use crate::net::{Cidr, CidrError, IpFamily};

/// An object as it is written. What isn't listed is skipped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    spec: Spec<'a>,
    #[serde(borrow, default)]
    status: Status<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    labels: Option<Labels<'a>>,
    #[serde(borrow)]
    finalizers: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    creation_timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    deletion_timestamp: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Labels<'a> {
    #[serde(borrow, rename = "ipaddress.kubernetes.io/ip-family")]
    ip_family: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ipaddress.kubernetes.io/managed-by")]
    managed_by: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec<'a> {
    #[serde(borrow)]
    cidrs: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    parent_ref: Option<Parent<'a>>,
    #[serde(borrow, rename = "clusterIP")]
    cluster_ip: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "clusterIPs")]
    cluster_ips: Option<Vec<Cow<'a, str>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parent<'a> {
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resource: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    conditions: Option<Vec<Condition<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Condition<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
}

/// The name of an object, with its namespace if it has one.
pub(super) struct ItemName<'a> {
    namespace: Option<Cow<'a, str>>,
    name: Cow<'a, str>,
}

impl fmt::Display for ItemName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What an object turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    ServiceCidr,
    Address,
    Service,
}

/// Why an object, or a part of it, is left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Omission {
    /// It doesn't say what it is, and neither does its list.
    #[error("has no kind")]
    NoKind,
    /// It is of a kind that an inventory has no use for.
    #[error("is a {0}: not a ServiceCIDR, an IPAddress or a Service")]
    OtherKind(String),
    /// It has no name.
    #[error("has no metadata.name")]
    NoName,
    /// The name of an IPAddress is no address.
    #[error("metadata.name: not an IP address")]
    NotAnAddress,
    /// An entry of `spec.cidrs` that no Kubernetes of today reads. The rest of the object is taken.
    #[error("spec.cidrs[{index}]: {text:?} {error}")]
    Cidr {
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

impl<'a> Item<'a> {
    /// Puts the object into an inventory. Parts that can't be read are told to `leave_out`.
    /// `list_kind` is the kind of a list's items, for those that don't repeat it.
    pub fn take(
        self,
        list_kind: Option<&str>,
        inventory: &mut Inventory,
        leave_out: &mut dyn FnMut(Omission),
    ) -> Result<Taken, Omission> {
        let kind = self.kind.as_deref().or(list_kind).ok_or(Omission::NoKind)?;
        let taken = match kind {
            "ServiceCIDR" => Taken::ServiceCidr,
            "IPAddress" => Taken::Address,
            "Service" => Taken::Service,
            other => return Err(Omission::OtherKind(other.to_owned())),
        };
        if self.metadata.name.is_empty() {
            return Err(Omission::NoName);
        }
        match taken {
            Taken::ServiceCidr => inventory.insert_service_cidr(self.service_cidr(leave_out)),
            Taken::Address => inventory.insert_address(self.allocation()?),
            Taken::Service => self.insert_cluster_ips(inventory),
        }
        Ok(taken)
    }

    /// What names the object to a person. Costs nothing until it is printed.
    pub fn name(&self) -> ItemName<'a> {
        ItemName { namespace: self.metadata.namespace.clone(), name: self.metadata.name.clone() }
    }

    fn service_cidr(self, leave_out: &mut dyn FnMut(Omission)) -> ServiceCidr {
        let conditions = self.status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.kind == "Ready").map(|condition| &*condition.status);
        let mut service_cidr = ServiceCidr {
            name: self.metadata.name.into_owned(),
            cidrs: Vec::new(),
            unreadable: Vec::new(),
            readiness: Readiness::of(self.metadata.deletion_timestamp.is_some(), ready),
            has_finalizer: self.metadata.finalizers.unwrap_or_default().iter().any(|finalizer| finalizer == FINALIZER),
            created: self.metadata.creation_timestamp.map(Cow::into_owned),
        };
        for (index, text) in self.spec.cidrs.unwrap_or_default().into_iter().enumerate() {
            match Cidr::lenient(&text) {
                Ok(cidr) => service_cidr.cidrs.push(cidr),
                Err(error) => {
                    leave_out(Omission::Cidr { index, text: text.to_string(), error });
                    service_cidr.unreadable.push(text.into_owned());
                }
            }
        }
        service_cidr
    }

    fn allocation(self) -> Result<Allocation, Omission> {
        let address: IpAddr = self.metadata.name.parse().map_err(|_| Omission::NotAnAddress)?;
        let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if is_mapped {
            return Err(Omission::NotAnAddress);
        }
        let labels = self.metadata.labels.unwrap_or_default();
        let family = IpFamily::of(address).name();
        let parent = self.spec.parent_ref.unwrap_or_default();
        let text = |field: Option<Cow<'_, str>>| field.map(Cow::into_owned).unwrap_or_default();
        let (resource, group) = (text(parent.resource), text(parent.group));
        Ok(Allocation {
            address,
            parent: ParentRef {
                resource: if group.is_empty() { resource } else { format!("{resource}.{group}") },
                namespace: text(parent.namespace),
                name: text(parent.name),
            },
            is_managed: labels.managed_by.as_deref() == Some("ipallocator.k8s.io")
                && labels.ip_family.as_deref() == Some(family),
        })
    }

    fn insert_cluster_ips(self, inventory: &mut Inventory) {
        inventory.know_services();
        let service = ServiceName {
            namespace: self.metadata.namespace.map(Cow::into_owned).unwrap_or_default(),
            name: self.metadata.name.into_owned(),
        };
        let one = self.spec.cluster_ip.into_iter();
        let all = self.spec.cluster_ips.unwrap_or_default().into_iter().chain(one);
        // A headless Service says `None`, an ExternalName Service nothing.
        for address in all.filter_map(|text| text.parse().ok()) {
            inventory.insert_cluster_ip(address, service.clone());
        }
    }
}
