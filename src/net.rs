//! CIDR arithmetic: what two CIDRs have to do with each other. Knows nothing of Kubernetes objects.

mod cidr;
mod cidr_map;
mod cidr_set;
mod family;
mod range;
mod range_set;
mod usable;

pub use cidr::{Cidr, CidrError, Relation};
pub use cidr_map::CidrMap;
pub use cidr_set::CidrSet;
pub use family::IpFamily;
pub use range::{AddressRange, number};
pub use range_set::RangeSet;
pub use usable::UsableRange;
