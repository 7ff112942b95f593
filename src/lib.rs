//! A validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster.

pub mod net;

pub mod inventory;

pub mod policy;

pub mod kube;

pub mod config;
