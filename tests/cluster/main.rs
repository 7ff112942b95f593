//! Tests that need programs built by Go: the control plane, helm, and the oracle. Run by `make test-cluster`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "../common/binaries.rs"]
mod binaries;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/connection.rs"]
mod connection;
#[path = "../common/control_plane.rs"]
mod control_plane;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/crowd.rs"]
mod crowd;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/program.rs"]
mod program;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/raw_http.rs"]
mod raw_http;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/violations.rs"]
mod violations;
#[path = "../common/webhook.rs"]
mod webhook;

mod api_server_faults; // restarts of kube-apiserver, data lost in etcd, strict policies
mod blocked_deletion; // capacity and warnings while a deletion is blocked
mod bootstrap; // `kubernetes` is created while the webhook is down
mod certificates; // certificates that the pods manage, or cert-manager
mod chart; // the Helm chart: templates, releases, alerts
mod check; // `check --inventory cluster` compared with kubectl apply
mod client_certificate; // kube-apiserver authenticates with a client certificate
mod concurrency; // Services and ServiceCIDRs created concurrently
mod deletion; // the rule deletion compared with kube-controller-manager
mod documented_policies; // compared with the documented ValidatingAdmissionPolicies
mod documented_scenario; // "Extend Service IP Ranges" of the Kubernetes documentation
mod dry_run_scenario; // the same with --inventory cluster: dry runs, report, metrics
mod dual_stack; // both IP families
mod idle_connections; // idle connections stay open
mod last_of_family; // deletion of the last ServiceCIDR of an IP family
mod nodes; // networks discovered from nodes
mod oracle; // differential tests with the code of Kubernetes
mod overlap_race; // overlapping ServiceCIDRs created at the same moment
mod plugin; // `kubectl servicecidr` with the real kubectl
mod relist_after_compaction; // events that were lost by a compaction of etcd
mod reload; // certificate and policy reloads under load
mod rolling_update; // webhooks are replaced under load
mod rules; // violations as kubectl prints them
mod service; // clientConfig.service
mod service_account; // permissions of the ServiceAccount
mod strangers; // silent and idle clients while kube-apiserver sends reviews
mod vap; // `export vap` compared with the webhook
mod vap_chart; // the policies of the chart compared with `export vap`
