//! A validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster.
//!
//! The modules are layers, each may name only those below it. From the bottom:
//! [`text`] escaping and numbers · [`net`] CIDR arithmetic · [`inventory`] what the cluster holds and what a request changes ·
//! [`capacity`] what is left, before and after ·
//! [`policy`] the rules and [`policy::evaluate`] · `diagnostic` positions in files · `api` result documents · `vap` the ValidatingAdmissionPolicy export ·
//! `page` the HTML page · [`k8s`] API objects and AdmissionReviews ·
//! [`config`] the policy file · [`server`] HTTPS, certificates, metrics · [`cli`] the commands.

pub mod text;

pub mod net;

pub mod inventory;

pub mod capacity;

pub mod policy;

mod diagnostic;

mod api;

mod vap;

mod page;

pub mod k8s;

pub mod config;

pub mod server;
pub mod telemetry;

pub mod cli;
