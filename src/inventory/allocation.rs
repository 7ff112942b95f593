//! `Allocation`: one IPAddress object and its parent.

use std::fmt;
use std::net::IpAddr;

/// One IPAddress object: an allocated address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The name of the IPAddress, which is the address.
    pub address: IpAddr,
    /// `spec.parentRef`: the object that the address is allocated to.
    pub parent: ParentRef,
    /// Whether the IPAddress has both labels of kube-apiserver's allocator: its family, and managed-by.
    /// kube-controller-manager counts only these when it decides whether a ServiceCIDR can be deleted.
    pub is_managed: bool,
}

/// The object that an address is allocated to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParentRef {
    /// The resource with its group, as kubectl writes it: `services`, `gateways.gateway.networking.k8s.io`.
    pub resource: String,
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
}

impl Allocation {
    /// Whether this is a ClusterIP that kube-apiserver's allocator allocated to a Service. All other IPAddresses are
    /// foreign.
    #[must_use]
    pub fn is_cluster_ip(&self) -> bool {
        self.is_managed && self.parent.resource == "services"
    }
}

impl fmt::Display for ParentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, namespace, name } = self;
        match (resource.as_str(), namespace.as_str()) {
            ("services", _) => write!(f, "{namespace}/{name}"),
            (_, "") => write!(f, "{resource} {name}"),
            _ => write!(f, "{resource} {namespace}/{name}"),
        }
    }
}
