//! Strangers keep the webhook's port busy, and idle connections of kube-apiserver are closed, while kube-apiserver
//! sends reviews: no request fails, because its HTTP client opens a new connection.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::connection::{request, trusting};
use crate::control_plane::ControlPlane;
use crate::crowd::{Crowd, Running, Sources, Target};
use crate::program::{eventually, fixtures};
use crate::webhook::{self, ALLOWED, create};

/// Bursts of dry-run requests, and the pause between two of them: all connections of kube-apiserver are idle then.
const BURSTS: usize = 25;
const REQUESTS_PER_BURST: usize = 200;
const PAUSE: Duration = Duration::from_millis(1500);
const CLIENTS: usize = 8;

#[test]
fn no_request_fails_while_strangers_are_connected() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let more = rustix::process::Rlimit { current: most.maximum, maximum: most.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, more).unwrap();
    let plane = ControlPlane::start();
    let server = webhook::start(&plane, ALLOWED);
    webhook::wait_until_outside(&plane, "172.20.0.0/16");
    let target = Target {
        address: server.webhook.strip_prefix("https://").unwrap().parse().unwrap(),
        trust: trusting(&fs::read(server.path("ca.crt")).unwrap()),
        request: request(&fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap()),
    };

    let failures = Mutex::new(Vec::new());
    for burst in 0..BURSTS {
        // All come from the address of kube-apiserver.
        let running = (burst % 5 != 4)
            .then(|| Running::start(&target, &[(Crowd::Silent, 1_500), (Crowd::Idle, 1_400)], Sources::Own));
        thread::sleep(PAUSE);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::SeqCst) < REQUESTS_PER_BURST {
                        let (status, answer) = create(&plane, "inside", &["10.96.1.0/24"], true);
                        if status != 201 {
                            failures.lock().unwrap().push(answer);
                        }
                    }
                });
            }
        });
        drop(running);
    }
    let failures = failures.into_inner().unwrap();
    let evicted: u64 = ["stalled", "unused", "idle", "new", "recent"]
        .into_iter()
        .map(|reason| {
            let name = "servicecidr_guard_connections_closed_total";
            let name = format!("{name}{{port=\"webhook\",reason=\"evicted_{reason}\"}}");
            let count: u64 = server.metric(&name).unwrap().parse().unwrap();
            println!("{reason}: {count}");
            count
        })
        .sum();
    println!("{} requests, {evicted} connections evicted", BURSTS * REQUESTS_PER_BURST);
    assert!(failures.is_empty(), "{} failed, as {}", failures.len(), failures[0]);
    assert!(evicted >= 1_000, "only {evicted} connections evicted");
    eventually("the strangers are gone", || {
        server.metric("servicecidr_guard_connections{port=\"webhook\",state=\"hello\"}").as_deref() == Some("0")
    });
}
