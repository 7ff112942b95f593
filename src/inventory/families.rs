//! `ConfiguredFamilies`: the IP families that Services of the cluster can have, and the source of that knowledge.

use crate::net::IpFamily;

/// The IP families for which kube-apiserver creates allocators. Only its flag `--service-cluster-ip-range` defines
/// them; this is what can be observed from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredFamilies {
    configured: Vec<IpFamily>,
    source: FamiliesSource,
}

/// The source of the families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamiliesSource {
    /// The policy (`ipFamilies`).
    Policy,
    /// The ServiceCIDR `kubernetes`.
    DefaultServiceCidr,
    /// No source: both families are assumed.
    Assumed,
}

impl ConfiguredFamilies {
    pub(super) fn new(configured: impl IntoIterator<Item = IpFamily>, source: FamiliesSource) -> Self {
        let mut configured: Vec<IpFamily> = configured.into_iter().collect();
        configured.sort_unstable();
        configured.dedup();
        Self { configured, source }
    }

    /// The families that a policy names.
    #[must_use]
    pub fn from_policy(families: &[IpFamily]) -> Self {
        Self::new(families.iter().copied(), FamiliesSource::Policy)
    }

    /// Both families, without a source.
    #[must_use]
    pub fn assumed() -> Self {
        Self::new(IpFamily::ALL, FamiliesSource::Assumed)
    }

    /// Whether Services can have addresses of a family.
    #[must_use]
    pub fn contains(&self, family: IpFamily) -> bool {
        self.configured.contains(&family)
    }

    /// The source of the families.
    #[must_use]
    pub fn source(&self) -> FamiliesSource {
        self.source
    }
}
