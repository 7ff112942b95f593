//! CPU time and memory of the first list and of a relist of a million addresses.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use serde::de::IgnoredAny;

use crate::COUNT;
use crate::common::api::Api;
use crate::common::cluster::{in_list_order, pages, v4};
use crate::common::program::Program;
use crate::common::table::{Table, goal, once};

/// The time to wait until the memory is stable.
const SETTLE_TIME: Duration = Duration::from_millis(500);
/// The number of measured loads.
const LOADS: usize = 3;

/// Measures first lists, and returns a server that has read everything.
pub fn first_list(api: &Api, none: &Program, empty: &Program) -> Program {
    let mut table = Table::new(&["the program, to the end of its first list", "serde_json, every value skipped"]);
    let mut last = None;
    for _ in 0..LOADS {
        drop(last.take());
        let program = Program::start(Some(api));
        program.wait_for_list(1);
        table.push(&[program.process.cpu(), skipped()]);
        last = Some(program);
    }
    table.print("The first list of 1,000,000 IPAddresses from an API server");
    let full = last.expect("one was loaded");
    thread::sleep(SETTLE_TIME);
    println!("\nResident memory");
    let rows = [("--inventory none", none), ("1 ServiceCIDR, no address", empty), ("1,000,000 addresses", &full)];
    for (label, program) in rows {
        let (now, peak) = (program.process.memory("VmRSS"), program.process.memory("VmHWM"));
        println!("  {label:<52} {now:>6.1} MiB, peak {peak:>6.1} MiB");
    }
    let each = (full.process.memory("VmRSS") - empty.process.memory("VmRSS")) * 1024.0 * 1024.0 / f64::from(COUNT);
    println!("  {:<52} {each:>6.1} bytes", "per address");
    goal("peak", full.process.memory("VmHWM"), 96.0, " MiB");
    full
}

/// Measures relists.
pub fn relist(api: &Api, full: &Program) {
    println!("\nA relist of 1,000,000 IPAddresses after a 410");
    let mut ratios = Vec::new();
    for time in 1..=LOADS {
        thread::sleep(SETTLE_TIME);
        full.process.reset_peak();
        let (before, cpu) = (full.process.memory("VmRSS"), full.process.cpu());
        api.compact();
        full.wait_for_list(1 + time);
        let cpu = (full.process.cpu() - cpu) / 1e9;
        let peak = full.process.memory("VmHWM");
        println!("  steady {before:>6.1} MiB, peak {peak:>6.1} MiB, {cpu:.2} s of CPU");
        ratios.push(peak / before);
    }
    goal("peak / steady, worst", ratios.iter().copied().fold(0.0, f64::max), 1.3, "x");
    goal("peak after all relists", full.process.memory("VmHWM"), 96.0, " MiB");
    for path in ["/report", "/metrics"] {
        drop(full.get(path));
    }
    println!("  {:<52} {:>6.1} MiB", "after a report", full.process.memory("VmRSS"));
}

/// CPU time to skip over the JSON.
fn skipped() -> f64 {
    let mut time = 0.0;
    pages(in_list_order(COUNT).map(|number| (v4(number).into(), number)), |page| {
        time += once(|| drop(black_box(serde_json::from_str::<IgnoredAny>(page))));
    });
    time
}
