//! Translation between the Kubernetes API and the types of the core.

mod fields;
mod item;
mod list;
mod object;
mod response;
mod review;

pub use list::{LeftOut, ListError, ListReader, Omission, Reading};
pub use response::{Answer, respond};
pub use review::{Refusal, Review, ReviewError};
