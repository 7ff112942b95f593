//! What a million addresses cost the program: time and memory, at first and again.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use serde::de::IgnoredAny;

use crate::COUNT;
use crate::common::api::Api;
use crate::common::cluster::{in_list_order, pages, v4};
use crate::common::program::Program;
use crate::common::table::{Table, goal, once};

/// How long the memory of a program takes to be what it stays.
const SETTLED: Duration = Duration::from_millis(500);
/// How many cold loads are measured.
const LOADS: usize = 3;

/// G8 and G10 of the real program: gives one that knows everything.
pub fn cold(api: &Api, none: &Program, empty: &Program) -> Program {
    let mut table = Table::new(&["the program, to the end of its first list", "serde_json, every value skipped"]);
    let mut last = None;
    for _ in 0..LOADS {
        drop(last.take());
        let program = Program::start(Some(api));
        program.wait_for_list(1);
        table.push(&[program.process.cpu(), skipped()]);
        last = Some(program);
    }
    table.print("G8: the cold load of 1,000,000 IPAddresses from an API server");
    let full = last.expect("one was loaded");
    thread::sleep(SETTLED);
    println!("\nG8, G10: resident memory");
    let rows = [("--inventory none", none), ("1 ServiceCIDR, no address", empty), ("1,000,000 addresses", &full)];
    for (label, program) in rows {
        let (now, peak) = (program.process.memory("VmRSS"), program.process.memory("VmHWM"));
        println!("  {label:<52} {now:>6.1} MiB, peak {peak:>6.1} MiB");
    }
    let each = (full.process.memory("VmRSS") - empty.process.memory("VmRSS")) * 1024.0 * 1024.0 / f64::from(COUNT);
    println!("  {:<52} {each:>6.1} bytes", "an address more");
    goal("G8 peak", full.process.memory("VmHWM"), 96.0, " MiB");
    full
}

/// R38: everything is listed anew while it is known.
pub fn relist(api: &Api, full: &Program) {
    println!("\nR38: a relist of 1,000,000 IPAddresses after a 410");
    let mut ratios = Vec::new();
    for time in 1..=LOADS {
        thread::sleep(SETTLED);
        full.process.forget_peak();
        let (before, cpu) = (full.process.memory("VmRSS"), full.process.cpu());
        api.compact();
        full.wait_for_list(1 + time);
        let cpu = (full.process.cpu() - cpu) / 1e9;
        let peak = full.process.memory("VmHWM");
        println!("  steady {before:>6.1} MiB, peak {peak:>6.1} MiB, {cpu:.2} s of CPU");
        ratios.push(peak / before);
    }
    goal("R38 peak / steady, worst", ratios.iter().copied().fold(0.0, f64::max), 1.3, "x");
    goal("G8 peak after all", full.process.memory("VmHWM"), 96.0, " MiB");
    for path in ["/report", "/metrics"] {
        drop(full.get(path));
    }
    println!("  {:<52} {:>6.1} MiB", "after a report", full.process.memory("VmRSS"));
}

/// The least that reads JSON: where its values end.
fn skipped() -> f64 {
    let mut time = 0.0;
    pages(in_list_order(COUNT).map(|number| (v4(number).into(), number)), |page| {
        time += once(|| drop(black_box(serde_json::from_str::<IgnoredAny>(page))));
    });
    time
}
