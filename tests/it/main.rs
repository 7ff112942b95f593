//! What needs Rust alone. Run by `make test`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails says so by a panic"
)]

mod admission; // every sentence of an answer, exactly
mod capacity; // capacity, forecasts, allocation and removal
mod certs; // `certs`: what it writes and refuses to
mod chart; // values, schema, README, alerts and dashboard of the chart
mod check; // `check` on hostile input, and what its logs for programs hold
mod check_model; // `check` beside a slow obvious API server with the webhook
mod client_auth; // --client-ca: who is answered
mod commands; // report, overlaps, simulate, explain: what they print
mod config; // the policy file: every error, exactly
mod config_rules; // the rules of the policy file: defaults and mistakes
mod connection; // a connection as kube-apiserver holds one
mod export; // `export vap`: what CEL says of a policy
mod inventory; // serve --inventory FILE
mod live_rules; // properties of the rules that judge by what the cluster holds
mod probe; // `probe`: what it says of a webhook, of other servers and of none
mod program; // a running server, and the program's other commands
mod properties; // what holds for every request
mod raw; // connections, byte by byte
mod recorded; // what a real kube-apiserver asked, under three policies
mod reload; // files that change under a running server
mod server; // HTTP: paths, methods, sizes, health, metrics, the end
mod server_end; // SIGTERM, SIGINT and what is answered until the end
mod server_limits; // time, memory, connections and the log
mod server_overload; // more clients than there is room for
#[allow(clippy::cast_precision_loss, reason = "of counts")]
#[path = "../soak/slope.rs"]
mod slope; // how fast something grows, for `make soak`
mod swaps; // policies and certificates that are swapped under load
mod tidy; // the layout and the documents keep their word
mod tls; // kinds of keys, ALPN, sessions
mod vectors; // what the real Kubernetes code answered, by label
mod watch; // lists and watches of a mock API server that breaks in every way
