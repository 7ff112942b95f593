//! Memory and file descriptors of the server, percentiles, and goals.

use std::fs;
use std::time::Duration;

use crate::program::Server;

/// Memory in MiB: `VmRSS`, or `VmHWM`, the peak.
pub fn memory(server: &Server, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// The number of open files.
pub fn descriptors(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count()
}

/// A percentile in milliseconds; NaN without samples.
pub fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Prints a goal and whether it is met.
pub fn goal(what: &str, value: f64, is_met: bool, goal: &str) {
    println!("  {what:<58} {value:>9.2}   goal {goal}: {}", if is_met { "met" } else { "MISSED" });
}
