//! Steady load: requests, events and reloads, and the resource usage.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::authority::Authority;
use crate::common::api::Api;
use crate::connection::{Connection, trusting};
use crate::measure::{descriptors, goal, memory, percentile};
use crate::policies::{FIRST_POLICY, SECOND_POLICY, reviews};
use crate::program::{Server, eventually};
use crate::slope::slope;
use crate::volume::Volume;

const CLIENTS: u32 = 16;
/// Requests and events per second.
const REQUESTS: u32 = 2_000;
const EVENTS: u64 = 200;
/// The number of requests per connection.
const CONNECTION_LIFE: usize = 2_000;
/// The interval of policy reloads and of measurements.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);
/// The certificate is replaced every so many turns.
const CERTIFICATE_TURNS: usize = 6;
/// The maximum warm-up, and the minimum duration of a run for its slope to count.
const WARM_UP: Duration = Duration::from_secs(600);
const MIN_SLOPE_MINUTES: u64 = 30;

pub fn run(minutes: u64) {
    println!(
        "\nSteady: {REQUESTS} requests and {EVENTS} events per second, a reload every {RELOAD_INTERVAL:?}, for {minutes} min"
    );
    let api = Api::start(100, 20_000);
    let authority = Authority::new();
    let folder = TempDir::new().unwrap();
    let (server, mut volume) = serve(&api, &authority, folder);
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let (trust, reviews) = (trusting(authority.ca.as_bytes()), reviews());
    let open = || Connection::open(address, &trust).unwrap();
    let mut own = open();
    let mut all = || -> Vec<Vec<u8>> { reviews.iter().map(|review| own.send(review).unwrap().body).collect() };
    let mut swap = |files: &[(&str, &[u8])]| {
        volume.update(files);
        server.signal("HUP");
        server.wait_for_log("files read after SIGHUP");
    };
    let policies = [FIRST_POLICY, SECOND_POLICY].map(with_no_overlap);
    let expected = [0, 1].map(|number| {
        swap(&[("policy.yaml", policies[number].as_bytes())]);
        all()
    });
    assert!(expected[0].iter().zip(&expected[1]).all(|(one, other)| one != other));
    api.set_event_rate(EVENTS);

    let (is_over, response_count, times) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let client = |number: u32| {
        let (mut connection, mut own_times) = (open(), Vec::new());
        let every = Duration::from_secs(1) * CLIENTS / REQUESTS;
        let mut due = Instant::now() + every * number / CLIENTS;
        for turn in 1.. {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let place = turn % reviews.len();
            let reply = connection.send(&reviews[place]).unwrap();
            let is_right = reply.status == 200 && expected.iter().any(|answers| answers[place] == reply.body);
            assert!(is_right, "a wrong response: {}", String::from_utf8_lossy(&reply.body));
            own_times.push(due.elapsed());
            due += every;
            response_count.fetch_add(1, Ordering::Relaxed);
            if turn % CONNECTION_LIFE == 0 {
                connection = open();
            }
            if is_over.load(Ordering::Relaxed) {
                break;
            }
        }
        times.lock().unwrap().append(&mut own_times);
    };
    let began = Instant::now();
    let (mut resident, mut open_files) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = &client;
            scope.spawn(move || client(number));
        }
        println!("  {:>8} {:>10} {:>8} {:>6} {:>8}", "s", "requests", "RSS MiB", "fds", "events");
        for turn in 1.. {
            thread::sleep((RELOAD_INTERVAL * turn as u32).saturating_sub(began.elapsed()));
            if began.elapsed() > Duration::from_secs(minutes * 60) || is_over.load(Ordering::Relaxed) {
                break;
            }
            let seconds = began.elapsed().as_secs_f64();
            resident.push((seconds, memory(&server, "VmRSS")));
            open_files.push((seconds, descriptors(&server) as f64));
            let (now, files) = (resident.last().unwrap().1, open_files.last().unwrap().1);
            println!(
                "  {seconds:>8.0} {:>10} {now:>8.2} {files:>6} {:>8}",
                response_count.load(Ordering::Relaxed),
                api.sent_events()
            );
            swap(&[("policy.yaml", policies[turn % 2].as_bytes())]);
            if turn % CERTIFICATE_TURNS == 0 {
                let pair = authority.sign();
                swap(&[("tls.crt", pair.cert.as_bytes()), ("tls.key", pair.key.as_bytes())]);
                assert_eq!(open().certificate(), pair.der, "the new certificate is not served");
            }
            // Like Prometheus and the kubelet.
            assert_eq!(server.get(&format!("{}/readyz", server.health)).status(), 200);
            assert_eq!(server.get(&format!("{}/livez", server.health)).status(), 200);
            assert_eq!(server.get(&format!("{}/metrics", server.health)).status(), 200);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let (response_count, mut times) = (response_count.into_inner(), times.into_inner().unwrap());
    let rate = response_count as f64 / began.elapsed().as_secs_f64();
    println!(
        "  {response_count} correct responses; {rate:.0} per second, {:.0} events per second",
        api.sent_events() as f64 / began.elapsed().as_secs_f64()
    );
    println!(
        "  p50 {:.2} ms, p99 {:.2} ms from the scheduled time",
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99)
    );
    assert!(api.sent_events() > 0, "no event was sent");
    slopes(minutes, &resident, &open_files);
}

fn slopes(minutes: u64, resident: &[(f64, f64)], open_files: &[(f64, f64)]) {
    let end = resident.last().map_or(0.0, |sample| sample.0);
    let warm = WARM_UP.as_secs_f64().min(end / 3.0);
    let hourly = |samples: &[(f64, f64)]| {
        let warm: Vec<(f64, f64)> = samples.iter().filter(|(time, _)| *time > warm).copied().collect();
        slope(&warm).map_or(f64::NAN, |slope| slope * 3600.0)
    };
    println!("  after {warm:.0} s of warm-up, by least squares:");
    let (memory, files) = (hourly(resident), hourly(open_files));
    if minutes >= MIN_SLOPE_MINUTES {
        goal("RSS, MiB per hour", memory, memory <= 1.0, "<= 1");
        goal("file descriptors per hour", files, files.abs() < 1.0, "constant");
    } else {
        println!(
            "  RSS {memory:+.2} MiB, file descriptors {files:+.2} per hour; goals apply to runs of at least {MIN_SLOPE_MINUTES} minutes"
        );
    }
}

/// A policy that needs the inventory, and whose responses don't change with the addresses.
fn with_no_overlap(policy: &str) -> String {
    policy.replace("preview: {warnOn: Always}", "noOverlap: {}")
}

fn serve(api: &Api, authority: &Authority, folder: TempDir) -> (Server, Volume) {
    let pair = authority.sign();
    fs::write(folder.path().join("ca.crt"), &authority.ca).unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let cluster = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", api.address)}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    });
    fs::write(&kubeconfig, cluster.to_string()).unwrap();
    let files = [("policy.yaml", with_no_overlap(SECOND_POLICY)), ("tls.crt", pair.cert), ("tls.key", pair.key)];
    let volume = Volume::mount(folder.path(), files.map(|(name, text)| (name, text.into_bytes())).to_vec());
    let more = ["--inventory", "cluster", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let server = Server::serve_with(folder, "policy.yaml", "tls.crt", "tls.key", &more);
    eventually("the webhook is ready", || server.get(&format!("{}/readyz", server.health)).status() == 200);
    eventually("the addresses are read", || server.get(&format!("{}/report", server.health)).status() == 200);
    (server, volume)
}
