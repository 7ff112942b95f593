//! The webhook compared with a minimal server, with the same webhook in Go, and behind a real kube-apiserver.
//! Arguments select sections: `cargo bench --bench webhook -- starts`.
#![allow(clippy::pedantic, clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::print_stderr, reason = "the control plane of the tests prints its logs on failure")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(missing_docs, reason = "not a library")]

#[path = "../tests/common/binaries.rs"]
mod binaries;
mod common;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../tests/common/control_plane.rs"]
mod control_plane;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../tests/common/program.rs"]
mod program;

#[path = "webhook/bare.rs"]
mod bare;
#[path = "webhook/end_to_end.rs"]
mod end_to_end;
#[path = "webhook/load.rs"]
mod load;
#[path = "webhook/served.rs"]
mod served;
#[path = "webhook/starts.rs"]
mod starts;

use std::fs;

/// The sections, in order.
const SECTIONS: [(&str, fn()); 5] = [
    ("keep-alive", load::keep_alive),
    ("connections", load::connections),
    ("ranges", load::ranges),
    ("starts", starts::measure),
    ("end-to-end", end_to_end::measure),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [flag, listen, certs] = words.as_slice()
        && flag == bare::FLAG
    {
        return bare::serve(listen, certs);
    }
    for (name, measure) in SECTIONS {
        if words.is_empty() || words.iter().any(|word| word == name) {
            measure();
            println!("  load average: {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
        }
    }
}
