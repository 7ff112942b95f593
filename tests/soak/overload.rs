//! Overload: five times the maximum throughput. So that one machine can generate that load, the server gets a part of
//! a core.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::{Connection, request, trusting};
use crate::generator::{LoadTarget, Outcome, generate_load};
use crate::measure::{goal, memory, percentile};
use crate::program::{Server, fixtures};
use crate::throttle::{SHARE, Throttle};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
/// The first rate of the search for the maximum, and the duration of each step.
const FIRST_RATE: f64 = 100.0;
const STEP_DURATION: Duration = Duration::from_secs(3);
/// The duration of the overload.
const OVERLOAD_DURATION: Duration = Duration::from_secs(10);
/// The rate as a multiple of the maximum.
const OVERLOAD_FACTOR: f64 = 5.0;
const GENERATORS: usize = 2;
/// The allowed growth of the memory in MiB.
const MAX_MEMORY_GROWTH: f64 = 64.0;

pub fn run() {
    println!("\nOverload; the server gets {SHARE} of a core");
    let server = Server::start_with(DENY_ALL, &["--log-level", "info,servicecidr_guard::server::http::admission=warn"]);
    let create = fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(&fs::read(server.path("ca.crt")).unwrap());
    let request = request(&create);
    let answer = Connection::open(address, &trust).unwrap().send(&request).unwrap().body;
    let target = LoadTarget { address, trust, request, answer };
    let throttle = Throttle::start(server.child.id());

    let max_throughput = max_throughput(&target);
    println!("  {:.0} requests per second for {OVERLOAD_DURATION:?}", max_throughput * OVERLOAD_FACTOR);
    let before = memory(&server, "VmRSS");
    let outcome = run_load(&target, max_throughput * OVERLOAD_FACTOR, OVERLOAD_DURATION);
    let goodput = outcome.correct() as f64 / OVERLOAD_DURATION.as_secs_f64();
    print_outcome(&outcome);
    let Outcome { mut on_open, mut on_new, mut rejected, .. } = outcome;
    for (name, durations) in [("open", &mut on_open), ("new", &mut on_new)] {
        let (count, median) = (durations.len(), percentile(durations, 0.5));
        println!("  on {name} connections: {count} correct responses, p50 {median:.0} ms");
    }
    goal(
        "correct responses at 5x, share of the maximum",
        goodput / max_throughput,
        goodput / max_throughput >= 0.8,
        ">= 0.8",
    );
    let slow = percentile(&mut on_open, 0.99);
    goal("p99 on open connections, ms", slow, slow <= 250.0, "<= 250");
    let slow = percentile(&mut on_new, 0.99);
    goal("p99 on new connections, with the handshake, ms", slow, slow <= 250.0, "<= 250");
    if rejected.is_empty() {
        println!("  no request got 503 (docs/decisions/0012-room-for-new-connections.md)");
    } else {
        let excess = percentile(&mut rejected, 0.99);
        goal("p99 of 503 responses, ms", excess, excess <= 50.0, "<= 50");
    }
    let more = memory(&server, "VmHWM") - before;
    goal("growth of the peak memory, MiB", more, more <= MAX_MEMORY_GROWTH, "<= 64");
    let began = Instant::now();
    let mut recovered = Connection::open(target.address, &target.trust).unwrap();
    assert_eq!(recovered.send(&target.request).unwrap().body, target.answer);
    let recovery = began.elapsed().as_secs_f64();
    goal("from the end of the overload to a response, s", recovery, recovery <= 2.0, "<= 2");
    drop(throttle);
}

/// The maximum of correct responses per second: the rate grows until responses don't follow.
fn max_throughput(target: &LoadTarget) -> f64 {
    let (mut max_throughput, mut rate) = (0.0_f64, FIRST_RATE);
    loop {
        let goodput = run_load(target, rate, STEP_DURATION).correct() as f64 / STEP_DURATION.as_secs_f64();
        println!("  {rate:>6.0} requests per second, {goodput:>6.0} correct responses");
        max_throughput = max_throughput.max(goodput);
        if goodput < rate * 0.8 {
            return max_throughput;
        }
        rate *= 1.5;
    }
}

fn run_load(target: &LoadTarget, rate: f64, lasting: Duration) -> Outcome {
    let all: Vec<Outcome> = thread::scope(|scope| {
        let one = || generate_load(target.clone(), rate / GENERATORS as f64, lasting);
        let threads: Vec<_> = (0..GENERATORS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    all.into_iter().fold(Outcome::default(), |mut sum, one| {
        sum.on_open.extend(one.on_open);
        sum.on_new.extend(one.on_new);
        sum.rejected.extend(one.rejected);
        sum.disconnected += one.disconnected;
        sum.timed_out += one.timed_out;
        sum.not_sent += one.not_sent;
        sum.connections += one.connections;
        sum
    })
}

fn print_outcome(outcome: &Outcome) {
    println!(
        "  {} correct, {} times 503, {} disconnected, {} not within 5 s, {} not sent; {} connections",
        outcome.correct(),
        outcome.rejected.len(),
        outcome.disconnected,
        outcome.timed_out,
        outcome.not_sent,
        outcome.connections
    );
}
