//! The two IP families, spelled as Kubernetes spells them.

use std::fmt;

/// An IP family, as in `spec.ipFamilies` of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpFamily {
    /// 32-bit addresses.
    IPv4,
    /// 128-bit addresses.
    IPv6,
}

impl IpFamily {
    /// Its name, as Kubernetes spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        }
    }
}

impl fmt::Display for IpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
