//! `Request`: a change, and who asks for it.

use crate::inventory::Change;

/// A change, and who asks for it. Who asks never matters to a rule that may deny: the control
/// plane is recognised by the shape of its requests, because its user names are configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub change: Change,
    /// Which part of the object the request may write.
    pub subresource: Subresource,
    /// The user name that kube-apiserver authenticated. Empty when the review names none.
    pub requester: String,
    /// Whether nothing of it will be stored.
    pub dry_run: bool,
}

/// Which part of a ServiceCIDR a request may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// Metadata and spec: the resource `servicecidrs`.
    None,
    /// The status alone: the subresource `servicecidrs/status`. kube-apiserver keeps the spec.
    Status,
}
