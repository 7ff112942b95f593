//! The API resource of each watched kind.

use crate::inventory::ResourceKind;

/// The path for lists and watches of a kind.
pub(super) fn path(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::ServiceCidrs => "/apis/networking.k8s.io/v1/servicecidrs",
        ResourceKind::IpAddresses => "/apis/networking.k8s.io/v1/ipaddresses",
        ResourceKind::Nodes => "/api/v1/nodes",
    }
}

/// The resource with its group, as in a ClusterRole and kubectl.
pub(super) fn resource(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::ServiceCidrs => "servicecidrs.networking.k8s.io",
        ResourceKind::IpAddresses => "ipaddresses.networking.k8s.io",
        ResourceKind::Nodes => "nodes",
    }
}
