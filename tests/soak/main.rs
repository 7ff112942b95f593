//! `make soak`: the release build under load for minutes or hours. Fails if a response is wrong, and prints the
//! resource usage with its goals.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for developers fails by panicking"
)]

#[path = "../common/authority.rs"]
mod authority;
#[path = "../../benches/common/mod.rs"]
mod common;
#[path = "../common/connection.rs"]
mod connection;
#[path = "../common/crowd.rs"]
mod crowd;
mod generator;
mod measure;
mod overload;
#[path = "../common/policies.rs"]
mod policies;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/program.rs"]
mod program;
#[path = "../common/slope.rs"]
mod slope;
mod steady;
mod strangers;
mod throttle;
#[path = "../common/volume.rs"]
mod volume;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().map_or(3, |minutes| minutes.parse().expect("MINUTES is a number"));
    let part = arguments.next().unwrap_or_default();
    let is_asked = |name: &str| part.is_empty() || part == name;
    assert!(
        ["", "reloads", "overload", "strangers", "steady"].contains(&part.as_str()),
        "PART is reloads, overload, strangers or steady"
    );
    if is_asked("reloads") {
        println!("Two policies alternate under load");
        policies::run_alternating_policies(100_000, 1_000);
    }
    if is_asked("overload") {
        overload::run();
    }
    if is_asked("strangers") {
        strangers::run();
    }
    if is_asked("steady") {
        steady::run(minutes);
    }
}
