//! CIDR and address range arithmetic, independent of Kubernetes objects.

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
pub use family::{IpFamily, address_bits};
pub use range::AddressRange;
pub use range_set::RangeSet;
pub use usable::{MIN_IPV6_PREFIX_LEN, UsableRange};
