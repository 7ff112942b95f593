//! Where the API server keeps what is followed.

use crate::inventory::Kind;

/// Where lists and watches of a kind are asked for.
pub(super) fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::ServiceCidrs => "/apis/networking.k8s.io/v1/servicecidrs",
        Kind::IpAddresses => "/apis/networking.k8s.io/v1/ipaddresses",
        Kind::Nodes => "/api/v1/nodes",
    }
}

/// The resource with its group, as a ClusterRole and kubectl name it.
pub(super) fn resource(kind: Kind) -> &'static str {
    match kind {
        Kind::ServiceCidrs => "servicecidrs.networking.k8s.io",
        Kind::IpAddresses => "ipaddresses.networking.k8s.io",
        Kind::Nodes => "nodes",
    }
}
