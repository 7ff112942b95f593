//! The cost of a response: on keep-alive connections, on new connections, and with many allowed ranges.

use std::thread;
use std::time::Instant;

use crate::common::client::Client;
use crate::common::cluster::disjoint;
use crate::common::table::{ROUNDS, Table, goal};
use crate::served::{self, BARE, NET_HTTP, RULES, RUNTIME, Served};

/// Keep-alive connections, and requests over all of them per turn.
const CONNECTIONS: usize = 16;
const REQUESTS: usize = 8_000;
/// Requests per turn on one connection.
const REQUESTS_ALONE: usize = 2_500;
/// New connections per turn, with one request each.
const OPENED: usize = 250;

/// Measurements of all webhooks with a number of connections.
struct Load {
    cpu: Table,
    wall: Table,
    p50: Table,
    p99: Table,
}

/// CPU time, latency and memory with keep-alive connections.
pub fn keep_alive() {
    let mut all = served::all();
    all.insert(1, served::ours("the same with --log-level warn", None, RULES, &["--log-level", "warn"]));
    let load = Load::measure(&all, CONNECTIONS, REQUESTS);
    println!("\nRequests per second with {CONNECTIONS} connections, median");
    for (place, served) in all.iter().enumerate() {
        println!("  {:<52} {:>10.0}", served.label, 1e9 / load.wall.median(place));
    }
    let place = |label| all.iter().position(|served| served.label == label);
    let goals = [(BARE, 1.35), (NET_HTTP, 0.35), (RUNTIME, 0.30)];
    for (label, limit) in goals {
        if let Some(place) = place(label) {
            goal(&format!("CPU / {label}"), load.cpu.ratio(0, place), limit, "x");
        }
    }
    let request_count = (ROUNDS + 1) * REQUESTS;
    println!("\nResident memory after {request_count} requests on {CONNECTIONS} connections");
    let memory: Vec<f64> = all.iter().map(|served| served.process.memory("VmRSS")).collect();
    for (served, its) in all.iter().zip(&memory) {
        println!("  {:<52} {its:>6.1} MiB, first / this {:.2}x", served.label, memory[0] / its);
    }
    for label in [NET_HTTP, RUNTIME] {
        if let Some(place) = place(label) {
            goal(&format!("memory / {label}"), memory[0] / memory[place], 0.5, "x");
        }
    }
    // Not in turns of one request: two processes of one program would share the caches.
    let alone = Load::measure(&all, 1, REQUESTS_ALONE);
    let bare = place(BARE).expect("the bare server always runs");
    goal("p50 / bare", alone.p50.ratio(0, bare), 1.15, "x");
    goal("p99 / bare", alone.p99.ratio(0, bare), 1.5, "x");
}

/// CPU time with a TLS handshake for every request.
pub fn connections() {
    let all = served::all();
    let labels: Vec<&str> = all.iter().map(|served| served.label).collect();
    let mut table = Table::new(&labels);
    for round in 0..=ROUNDS {
        let sample: Vec<f64> = all.iter().map(opened).collect();
        if round > 0 {
            table.push(&sample);
        }
    }
    table.print_of("A new TLS connection for each request", "CPU time a connection");
    for (place, label) in labels.iter().enumerate().filter(|(_, label)| [NET_HTTP, RUNTIME].contains(label)) {
        goal(&format!("CPU / {label}"), table.ratio(0, place), 0.75, "x");
    }
}

fn opened(served: &Served) -> f64 {
    let before = served.process.cpu();
    (0..OPENED).for_each(|_| drop(served.client()));
    (served.process.cpu() - before) / OPENED as f64
}

/// Latency with many allowed ranges.
pub fn ranges() {
    let many: Vec<String> = disjoint().iter().skip(1).map(ToString::to_string).collect();
    let many = format!("allowedRanges: {{ranges: [{}, 10.96.0.0/16], validationActions: [Deny]}}\n", many.join(", "));
    let one = "allowedRanges: {ranges: [10.96.0.0/16], validationActions: [Deny]}\n";
    let all = [("1,000 allowed ranges", many.as_str()), ("1 allowed range", one)];
    let all = all.map(|(label, rules)| served::ours(label, None, rules, &[]));
    let load = Load::measure(&all, CONNECTIONS, REQUESTS);
    goal("p99 with 1,000 / with 1", load.p99.ratio(0, 1), 1.2, "x");
}

impl Load {
    fn measure(all: &[Served], connections: usize, requests: usize) -> Self {
        let labels: Vec<&str> = all.iter().map(|served| served.label).collect();
        let table = || Table::new(&labels);
        let mut new = Self { cpu: table(), wall: table(), p50: table(), p99: table() };
        let mut clients: Vec<Vec<Client>> =
            all.iter().map(|served| (0..connections).map(|_| served.client()).collect()).collect();
        for round in 0..=ROUNDS {
            let turns: Vec<[f64; 4]> =
                all.iter().zip(&mut clients).map(|(served, its)| turn(served, its, requests)).collect();
            if round > 0 {
                let tables = [&mut new.cpu, &mut new.wall, &mut new.p50, &mut new.p99];
                for (place, table) in tables.into_iter().enumerate() {
                    table.push(&turns.iter().map(|turn| turn[place]).collect::<Vec<f64>>());
                }
            }
        }
        let title = |what: &str| format!("Connections: {connections}, {what}");
        new.cpu.print_of(&title("CPU time of the server"), "CPU time a request");
        new.wall.print_of(&title("throughput"), "time from one answer to the next");
        new.p50.print_of(&title("p50"), "time to the answer");
        new.p99.print_of(&title("p99"), "time to the answer");
        new
    }
}

/// One turn of one webhook: CPU and wall time per request, p50 and p99.
fn turn(served: &Served, clients: &mut [Client], requests: usize) -> [f64; 4] {
    let (began, mut times) = (Instant::now(), Vec::new());
    let each = requests / clients.len();
    let request_count = clients.len() * each;
    let before = served.process.cpu();
    thread::scope(|scope| {
        let send = move |client: &mut Client| (0..each).map(|_| client.send()).collect::<Vec<f64>>();
        let running: Vec<_> = clients.iter_mut().map(|client| scope.spawn(move || send(client))).collect();
        times.extend(running.into_iter().flat_map(|running| running.join().expect("every response is correct")));
    });
    let wall = began.elapsed().as_nanos() as f64;
    let cpu = served.process.cpu() - before;
    times.sort_by(f64::total_cmp);
    [cpu / request_count as f64, wall / request_count as f64, times[request_count / 2], times[request_count * 99 / 100]]
}
