//! What is left: the capacity of a cluster's ServiceCIDRs, before and after a change.

mod allocator;
mod chance;
mod forecast;
mod named;
mod removal;
mod report;
mod seed;
mod segments;
mod survey;

pub use allocator::{AllocateError, Allocator};
pub use chance::allocation_probability;
pub use forecast::{Forecast, forecast};
pub use named::Named;
pub use removal::{DeletionImpact, deletion_impact, deletion_impact_by_name};
pub use report::{Band, CapacityReport, CidrCapacity, FamilyCapacity, SharedWith};
pub use survey::{AllocationAudit, FreeBlocks};
