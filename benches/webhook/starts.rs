//! Time to the first response, and the size of the program.

use std::fs;
use std::path::Path;

use crate::common::api::Api;
use crate::common::peer;
use crate::common::table::{ROUNDS, Table, goal};
use crate::served::{self, BARE, NET_HTTP, OURS, RULES, RUNTIME, Served};

type Start<'a> = (String, Box<dyn Fn() -> Option<Served> + 'a>);

pub fn measure() {
    let api = Api::start(1_000, 0);
    let rules = format!("{RULES}noOverlap: {{validationActions: [Deny]}}\n");
    times(
        "with 1,000 ServiceCIDRs",
        vec![
            (format!("{OURS}, to /readyz with 200"), Box::new(|| Some(served::ours(OURS, Some(&api), &rules, &[])))),
            (format!("{RUNTIME}, its cache, to a connection"), Box::new(|| served::runtime(Some(&api)))),
        ],
    );
    times(
        "without a cluster",
        vec![
            (format!("{OURS}, to /readyz with 200"), Box::new(|| Some(served::ours(OURS, None, RULES, &[])))),
            (format!("{NET_HTTP}, to a connection"), Box::new(served::net_http)),
            (format!("{RUNTIME}, to a connection"), Box::new(|| served::runtime(None))),
            (format!("{BARE}, to a connection"), Box::new(|| Some(served::bare()))),
        ],
    );
    sizes();
}

fn times(what: &str, starts: Vec<Start<'_>>) {
    let starts: Vec<Start<'_>> = starts.into_iter().filter(|(_, start)| start().is_some()).collect();
    let labels: Vec<&str> = starts.iter().map(|(label, _)| label.as_str()).collect();
    let mut table = Table::new(&labels);
    for _ in 0..ROUNDS {
        let once = |(_, start): &Start<'_>| start().expect("the peer has started before").ready_after.as_nanos() as f64;
        table.push(&starts.iter().map(once).collect::<Vec<f64>>());
    }
    table.print_of(&format!("From the start of the process, {what}"), "time");
    for (place, label) in labels.iter().enumerate().filter(|(_, label)| label.starts_with("Go")) {
        goal(&format!("start / {label}"), table.ratio(0, place), 0.5, "x");
    }
}

fn sizes() {
    let size = |path: &Path| fs::metadata(path).unwrap().len() as f64 / 1e6;
    let ours = size(env!("CARGO_BIN_EXE_servicecidr-guard").as_ref());
    println!("\nThe size of the program, stripped");
    println!("  {OURS:<52} {ours:>6.2} MB");
    goal("size", ours, 12.0, " MB");
    for (label, name) in [(NET_HTTP, "nethttp"), (RUNTIME, "runtime")] {
        if let Some(path) = peer::program(name) {
            println!("  {label:<52} {:>6.2} MB", size(&path));
            goal(&format!("size / {label}"), ours / size(&path), 0.6, "x");
        }
    }
}
