//! Tools that render the chart without the cluster and apply it again and again.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Balancer, Installation, rendered, under_load};
use crate::control_plane::ControlPlane;
use crate::program::eventually;
use crate::webhook::create;

/// The time between two runs of a tool, and how long each tool runs.
const INTERVAL: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_secs(60);
/// 50 requests per second, on a machine that is fast enough.
const CLIENTS: usize = 4;
const CLIENT_INTERVAL: Duration = Duration::from_millis(80);
/// The longest time for which `caBundle` may be empty after it was replaced.
const MAX_EMPTY: Duration = Duration::from_secs(2);

fn start() -> (Installation, String) {
    let (plane, balancer) = (ControlPlane::start(), Balancer::start());
    let manifest = rendered(balancer.port, &[]);
    assert_eq!(manifest, rendered(balancer.port, &[]), "two renderings differ");
    plane.kubectl_ok(&["apply", "--filename=-"], &manifest);
    let mut installation = Installation { pods: Vec::new(), balancer, plane };
    for _ in 0..2 {
        let pod = installation.spawn_pod();
        installation.pods.push(pod);
    }
    eventually("all pods are ready", || installation.is_right());
    installation.send_to_pods();
    (installation, manifest)
}

fn has_bundle(configuration: &Value) -> bool {
    let webhooks = configuration["webhooks"].as_array().unwrap();
    webhooks.iter().all(|webhook| webhook["clientConfig"]["caBundle"].is_string())
}

#[test]
fn no_request_fails_while_the_chart_is_applied() {
    let (installation, manifest) = start();
    let ((), load) = under_load(&installation.plane, CLIENTS, CLIENT_INTERVAL, |load| {
        for tool in [&["apply"][..], &["apply", "--server-side", "--force-conflicts"]] {
            let began = Instant::now();
            while began.elapsed() < DURATION / 2 {
                installation.plane.kubectl_ok(&[tool, &["--filename=-"]].concat(), &manifest);
                assert!(has_bundle(&installation.configuration()));
                thread::sleep(INTERVAL);
            }
        }
        assert!(load.sent() > 1_000, "only {} requests", load.sent());
    });
    assert_eq!(load.failures(), Vec::<Value>::new());
    println!("{} requests", load.sent());
}

#[test]
fn ca_bundle_is_restored_after_replace() {
    let (installation, manifest) = start();
    let ca = installation.secret()["data"]["ca.crt"].clone();
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    let ((), load) = under_load(&installation.plane, CLIENTS, CLIENT_INTERVAL, |_| {
        while began.elapsed() < DURATION {
            installation.plane.kubectl_ok(&["replace", "--filename=-"], &manifest);
            let replaced = Instant::now();
            eventually("caBundle is restored", || has_bundle(&installation.configuration()));
            longest = longest.max(replaced.elapsed());
            thread::sleep(INTERVAL);
        }
    });
    // Only requests between the replacement and the repair fail, because kube-apiserver has no CA then.
    let failures = load.failures();
    println!(
        "{} requests, {} failed; caBundle empty for at most {} ms",
        load.sent(),
        failures.len(),
        longest.as_millis()
    );
    assert!(longest < MAX_EMPTY, "caBundle was empty for {longest:?}");
    for failure in &failures {
        assert!(failure["message"].as_str().unwrap().contains("failed to verify certificate"), "{failure}");
    }
    assert_eq!(installation.secret()["data"]["ca.crt"], ca);
    assert_eq!(create(&installation.plane, "inside", &["10.96.1.0/24"], true).0, 201);
}
