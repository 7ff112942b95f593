//! `Request`: a change, and the user who requests it.

use crate::inventory::Change;

/// A change, and the user who requests it. No rule that may deny depends on the user: the control plane is recognised
/// by the shape of its requests, because its user names are configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The requested change.
    pub change: Change,
    /// The part of the object that the request may write.
    pub subresource: Subresource,
    /// The user name that kube-apiserver authenticated; empty if the review has none.
    pub requester: String,
    /// Whether the request is a dry run, which stores nothing.
    pub dry_run: bool,
}

/// The part of a ServiceCIDR that a request may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// Metadata and spec: the resource `servicecidrs`.
    None,
    /// The status alone: the subresource `servicecidrs/status`. kube-apiserver keeps the spec.
    Status,
}
