//! A thousand random faults while objects change, and the rate of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::WatchConfig;

use super::api_server;
use super::fake_api_server::FakeApiServer;
use super::fake_cluster::{
    ADDRESSES, FakeResponse, Fault, NODES, RecordedRequest, SERVICE_CIDRS, address, node, service_cidr,
};
use super::follower::{FAST_CONFIG, Follower, until};

const FAULTS: usize = 1000;

/// Xorshift: the same numbers in every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn fault(&mut self, request: &RecordedRequest) -> FakeResponse {
        let all = [
            FakeResponse::CloseConnection,
            FakeResponse::Status(429, "", ""),
            FakeResponse::Status(500, "", ""),
            FakeResponse::Status(410, "", ""),
        ];
        match (self.below(3), request.is_watch()) {
            (0, _) => all[self.below(all.len())].clone(),
            (_, false) => {
                [FakeResponse::Truncated, FakeResponse::Hang, FakeResponse::Body("{\"kind\":")][self.below(3)].clone()
            }
            (_, true) => {
                let faults = [
                    Fault::Disconnect,
                    Fault::DisconnectMidEvent,
                    Fault::EndMidEvent,
                    Fault::EndResponse,
                    Fault::Error(410),
                    Fault::Error(500),
                    Fault::InvalidLine("{"),
                    Fault::DuplicateEvent,
                    Fault::RepeatOldEvent,
                    Fault::Silence,
                ];
                FakeResponse::EventsThenFault(self.below(4), faults[self.below(faults.len())])
            }
        }
    }

    fn change(&mut self, api_server: &FakeApiServer) {
        let mut cluster = api_server.cluster();
        let number = self.below(60);
        match self.below(20) {
            0 => {
                cluster
                    .put(SERVICE_CIDRS, service_cidr(&format!("c{}", number % 9), &[&format!("10.{number}.0.0/16")]));
            }
            1 => cluster.delete(SERVICE_CIDRS, &format!("c{}", number % 9)),
            2 => cluster.put(NODES, node(&format!("n{number}"), &[&format!("10.244.{number}.0/24")], "192.0.2.1")),
            3 => cluster.delete(NODES, &format!("n{number}")),
            4 if number < 6 => cluster.compact(),
            4..7 => cluster.bookmark([SERVICE_CIDRS, ADDRESSES, NODES][number % 3]),
            7..13 => cluster.delete(ADDRESSES, &format!("10.96.0.{number}")),
            _ => cluster.put(ADDRESSES, address(&format!("10.96.0.{number}"), &format!("s{}", self.below(9)))),
        }
    }
}

#[test]
fn inventory_is_correct_after_1000_faults() {
    let api_server = Arc::new(api_server(20));
    let injected = Arc::new(AtomicUsize::new(0));
    let (mut rng, count) = (Rng(0x9e37_79b9_7f4a_7c15), Arc::clone(&injected));
    api_server.respond_with(move |request| {
        if count.load(Ordering::SeqCst) == FAULTS || rng.below(4) == 0 {
            return FakeResponse::Normal;
        }
        count.fetch_add(1, Ordering::SeqCst);
        rng.fault(request)
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let (its, over) = (Arc::clone(&api_server), Arc::clone(&is_over));
    let writer = thread::spawn(move || {
        let mut rng = Rng(0x2545_f491_4f6c_dd1d);
        while !over.load(Ordering::SeqCst) {
            rng.change(&its);
            thread::sleep(Duration::from_millis(1));
        }
    });
    let short = Duration::from_millis(60);
    let backoff_max = Duration::from_millis(12);
    let timing = WatchConfig {
        backoff_max,
        idle_timeout: short,
        response_timeout: short,
        page_timeout: 2 * short,
        ..FAST_CONFIG
    };
    api_server.cluster().watch_lifetime = short / 2;
    let follower = Follower::start(&api_server, timing);
    until("a thousand faults", || injected.load(Ordering::SeqCst) == FAULTS);
    is_over.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    follower.wait_until_synced(&api_server);
    // It stays synced, so this was not a coincidence.
    thread::sleep(4 * short);
    follower.wait_until_synced(&api_server);
    for kind in ResourceKind::ALL {
        let status = follower.status(kind);
        assert!(status.is_listed && status.relists > 0 && status.reconnects > 0, "{kind:?}: {status:?}");
    }
}

/// A second of a cluster takes 20 ms in this test.
const SECOND: Duration = Duration::from_millis(20);

#[test]
fn constant_faults_cause_at_most_one_request_per_second() {
    let faults: [fn(&RecordedRequest) -> FakeResponse; 5] = [
        |_| FakeResponse::Status(500, "", ""),
        |_| FakeResponse::CloseConnection,
        |request| {
            if request.is_watch() { FakeResponse::EventsThenFault(0, Fault::EndResponse) } else { FakeResponse::Normal }
        },
        |request| if request.is_watch() { FakeResponse::Status(410, "", "") } else { FakeResponse::Normal },
        |request| {
            if request.is_watch() {
                FakeResponse::EventsThenFault(0, Fault::InvalidLine("?"))
            } else {
                FakeResponse::Normal
            }
        },
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let api_server = api_server(3);
        api_server.respond_with(fault);
        let began = Instant::now();
        let timing =
            WatchConfig { backoff_initial: SECOND, backoff_max: 30 * SECOND, stable_after: 5 * SECOND, ..FAST_CONFIG };
        let follower = Follower::start(&api_server, timing);
        thread::sleep(80 * SECOND);
        let (elapsed, cluster) = (began.elapsed(), api_server.cluster());
        for path in [SERVICE_CIDRS, ADDRESSES] {
            let count = cluster.requests.iter().filter(|request| request.path == path).count();
            let count = u32::try_from(count).unwrap();
            assert!(count >= 5, "fault {number}: only {count} requests");
            assert!(2 * count * SECOND <= elapsed, "fault {number}: {count} requests in {elapsed:?}");
        }
        drop(cluster);
        drop(follower);
    }
}

#[test]
fn default_backoff_stays_below_one_request_per_second() {
    let timing = WatchConfig::default();
    for chance in [0, u16::MAX / 2, u16::MAX] {
        let (mut time, mut requests) = (Duration::ZERO, 0);
        for failures in 1.. {
            requests += 1;
            let pause = timing.pause(failures, chance, None);
            assert!(pause >= Duration::from_millis(500) && pause <= Duration::from_secs(30), "{failures}: {pause:?}");
            time += pause;
            if time > Duration::from_secs(60) {
                break;
            }
        }
        // Three kinds are watched.
        assert!(3 * requests <= 60, "{requests} requests of a kind in a minute");
    }
    assert_eq!(timing.pause(u32::MAX, 0, None), Duration::from_secs(15));
    assert_eq!(timing.pause(1, 0, Some(Duration::from_secs(86_400))), Duration::from_secs(300));
}
