//! The capacity of a cluster's ServiceCIDRs, before and after a change.

mod allocator;
mod audit;
mod capped_list;
mod deletion_impact;
mod forecast;
mod probability;
mod report;
mod rng;
mod segments;

pub use allocator::{AllocateError, Allocator};
pub use audit::{AllocationAudit, FreeBlocks};
pub use capped_list::CappedList;
pub use deletion_impact::{DeletionImpact, deletion_impact, deletion_impact_by_name};
pub use forecast::{Forecast, forecast};
pub use probability::allocation_probability;
pub use report::{Band, CapacityReport, CidrCapacity, FamilyCapacity, SharedWith};
