//! Policy and certificate reloads under load: no request fails, and none is evaluated with a mix of two policies.

#[path = "../common/authority.rs"]
mod authority;
#[path = "../common/policies.rs"]
mod policies;
#[path = "../common/volume.rs"]
mod volume;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::connection::{Connection, Reply, request, trusting};
use crate::program::{Server, eventually, fixtures};

use authority::Authority;
use volume::Volume;

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
/// The number of certificate reloads.
const SWAPS: usize = 100;
/// Clients with a keep-alive connection, and clients that open one for each request.
const KEEP_ALIVE_CLIENTS: usize = 9;
const NEW_CONNECTION_CLIENTS: usize = 5;
/// The interval of each client: 1,000 requests per second in total.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_millis(10);
const NEW_CONNECTION_INTERVAL: Duration = Duration::from_millis(50);

/// Repeats an action at an interval until the end.
fn repeat(every: Duration, is_over: &AtomicBool, mut act: impl FnMut()) {
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        act();
        next += every;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

#[test]
fn no_request_fails_during_100_certificate_reloads() {
    let authority = Authority::new();
    let first = authority.sign();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("ca.crt"), &authority.ca).unwrap();
    let files = [("policy.yaml", DENY_ALL), ("tls.crt", &first.cert), ("tls.key", &first.key)];
    let files = files.map(|(name, text)| (name, text.as_bytes().to_vec())).to_vec();
    let mut volume = Volume::mount(folder.path(), files);
    let quiet = ["--log-level", "info,servicecidr_guard::server::http::admission=warn"];
    let server = Server::serve_with(folder, "policy.yaml", "tls.crt", "tls.key", &quiet);
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(authority.ca.as_bytes());
    let create = request(&fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap());
    let open = || Connection::open(address, &trust).unwrap();
    let expected = open().send(&create).unwrap();
    assert_eq!(expected.status, 200);
    let without_date = |reply: Reply| (reply.status, reply.body);
    let expected = Arc::new(without_date(expected));

    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let check = |connection: &mut Connection| {
        assert_eq!(without_date(connection.send(&create).unwrap()), *expected);
        answered.fetch_add(1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for _ in 0..KEEP_ALIVE_CLIENTS {
            // A keep-alive connection with the first certificate.
            let mut connection = open();
            assert_eq!(connection.certificate(), first.der);
            let (is_over, check) = (&is_over, &check);
            scope.spawn(move || repeat(KEEP_ALIVE_INTERVAL, is_over, || check(&mut connection)));
        }
        for _ in 0..NEW_CONNECTION_CLIENTS {
            scope.spawn(|| repeat(NEW_CONNECTION_INTERVAL, &is_over, || check(&mut open())));
        }
        for _ in 0..SWAPS {
            let pair = authority.sign();
            let before = answered.load(Ordering::Relaxed);
            volume.update(&[("tls.crt", pair.cert.as_bytes()), ("tls.key", pair.key.as_bytes())]);
            server.signal("HUP");
            eventually("the new certificate is served", || open().certificate() == pair.der);
            // Every certificate is used under load.
            eventually("requests got responses", || answered.load(Ordering::Relaxed) >= before + 50);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    println!("{} requests", answered.load(Ordering::Relaxed));
    assert_eq!(server.metric(r#"servicecidr_guard_tls_reloads_total{result="success"}"#).unwrap(), SWAPS.to_string());
    assert_eq!(server.metric(r#"servicecidr_guard_tls_reloads_total{result="failure"}"#).unwrap(), "0");
}

#[test]
fn responses_never_mix_two_policies() {
    // `make soak` sends 100,000 requests during 1,000 reloads.
    policies::run_alternating_policies(20_000, 200);
}
