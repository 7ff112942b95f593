//! `ServiceCidr`: a stored ServiceCIDR, and whether kube-apiserver allocates from it.

use crate::net::Cidr;

/// A stored ServiceCIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCidr {
    /// `metadata.name`.
    pub name: String,
    /// The entries of `spec.cidrs` that can be parsed, in their order.
    pub cidrs: Vec<Cidr>,
    /// The entries of `spec.cidrs` that Kubernetes rejects today: nothing is allocated from them.
    pub unreadable: Vec<String>,
    /// Whether kube-apiserver allocates from it.
    pub readiness: Readiness,
    /// Whether it has kube-controller-manager's finalizer: without it, a DELETE removes it immediately.
    pub has_finalizer: bool,
    /// `metadata.creationTimestamp`, as stored.
    pub created: Option<String>,
}

/// Whether kube-apiserver allocates from a ServiceCIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Ready: the condition Ready is True or absent, and there is no deletion timestamp.
    Ready,
    /// Not ready: the condition Ready is False or Unknown.
    NotReady,
    /// Terminating: it has a deletion timestamp, which can't be removed.
    Terminating,
}

/// The finalizer that kube-controller-manager puts on every ServiceCIDR.
pub const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";

impl ServiceCidr {
    /// A ServiceCIDR that was just created: Ready, and with the finalizer.
    #[must_use]
    pub fn ready(name: &str, cidrs: impl IntoIterator<Item = Cidr>) -> Self {
        Self {
            name: name.to_owned(),
            cidrs: cidrs.into_iter().collect(),
            unreadable: Vec::new(),
            readiness: Readiness::Ready,
            has_finalizer: true,
            created: None,
        }
    }

    /// The entries of `spec.cidrs` as text, the unreadable ones last.
    #[must_use]
    pub fn cidr_texts(&self) -> Vec<String> {
        self.cidrs.iter().map(Cidr::to_string).chain(self.unreadable.iter().cloned()).collect()
    }
}

impl Readiness {
    /// From `metadata.deletionTimestamp` and the status of the condition Ready.
    ///
    /// Upstream: `isReady` in pkg/registry/core/service/ipallocator/cidrallocator.go.
    #[must_use]
    pub fn from_condition(is_deleted: bool, condition: Option<&str>) -> Self {
        match (is_deleted, condition) {
            (true, _) => Self::Terminating,
            (false, None | Some("True")) => Self::Ready,
            (false, Some(_)) => Self::NotReady,
        }
    }

    /// The state in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Terminating => "Terminating",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as the allocator of Kubernetes.
    #[test]
    fn missing_ready_condition_means_ready() {
        assert_eq!(Readiness::from_condition(false, None), Readiness::Ready);
        assert_eq!(Readiness::from_condition(false, Some("True")), Readiness::Ready);
        assert_eq!(Readiness::from_condition(false, Some("False")), Readiness::NotReady);
        assert_eq!(Readiness::from_condition(false, Some("Unknown")), Readiness::NotReady);
        assert_eq!(Readiness::from_condition(true, Some("True")), Readiness::Terminating);
    }
}
