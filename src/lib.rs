//! A validating admission webhook that guards the ServiceCIDRs of a Kubernetes cluster.
//!
//! The modules are rooms in layers. A room imports only those above it in this list:
//!
//! - [`text`]: escaping, names and numbers
//! - [`net`]: CIDR and address arithmetic
//! - [`inventory`]: the observed cluster state, and the change that a request makes
//! - [`capacity`]: usable, used and free addresses, allocation, the effect of a deletion
//! - [`policy`]: the rules, [`policy::evaluate`], previews and suggestions
//! - `diagnostic`: problems at positions in files
//! - `api`: machine-readable result documents
//! - `vap`: export to ValidatingAdmissionPolicies
//! - `page`: the web page
//! - `pki`: certificate authorities and server certificates
//! - [`k8s`]: Kubernetes objects, AdmissionReviews, lists and watches
//! - [`config`]: the policy file
//! - [`server`]: HTTPS, certificates, metrics, reloads
//! - [`cli`]: the commands
//!
//! `docs/architecture.md` shows the path of a request. The crate has no stable library API: items are public for the
//! tests, benchmarks and fuzz targets of this repository.

pub mod text;

pub mod net;

pub mod inventory;

pub mod capacity;

pub mod policy;

mod diagnostic;

mod api;

mod vap;

mod page;

mod pki;

pub mod k8s;

pub mod config;

pub mod server;
pub mod telemetry;

pub mod cli;
