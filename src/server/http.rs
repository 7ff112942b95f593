//! The HTTP side: which path does what, the limits that every request passes, and the handlers.

pub(super) mod admission;
pub(super) mod availability;
pub(super) mod body;
pub(super) mod body_memory;
pub(super) mod health;
pub(super) mod middleware;
pub(super) mod page;
pub(super) mod report;
pub(super) mod routes;
mod service;

pub(super) use service::service;
