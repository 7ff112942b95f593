//! Overlapping ServiceCIDRs that two clients create at the same moment are reported.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use serde_json::json;

use crate::control_plane::ControlPlane;
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, SERVICE_CIDRS, exists};

const ROUNDS: usize = 8;

#[test]
fn concurrent_overlaps_are_in_metric_and_log() {
    let plane = ControlPlane::start();
    let server = webhook::start_with_inventory(&plane, "noOverlap: {validationActions: [Deny]}\n");
    webhook::wait_until_refused(&plane, "10.96.0.0/24", &violations::overlap_with_default("10.96.0.0/24").to_string());
    let barrier = Barrier::new(2);
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for (side, cidr) in ["24", "25"].map(|length| (length, format!("10.100.{round}.0/{length}"))) {
                let (plane, barrier) = (&plane, &barrier);
                scope.spawn(move || {
                    let name = format!("r{round}-{side}");
                    let object = json!({"metadata": {"name": name}, "spec": {"cidrs": [cidr]}});
                    barrier.wait();
                    let (status, answer) = plane.post(SERVICE_CIDRS, &object);
                    assert!(status == 201 || status == 403, "{answer}");
                });
            }
        });
    }
    let created_at = Instant::now();
    let mut expected: BTreeSet<String> = (0..ROUNDS)
        .filter(|round| exists(&plane, &format!("r{round}-24")) && exists(&plane, &format!("r{round}-25")))
        .map(|round| {
            format!(
                "10.100.{round}.0/24 of ServiceCIDR r{round}-24 contains 10.100.{round}.0/25 of ServiceCIDR r{round}-25"
            )
        })
        .collect();
    let pairs = expected.len().to_string();
    eventually("the metric has all overlaps", || {
        server.metric("servicecidr_guard_overlaps").as_deref() == Some(&pairs)
    });
    println!(
        "{pairs} of {ROUNDS} pairs were created; the metric was complete {:?} after the last",
        created_at.elapsed()
    );
    while !expected.is_empty() {
        let line = server.wait_for_log("overlapping CIDRs");
        assert!(expected.remove(line["overlap"].as_str().unwrap()), "{line} is not in {expected:?}");
    }
    println!("the log was complete {:?} after the last", created_at.elapsed());
}
