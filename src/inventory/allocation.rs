//! `Allocation`: one IPAddress object and who holds it.

use std::fmt;
use std::net::IpAddr;

/// One IPAddress object: an address that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Its name, which is its address.
    pub address: IpAddr,
    /// `spec.parentRef`: who holds it.
    pub parent: ParentRef,
    /// Whether it has both labels of kube-apiserver's allocator: its family, and managed-by.
    /// kube-controller-manager counts no other when it decides whether a ServiceCIDR may go.
    pub is_managed: bool,
}

/// Who holds an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParentRef {
    /// The resource with its group, as kubectl writes it: `services`, `gateways.gateway.networking.k8s.io`.
    pub resource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Allocation {
    /// Whether it is a ClusterIP that kube-apiserver's allocator gave to a Service. Everything else
    /// is foreign.
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
