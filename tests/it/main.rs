//! Tests that need only Rust. Run by `make test`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod admission; // full responses
mod capacity; // capacity, forecasts, allocation, deletion
mod certs; // `certs`
mod chart; // values, schema, README, alerts and dashboard of the chart
mod check; // `check` and `scan`: hostile input, SARIF
mod check_model; // `check` compared with a model of the API server
mod client_auth; // --client-ca and --client-name
mod commands; // console blocks of documents and fixtures
mod config; // the policy file: every error
mod config_rules; // the rules of the policy file: defaults and errors
#[path = "../common/connection.rs"]
mod connection; // a keep-alive TLS connection
#[path = "../common/crowd.rs"]
mod crowd; // clients that keep connections busy
mod doc_coverage; // documented exit codes, results and messages are tested
mod doc_examples; // documented commands are tested
mod draft; // `init` for twenty clusters
mod export; // `export vap`
mod generated; // generated files of the chart
mod hot_reload; // policy and certificate reloads under load
mod import_circles; // no import circles between files
mod invariants; // layers, file sizes, documented rules and metrics, links
mod inventory; // serve --inventory FILE
mod live_rules; // properties of the rules that compare with the cluster
mod managed_tls; // the flags of managed certificates
mod messages; // docs/messages.md lists every message
mod messages_cli; // messages that no other test covers
mod page_served; // the served page and previews
mod plugin; // kubectl plugin names, completion, colour
mod probe; // `probe`
#[path = "../common/program.rs"]
mod program; // runs the server and commands
mod properties; // properties of every request and policy
#[path = "../common/raw_http.rs"]
mod raw_http; // raw TLS and HTTP connections
mod recorded; // responses to recorded requests
mod reference; // docs/cli.md, docs/schemas, examples of --help
mod reload; // changed files of a running server
mod repository; // versions, make targets, workflows
mod server; // HTTP: paths, methods, sizes, health, metrics, startup
mod server_limits; // limits of time, memory and connections
mod server_overload; // more connections than the limit
mod shutdown; // SIGTERM and SIGINT
#[allow(clippy::cast_precision_loss, reason = "counts are small")]
#[path = "../common/slope.rs"]
mod slope; // least squares, for `make soak`
mod strangers; // silent, slow, idle and greedy clients
mod suggest; // `suggest` compared with an exhaustive search
mod tls; // key types, ALPN, session resumption
mod vectors; // recorded results of the code of Kubernetes
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/violations.rs"]
mod violations; // expected violations
mod watch; // LIST and WATCH with a fake API server
