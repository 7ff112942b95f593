//! Managed certificates: a CA in one Secret, a certificate of this replica in memory, and the `caBundle` of one
//! ValidatingWebhookConfiguration, kept right together by all replicas without a leader.
//!
//! Data flows one way: two watches observe the objects, [`plan`] decides what they should contain, [`manager`] writes
//! what differs, and [`leaf`] serves a certificate that the observed `caBundle` verifies.

mod ca_set;
mod leaf;
pub(super) mod manager;
mod objects;
mod plan;
mod reporter;
pub(super) mod settings;
pub(super) mod status;
