//! A validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster.
//!
//! The modules are layers, each may name only those below it. From the bottom:
//! [`net`] CIDR arithmetic · [`inventory`] what the cluster holds and what a request changes ·
//! [`capacity`] what is left, before and after ·
//! [`policy`] the rules and [`policy::decide`] · `document` what programs read · [`kube`] AdmissionReviews in and out ·
//! [`config`] the policy file · [`server`] HTTPS, certificates, metrics · [`cli`] the commands.

pub mod net;

pub mod inventory;

pub mod capacity;

pub mod policy;

mod document;

pub mod kube;

pub mod config;

pub mod server;
pub mod telemetry;

pub mod cli;
