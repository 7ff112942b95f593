//! The fields of the objects, as they are written. What isn't listed is skipped.

use std::borrow::Cow;

use serde::Deserialize;

/// An object of any of the kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(borrow)]
    pub kind: Option<Cow<'a, str>>,
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
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub labels: Option<Labels<'a>>,
    #[serde(borrow)]
    pub finalizers: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    pub creation_timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub deletion_timestamp: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Labels<'a> {
    #[serde(borrow, rename = "ipaddress.kubernetes.io/ip-family")]
    pub ip_family: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ipaddress.kubernetes.io/managed-by")]
    pub managed_by: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec<'a> {
    #[serde(borrow)]
    pub cidrs: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    pub parent_ref: Option<Parent<'a>>,
    #[serde(borrow, rename = "clusterIP")]
    pub cluster_ip: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "clusterIPs")]
    pub cluster_ips: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, rename = "podCIDR")]
    pub pod_cidr: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "podCIDRs")]
    pub pod_cidrs: Option<Vec<Cow<'a, str>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Parent<'a> {
    #[serde(borrow)]
    pub group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub resource: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
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
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub status: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub struct NodeAddress<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub address: Cow<'a, str>,
}
