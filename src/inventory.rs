//! What the cluster holds, and what a request does to it.

mod addresses;
mod allocation;
mod applied;
mod change;
mod families;
mod idle;
mod index;
mod kind;
mod known;
mod network;
mod node;
mod object_name;
mod overlap;
mod overlay;
mod relist;
mod service_cidr;
mod store;
mod sweep;
mod view;

pub use addresses::AllocationStore;
pub use allocation::{Allocation, ParentRef};
pub use change::{AddedCidr, Change, Operation, ValidationError};
pub use families::{ConfiguredFamilies, FamiliesSource};
pub use idle::UnusableReason;
pub use kind::ResourceKind;
pub use known::{Freshness, ObservedInventory};
pub use network::DeclaredNetwork;
pub use node::{Node, NodeNetwork};
pub use object_name::validate_name;
pub use overlap::{CidrOwner, CidrOwnerKind, Overlap, overlaps};
pub use overlay::PendingChanges;
pub use service_cidr::{FINALIZER, Readiness, ServiceCidr};
pub use store::{DEFAULT_SERVICE_CIDR, Inventory, ServiceName};
pub use sweep::SweepStatus;
pub use view::View;
