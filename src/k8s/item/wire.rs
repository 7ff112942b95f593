//! The fields of the objects, as serialized. All other fields are ignored.

mod text;

use serde::Deserialize;

pub use text::CowStr;

/// An object of any of the kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(borrow, default)]
    pub kind: CowStr<'a>,
    #[serde(borrow, default)]
    pub metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub spec: Spec<'a>,
    #[serde(borrow, default)]
    pub status: Status<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata<'a> {
    #[serde(borrow)]
    pub name: CowStr<'a>,
    #[serde(borrow)]
    pub resource_version: CowStr<'a>,
    #[serde(borrow)]
    pub namespace: CowStr<'a>,
    #[serde(borrow)]
    pub labels: Option<Labels<'a>>,
    #[serde(borrow)]
    pub finalizers: Option<Vec<CowStr<'a>>>,
    #[serde(borrow)]
    pub creation_timestamp: CowStr<'a>,
    #[serde(borrow)]
    pub deletion_timestamp: CowStr<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Labels<'a> {
    #[serde(borrow, rename = "ipaddress.kubernetes.io/ip-family")]
    pub ip_family: CowStr<'a>,
    #[serde(borrow, rename = "ipaddress.kubernetes.io/managed-by")]
    pub managed_by: CowStr<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec<'a> {
    #[serde(borrow)]
    pub cidrs: Option<Vec<CowStr<'a>>>,
    #[serde(borrow)]
    pub parent_ref: Option<Parent<'a>>,
    #[serde(borrow, rename = "clusterIP")]
    pub cluster_ip: CowStr<'a>,
    #[serde(borrow, rename = "clusterIPs")]
    pub cluster_ips: Option<Vec<CowStr<'a>>>,
    #[serde(borrow, rename = "podCIDR")]
    pub pod_cidr: CowStr<'a>,
    #[serde(borrow, rename = "podCIDRs")]
    pub pod_cidrs: Option<Vec<CowStr<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Parent<'a> {
    #[serde(borrow)]
    pub group: CowStr<'a>,
    #[serde(borrow)]
    pub resource: CowStr<'a>,
    #[serde(borrow)]
    pub resource_version: CowStr<'a>,
    #[serde(borrow)]
    pub namespace: CowStr<'a>,
    #[serde(borrow)]
    pub name: CowStr<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status<'a> {
    #[serde(borrow)]
    pub conditions: Option<Vec<Condition<'a>>>,
    #[serde(borrow)]
    pub addresses: Option<Vec<NodeAddress<'a>>>,
}

#[derive(Debug, Deserialize)]
pub struct Condition<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: CowStr<'a>,
    #[serde(borrow, default)]
    pub status: CowStr<'a>,
}

#[derive(Debug, Deserialize)]
pub struct NodeAddress<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: CowStr<'a>,
    #[serde(borrow, default)]
    pub address: CowStr<'a>,
}
