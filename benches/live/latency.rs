//! `Latency`: several clients that send requests in turns.

use crate::common::client::Client;
use crate::common::table::{ROUNDS, Table};

/// Requests of each client per round.
const REQUESTS: usize = 2_500;

pub struct Latency {
    pub p50: Table,
    pub p99: Table,
}

/// p50 and p99 of every client.
pub fn percentiles(clients: &mut [&mut Client]) -> [Vec<f64>; 2] {
    let mut times = vec![Vec::with_capacity(REQUESTS); clients.len()];
    for _ in 0..REQUESTS {
        for (client, times) in clients.iter_mut().zip(&mut times) {
            times.push(client.send());
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    [50, 99].map(|percent| times.iter().map(|times| times[REQUESTS * percent / 100]).collect())
}

impl Latency {
    pub fn new(labels: &[&str]) -> Self {
        Self { p50: Table::new(labels), p99: Table::new(labels) }
    }

    pub fn push(&mut self, [p50, p99]: &[Vec<f64>; 2]) {
        self.p50.push(p50);
        self.p99.push(p99);
    }

    /// Measures all clients, after one warm-up round.
    pub fn measure(title: &str, mut cases: Vec<(&str, Client)>) -> Self {
        let labels: Vec<&str> = cases.iter().map(|(label, _)| *label).collect();
        let mut all = Self::new(&labels);
        let mut clients: Vec<&mut Client> = cases.iter_mut().map(|(_, client)| client).collect();
        for round in 0..=ROUNDS {
            let sample = percentiles(&mut clients);
            if round > 0 {
                all.push(&sample);
            }
        }
        all.print(title);
        all
    }

    pub fn print(&self, title: &str) {
        self.p50.print_of(&format!("{title}: p50 of {REQUESTS} a round"), "time to the answer");
        self.p99.print_of(&format!("{title}: p99 of {REQUESTS} a round"), "time to the answer");
    }
}
