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
mod draft; // `init`: drafts for clusters of twenty shapes
mod evidence; // each exit code, result and sentence of the reference is seen
mod export; // `export vap`: what CEL says of a policy
mod inventory; // serve --inventory FILE
mod live_rules; // properties of the rules that judge by what the cluster holds
mod messages; // docs/messages.md lists every sentence
mod page_served; // the page of the server and its previews
mod plugin; // the names of a kubectl plugin, completions, colour
mod probe; // `probe`: what it says of a webhook, of other servers and of none
mod program; // a running server, and the program's other commands
mod properties; // what holds for every request
mod raw; // connections, byte by byte
mod recorded; // what a real kube-apiserver asked, under three policies
mod reference; // docs/cli.md, docs/schemas and the examples of --help
mod reload; // files that change under a running server
mod said; // sentences that no other test hears
mod server; // HTTP: paths, methods, sizes, health, metrics, the end
mod server_end; // SIGTERM, SIGINT and what is answered until the end
mod server_limits; // time, memory, connections and the log
mod server_overload; // more clients than there is room for
mod shown; // every command line of the documents is run by a test
#[allow(clippy::cast_precision_loss, reason = "of counts")]
#[path = "../soak/slope.rs"]
mod slope; // how fast something grows, for `make soak`
mod suggest; // `suggest` against a search that tries every block
mod swaps; // policies and certificates that are swapped under load
mod tidy; // the layout and the documents keep their word
mod tls; // kinds of keys, ALPN, sessions
mod vectors; // what the real Kubernetes code answered, by label
mod watch; // lists and watches of a mock API server that breaks in every way
