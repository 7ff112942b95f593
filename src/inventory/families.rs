//! `Families`: which IP families the cluster's Services can have, and how that is known.

use crate::net::IpFamily;

/// Which IP families kube-apiserver makes allocators for. Only its flag
/// `--service-cluster-ip-range` knows; this is the best that can be had from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredFamilies {
    configured: Vec<IpFamily>,
    source: FamiliesSource,
}

/// How the families are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamiliesSource {
    /// The policy says so (`ipFamilies`).
    Policy,
    /// Those of the ServiceCIDR `kubernetes`.
    DefaultServiceCidr,
    /// Nothing says: both are taken to be configured.
    Assumed,
}

impl ConfiguredFamilies {
    pub(super) fn new(configured: impl IntoIterator<Item = IpFamily>, source: FamiliesSource) -> Self {
        let mut configured: Vec<IpFamily> = configured.into_iter().collect();
        configured.sort_unstable();
        configured.dedup();
        Self { configured, source }
    }

    /// Those that a policy names.
    #[must_use]
    pub fn from_policy(families: &[IpFamily]) -> Self {
        Self::new(families.iter().copied(), FamiliesSource::Policy)
    }

    /// Both, because nothing says.
    #[must_use]
    pub fn assumed() -> Self {
        Self::new(IpFamily::ALL, FamiliesSource::Assumed)
    }

    /// Whether Services can have addresses of a family.
    #[must_use]
    pub fn contains(&self, family: IpFamily) -> bool {
        self.configured.contains(&family)
    }

    /// How they are known.
    #[must_use]
    pub fn source(&self) -> FamiliesSource {
        self.source
    }
}
