//! The cost of 10,000 events per second, and the latency meanwhile.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::WatchEvent;

use crate::DISJOINT_CIDR;
use crate::common::api::{Api, event};
use crate::common::client::Client;
use crate::common::cluster::v4;
use crate::common::program::Program;
use crate::common::table::{Table, goal, once};
use crate::latency::{Latency, percentiles};

/// Events per second.
const RATE: u32 = 10_000;
/// The duration of a measurement, without and with requests.
const TURN_DURATION: Duration = Duration::from_secs(2);
/// The time to wait after a change of the rate.
const SETTLE_TIME: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

pub fn measure(api: &Api, full: &Program) {
    let quick = format!("{RATE} events a second");
    let mut cpu = Table::new(&[
        &quick,
        "no events",
        "Frame::decode of the events, a part of it",
        "serde_json, every value of the events skipped",
    ]);
    let mut latency = Latency::new(&[&quick, "no events"]);
    let mut client = Client::new(&full.target, DISJOINT_CIDR, false, r#""allowed":true"#);
    let kind = |number: u32| if number.is_multiple_of(2) { "ADDED" } else { "DELETED" };
    let lines = (1..=RATE).map(|number| event(kind(number), v4(number).into(), number, number));
    let lines: Vec<String> = lines.collect();
    for round in 0..=ROUNDS {
        let (idle, calm) = turn(full, &mut client);
        let (began, sent) = (Instant::now(), api.sent_events());
        api.set_event_rate(RATE.into());
        thread::sleep(SETTLE_TIME);
        let (busy, churned) = turn(full, &mut client);
        let rate = (api.sent_events() - sent) as f64 / began.elapsed().as_secs_f64();
        api.set_event_rate(0);
        thread::sleep(SETTLE_TIME);
        assert!(rate > 0.95 * f64::from(RATE), "the API server sent only {rate:.0} events a second");
        let decode =
            |line: &String| drop(black_box(WatchEvent::decode(ResourceKind::IpAddresses, line.as_bytes()).unwrap()));
        let decoded = once(|| lines.iter().for_each(decode));
        let baseline = once(|| lines.iter().for_each(|line| drop(black_box(serde_json::from_str::<IgnoredAny>(line)))));
        if round > 0 {
            cpu.push(&[busy, idle, decoded, baseline]);
            let both = |percentile: usize| vec![churned[percentile][0], calm[percentile][0]];
            latency.push(&[both(0), both(1)]);
        }
    }
    cpu.print("CPU time per second, without requests");
    goal("share of a core", cpu.median(0) / 1e7, 5.0, " %");
    goal("share of a core, events only", (cpu.median(0) - cpu.median(1)) / 1e7, 5.0, " %");
    latency.print("A CREATE over TLS");
    goal("p99 with events / without", latency.p99.ratio(0, 1), 1.5, "x");
}

/// CPU time per second, and then the latency percentiles.
fn turn(full: &Program, client: &mut Client) -> (f64, [Vec<f64>; 2]) {
    let (began, before) = (Instant::now(), full.process.cpu());
    thread::sleep(TURN_DURATION);
    let share = (full.process.cpu() - before) / began.elapsed().as_secs_f64();
    (share, percentiles(&mut [client]))
}
