//! The observed state of a cluster, and the changes that a request makes.

mod allocation;
mod allocation_store;
mod apply;
mod change;
mod chunked_map;
mod declared_network;
mod families;
mod kind;
mod node;
mod object_name;
mod observed;
mod overlap;
mod pending_changes;
mod relist;
mod service_cidr;
mod store;
mod sweep;
mod unusable_reason;
mod view;

pub use allocation::{Allocation, ParentRef};
pub use allocation_store::AllocationStore;
pub use change::{AddedCidr, Change, Operation, ValidationError};
pub use declared_network::DeclaredNetwork;
pub use families::{ConfiguredFamilies, FamiliesSource};
pub use kind::ResourceKind;
pub use node::{Node, NodeNetwork};
pub use object_name::validate_name;
pub use observed::{Freshness, ObservedInventory};
pub use overlap::{CidrOwner, CidrOwnerKind, Overlap, overlaps};
pub use pending_changes::PendingChanges;
pub use service_cidr::{FINALIZER, Readiness, ServiceCidr};
pub use store::{DEFAULT_SERVICE_CIDR, Inventory, ServiceName};
pub use sweep::SweepStatus;
pub use unusable_reason::UnusableReason;
pub use view::View;
