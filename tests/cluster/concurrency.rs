//! Services created while the report is read, and overlapping ServiceCIDRs created at the same moment.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, SERVICE_CIDRS, create_ready};

use super::dry_run_scenario::synced_report;

const SERVICES: usize = 2000;
const CLIENTS: usize = 20;

#[test]
fn report_counts_2000_concurrent_services() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "noOverlap: {}\n");
    // The range contains that of `kubernetes`: two allocators use the same addresses.
    create_ready(&plane, "wide", &["10.96.0.0/20"]);
    synced_report(&plane, &server);
    let report = format!("{}/report", server.health);
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= SERVICES {
                            return;
                        }
                        let service =
                            json!({"metadata": {"name": format!("s-{number}")}, "spec": {"ports": [{"port": 80}]}});
                        let answer = plane.post("/api/v1/namespaces/default/services", &service);
                        assert_eq!(answer.0, 201, "{answer:?}");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut last = 0;
            while !is_over.load(Ordering::SeqCst) {
                // ureq returns an error for any status but 200.
                let body = ureq::get(&report).call().unwrap().body_mut().read_to_string().unwrap();
                let current: Value = serde_json::from_str(&body).unwrap();
                let used: usize = current["families"][0]["used"].as_str().unwrap().parse().unwrap();
                // At most the Services that were started before the response, and `kubernetes`.
                let begun = next.load(Ordering::SeqCst).min(SERVICES);
                assert!((last..=begun + 1).contains(&used), "{used} after {last}, of {begun} begun");
                last = used;
            }
        });
        let results: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(results.iter().all(Result::is_ok));
    });
    let report = synced_report(&plane, &server);
    assert_eq!(report["families"][0]["used"], (SERVICES + 1).to_string());
}

#[test]
fn concurrent_overlap_is_logged() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "noOverlap: {validationActions: [Deny]}\n");
    webhook::wait_until_refused(&plane, "10.96.0.0/24", &violations::overlap_with_default("10.96.0.0/24").to_string());
    let barrier = Barrier::new(2);
    let both = (0..20).find(|round| {
        let created: Vec<bool> = thread::scope(|scope| {
            let handles = ["24", "25"].map(|length| {
                let (name, cidr) = (format!("r{round}-{length}"), format!("10.100.{round}.0/{length}"));
                let (plane, barrier) = (&plane, &barrier);
                scope.spawn(move || {
                    let object = json!({"metadata": {"name": name}, "spec": {"cidrs": [cidr]}});
                    barrier.wait();
                    plane.post(SERVICE_CIDRS, &object).0 == 201
                })
            });
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        // At least one is always created.
        assert!(created.contains(&true));
        created == [true, true]
    });
    // Admission evaluates each request alone: it can't prevent that both are created, only report it.
    let Some(round) = both else { return };
    let expected = format!(
        "10.100.{round}.0/24 of ServiceCIDR r{round}-24 contains 10.100.{round}.0/25 of ServiceCIDR r{round}-25"
    );
    assert_eq!(server.wait_for_log("overlapping CIDRs")["overlap"], expected);
    eventually("the metric has one overlap", || server.metric("servicecidr_guard_overlaps").as_deref() == Some("1"));
}
