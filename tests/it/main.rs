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
mod capacity; // capacity, forecasts, allocation and deletion
mod certs; // `certs`: what it writes and refuses to
mod chart; // values, schema, README, alerts and dashboard of the chart
mod check; // `check` on hostile input, and what its logs for programs hold
mod check_model; // `check` beside a slow obvious API server with the webhook
mod client_auth; // --client-ca: who is answered
mod commands; // report, overlaps, simulate, explain: what they print
mod config; // the policy file: every error, exactly
mod config_rules; // the rules of the policy file: defaults and mistakes
#[path = "../common/connection.rs"]
mod connection; // a connection as kube-apiserver holds one
mod doc_coverage; // each exit code, result and sentence of the reference is seen
mod doc_examples; // every command line of the documents is run by a test
mod draft; // `init`: drafts for clusters of twenty shapes
mod export; // `export vap`: what CEL says of a policy
mod generated; // files of the chart that repeat what the program knows
mod hot_reload; // policies and certificates that are swapped under load
mod import_circles; // no file imports itself through others
mod invariants; // repository invariants: layers, file sizes, documented rules and metrics, links
mod inventory; // serve --inventory FILE
mod live_rules; // properties of the rules that judge by what the cluster holds
mod messages; // docs/messages.md lists every sentence
mod messages_cli; // sentences that no other test hears
mod page_served; // the page of the server and its previews
mod plugin; // the names of a kubectl plugin, completions, colour
mod probe; // `probe`: what it says of a webhook, of other servers and of none
#[path = "../common/program.rs"]
mod program; // a running server, and the program's other commands
mod properties; // what holds for every request
#[path = "../common/raw_http.rs"]
mod raw_http; // connections, byte by byte
mod recorded; // what a real kube-apiserver asked, under three policies
mod reference; // docs/cli.md, docs/schemas and the examples of --help
mod reload; // files that change under a running server
mod repository; // what several files state agrees: versions, make targets
mod server; // HTTP: paths, methods, sizes, health, metrics, the end
mod server_end; // SIGTERM, SIGINT and what is answered until the end
mod server_limits; // time, memory, connections and the log
mod server_overload; // more clients than there is room for
#[allow(clippy::cast_precision_loss, reason = "of counts")]
#[path = "../common/slope.rs"]
mod slope; // how fast something grows, for `make soak`
mod suggest; // `suggest` against a search that tries every block
mod tls; // kinds of keys, ALPN, sessions
mod vectors; // what the real Kubernetes code answered, by label
#[allow(dead_code, reason = "the tests with a control plane use the rest")]
#[path = "../common/violations.rs"]
mod violations; // the violations that tests expect
mod watch; // lists and watches of a mock API server that breaks in every way
