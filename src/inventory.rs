//! What the cluster holds, and what a request does to it.

mod change;

pub use change::{Added, Change, Fault, Operation};

/// What is known of the cluster when a request is judged.
///
/// Nothing, so far: the rules of today are static. It is an argument of
/// [`decide`](crate::policy::decide) already, because a rule that compares ServiceCIDRs with each
/// other gets them from here and from nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inventory {}
