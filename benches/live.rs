//! The server with an API server: latency of an admission with a million addresses and with none, the cost of 10,000
//! events per second, time to ready, and memory.
#![allow(clippy::pedantic, clippy::print_stdout, reason = "a benchmark prints")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(missing_docs, reason = "not a library")]

mod common;

#[path = "live/churn.rs"]
mod churn;
#[path = "live/latency.rs"]
mod latency;
#[path = "live/load.rs"]
mod load;

use common::api::Api;
use common::client::Client;
use common::program::Program;
use common::table::{ROUNDS, Table, goal};
use latency::Latency;

const COUNT: u32 = 1_000_000;
/// A CIDR that overlaps no ServiceCIDR, and one within the widest.
const DISJOINT_CIDR: &str = "10.200.0.0/24";
const OVERLAPPING_CIDR: &str = "10.1.128.0/17";

fn main() {
    let (small, wide, large) = (Api::start(1, 0), Api::start(1_000, 0), Api::start(1_000, COUNT));
    starts(&wide, &large);
    let none = Program::start(None);
    let empty = Program::start(Some(&small));
    empty.wait_for_list(1);
    let full = load::first_list(&large, &none, &empty);
    load::relist(&large, &full);
    let servers = [&full, &empty, &none];
    admissions("a CREATE", servers, false);
    admissions("a dry-run CREATE", servers, true);
    churn::measure(&large, &full);
}

/// Time to ready.
fn starts(wide: &Api, large: &Api) {
    let labels = ["1,000 ServiceCIDRs", "the same with 1,000,000 addresses to read", "--inventory none"];
    let mut table = Table::new(&labels);
    for round in 0..=ROUNDS {
        let sample = [Some(wide), Some(large), None].map(|api| Program::start(api).ready_after.as_nanos() as f64);
        if round > 0 {
            table.push(&sample);
        }
    }
    table.print_of("From the start of the process to /readyz with 200", "time");
    goal("ready", table.median(0) / 1e6, 100.0, " ms");
    goal("ready, 1,000,000 addresses to read", table.median(1) / 1e6, 100.0, " ms");
}

/// The latency of an admission must not depend on the size of the inventory.
fn admissions(what: &str, [full, empty, none]: [&Program; 3], is_dry_run: bool) {
    let client = |program: &Program, cidr, expected| Client::new(&program.target, cidr, is_dry_run, expected);
    let allowed = r#""allowed":true"#;
    let expected_body = if is_dry_run { r#""warnings":["# } else { allowed };
    let cases = vec![
        ("1,000 ServiceCIDRs, 1,000,000 addresses", client(full, DISJOINT_CIDR, expected_body)),
        ("1 ServiceCIDR, no address", client(empty, DISJOINT_CIDR, expected_body)),
        ("--inventory none, without noOverlap", client(none, DISJOINT_CIDR, allowed)),
    ];
    let latency = Latency::measure(&format!("{what} over TLS"), cases);
    let [p50, p99] = [&latency.p50, &latency.p99];
    if is_dry_run {
        goal("preview: p50 with 1,000,000 addresses over none", (p50.median(0) - p50.median(1)) / 1e6, 1.0, " ms");
        return;
    }
    goal("a CREATE: p50 with 1,000,000 addresses / with none", p50.ratio(0, 1), 1.2, "x");
    goal("a CREATE: p99 with 1,000,000 addresses / with none", p99.ratio(0, 1), 1.2, "x");
    // Not in turns with the others: a server that gets two requests in a row has warm caches for the second.
    let cases = vec![
        ("denied: it overlaps with 138 of the 1,000", client(full, OVERLAPPING_CIDR, r#""allowed":false"#)),
        ("allowed: it overlaps with none", client(full, DISJOINT_CIDR, expected_body)),
    ];
    Latency::measure(&format!("{what} over TLS, with 1,000,000 addresses"), cases);
}
