//! What needs Go-built parts: the real control plane, helm, and the oracle. Run by `make test-cluster`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails says so by a panic"
)]

#[path = "../common/binaries.rs"]
mod binaries;
#[path = "../common/control_plane.rs"]
mod control_plane;
#[allow(dead_code, reason = "the other test crate uses the rest")]
#[path = "../common/program.rs"]
mod program;
#[allow(dead_code, reason = "the other test crate uses the rest")]
#[path = "../common/raw_http.rs"]
mod raw_http;
#[allow(dead_code, reason = "the other test crate uses the rest")]
#[path = "../common/violations.rs"]
mod violations;
#[path = "../common/webhook.rs"]
mod webhook;

mod bootstrap; // the control plane is never locked out
mod chart; // the chart: what is rendered, installed, rotated, advised
mod check; // `check --inventory cluster` beside the API server with the webhook
mod client_certificate; // kube-apiserver shows who it is
mod documented; // beside the documented ValidatingAdmissionPolicies
mod documented_scenario; // the walk of the Kubernetes documentation
mod floor; // the ValidatingAdmissionPolicies of `export vap`, beside the webhook
mod floor_chart; // those of the chart, beside those of `export vap`
mod idle; // connections that wait as long as kube-apiserver keeps them
mod live_account; // a service account: which permissions are needed, and what is said without one
mod live_blocked; // the walk from a blocked deletion to its end
mod live_deletion; // deletions, and what kube-controller-manager does
mod live_dual_stack; // both IP families, told apart
mod live_faults; // an API server that dies, an etcd that forgets
mod live_last_family; // the last range of an IP family
mod live_load; // many at once
mod live_missed; // what no watch can tell any more
mod live_nodes; // what nodes hold, and which permissions it takes
mod live_race; // ServiceCIDRs made at the same moment
mod live_scenario; // the documented walk with --inventory cluster
mod oracle; // the real Kubernetes code, asked the same questions
mod plugin; // `kubectl servicecidr`, through the real kubectl
mod rolling; // webhooks replace each other while clients keep creating
mod rules; // allowed ranges and deny-all, as kubectl shows them
mod service; // through clientConfig.service
mod swap; // certificate and policy change while kubectl keeps creating
