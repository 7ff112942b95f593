//! Strangers: silent, slow, idle and greedy clients keep the port busy while callers measure their responses.

use std::fs;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::{Connection, request, trusting};
use crate::crowd::{Crowd, Running, Sources, Target};
use crate::measure::{descriptors, goal, memory, percentile};
use crate::program::{Server, eventually, fixtures};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
const NEW_CALLERS: usize = 50;
const PAUSE: Duration = Duration::from_millis(40);
const SIZES: [usize; 3] = [400, 1_400, 5_000];
const SOURCES: [Sources; 3] = [Sources::Foreign, Sources::Many, Sources::Own];
/// Crowds with one connection per client. The idle ones are measured with 1,100 and 5,000.
const WIDE: [Crowd; 6] =
    [Crowd::Silent, Crowd::HalfHello, Crowd::SlowHello, Crowd::SlowHead, Crowd::SlowBody, Crowd::Idle];
/// The goals: no response takes longer, the median is at most this multiple of that of an empty port, and the resident
/// memory grows by at most this much, in MiB.
const MAX_DURATION: Duration = Duration::from_secs(1);
const MAX_MEDIAN_RATIO: f64 = 5.0;
const MAX_MEMORY_GROWTH: f64 = 40.0;

struct Measured {
    new: Vec<Duration>,
    open: Vec<Duration>,
    failed: usize,
}

pub fn run() {
    println!("\nStrangers: {NEW_CALLERS} new callers, and one that keeps its connection");
    let server = Server::start_with(DENY_ALL, &["--log-level", "info,servicecidr_guard::server::http::admission=warn"]);
    let address: SocketAddr = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(&fs::read(server.path("ca.crt")).unwrap());
    let request = request(&fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap());
    let target = Target { address, trust, request };
    let expected = Connection::open(address, &target.trust).unwrap().send(&target.request).unwrap().body;
    let (files, before) = (descriptors(&server), memory(&server, "VmRSS"));

    let mut empty = measure(&target, &expected);
    let empty_median = percentile(&mut empty.new, 0.5);
    println!("  empty port: p50 {empty_median:.2} ms, open connection {:.2} ms", percentile(&mut empty.open, 0.5));
    let wide = WIDE.iter().flat_map(|crowd| SIZES.map(|size| (*crowd, size)));
    let narrow = [(Crowd::Pipelined, 1), (Crowd::Handshakes, 1)];
    let mut all: Vec<Vec<(Crowd, usize)>> = wide.chain(narrow).map(|crowd| vec![crowd]).collect();
    all.push(WIDE.map(|crowd| (crowd, 800)).into_iter().chain(narrow).collect());
    let (mut slowest, mut worst_ratio, mut failed, mut most) = (0.0_f64, 0.0_f64, 0, 0.0_f64);
    for crowds in &all {
        for sources in SOURCES {
            let running = Running::start(&target, crowds, sources);
            let wanted = crowds.iter().map(|(_, count)| count).sum::<usize>().min(1_400);
            eventually("the crowd is connected", || running.opened() >= wanted);
            let mut measured = measure(&target, &expected);
            let growth = memory(&server, "VmRSS") - before;
            let median = percentile(&mut measured.new, 0.5);
            let maximum = percentile(&mut measured.new, 1.0).max(percentile(&mut measured.open, 1.0));
            let name = crowds.iter().map(|(crowd, count)| format!("{count} {crowd:?}")).collect::<Vec<_>>().join(", ");
            println!(
                "  {name}, {sources:?}: p50 {median:.2} ms, open {:.2} ms, max {maximum:.1} ms, failed {}, {growth:+.1} MiB",
                percentile(&mut measured.open, 0.5),
                measured.failed
            );
            slowest = slowest.max(maximum);
            worst_ratio = worst_ratio.max(median / empty_median);
            failed += measured.failed;
            most = most.max(growth);
            drop(running);
            eventually("the crowd's files are closed", || descriptors(&server) <= files + 8);
        }
    }
    assert_eq!(failed, 0, "requests without a response");
    goal("slowest response, ms", slowest, slowest <= MAX_DURATION.as_secs_f64() * 1e3, "<= 1000");
    goal("median of new callers, times that of an empty port", worst_ratio, worst_ratio <= MAX_MEDIAN_RATIO, "<= 5");
    goal("growth of the resident memory, MiB", most, most <= MAX_MEMORY_GROWTH, "<= 40");
}

fn measure(target: &Target, expected: &[u8]) -> Measured {
    let (is_over, failed) = (AtomicBool::new(false), Mutex::new(0));
    let call = |connection: Option<Connection>, times: &mut Vec<Duration>| {
        let began = Instant::now();
        let connection = connection.map_or_else(|| Connection::open(target.address, &target.trust), Ok);
        let reply = connection.and_then(|mut connection| Ok((connection.send(&target.request)?, connection)));
        times.push(began.elapsed());
        let reply = reply.ok().filter(|(reply, _)| reply.status == 200 && reply.body == expected);
        reply.map(|(_, connection)| connection)
    };
    let (mut new, mut open) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let kept = scope.spawn(|| {
            let mut connection = None;
            while !is_over.load(Ordering::Relaxed) {
                let was_open = connection.is_some();
                connection = call(connection, &mut open);
                if connection.is_none() && !was_open {
                    *failed.lock().unwrap() += 1;
                }
                thread::sleep(PAUSE);
            }
        });
        for _ in 0..NEW_CALLERS {
            if call(None, &mut new).is_none() {
                *failed.lock().unwrap() += 1;
            }
            thread::sleep(PAUSE);
        }
        is_over.store(true, Ordering::Relaxed);
        kept.join().unwrap();
    });
    Measured { new, open, failed: failed.into_inner().unwrap() }
}
