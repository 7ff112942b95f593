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

pub use addresses::Addresses;
pub use allocation::{Allocation, ParentRef};
pub use change::{Added, Change, Fault, Operation};
pub use families::{Families, FamiliesSource};
pub use idle::Idle;
pub use kind::Kind;
pub use known::{Freshness, Known};
pub use network::Network;
pub use node::{Node, NodeNetwork};
pub use object_name::faults_of_name;
pub use overlap::{Holder, HolderKind, Overlap, overlaps};
pub use overlay::Overlay;
pub use service_cidr::{FINALIZER, Readiness, ServiceCidr};
pub use store::{DEFAULT_SERVICE_CIDR, Inventory, ServiceName};
pub use sweep::Sweep;
pub use view::View;
