//! Translation between the Kubernetes API and the types of the core.

mod fields;
mod object;
mod response;
mod review;

pub use response::respond;
pub use review::{Refusal, Review, ReviewError};
