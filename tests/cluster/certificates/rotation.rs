//! Rotations under load: no request fails, and every version of the configuration verifies every pod.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{Installation, NAME, under_load, verifies};
use crate::binaries;
use crate::chart::pod::Pod;

const PODS: usize = 3;
const CLIENTS: usize = 4;
const CA_ROTATIONS: u64 = 50;
const CERTIFICATES: u64 = 500;
const REQUESTS: usize = 20_000;
/// A CA is renewed every 4 s and a certificate every second. Both stay valid much longer, as in a cluster.
const LIFETIMES: &str = "--set=tls.managed.caDuration=60s,tls.managed.caRenewBefore=56s,tls.managed.caOverlap=1s,\
                         tls.managed.duration=20s,tls.managed.renewBefore=19s";

fn total(pods: &[Pod], metric: &str) -> u64 {
    pods.iter().map(|pod| pod.metric(metric)).sum()
}

/// Verifies every pod with every version of the configuration. Returns the number of versions.
fn check_versions(installation: &Installation, is_over: &AtomicBool) -> usize {
    let mut watch = Command::new(binaries::path("kubectl"))
        .args(["get", "validatingwebhookconfiguration", NAME, "--watch", "--output=json"])
        .env("KUBECONFIG", installation.plane.kubeconfig())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = watch.stdout.take().unwrap();
    let checked = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let versions = serde_json::Deserializer::from_reader(output.take(u64::MAX)).into_iter::<Value>();
            for configuration in versions.map_while(Result::ok) {
                for pod in &installation.pods {
                    if let Err(error) = verifies(&configuration, pod.port) {
                        // The pod may have a certificate that only a newer version verifies.
                        let newer = installation.configuration();
                        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
                        assert_ne!(version(&newer), version(&configuration), "{error}");
                        verifies(&newer, pod.port).unwrap();
                    }
                }
                checked.fetch_add(1, Ordering::Relaxed);
            }
        });
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        let _ = watch.kill();
        let _ = watch.wait();
    });
    checked.into_inner()
}

#[test]
fn no_request_fails_while_certificates_rotate() {
    let installation = Installation::start(PODS, &[LIFETIMES]);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let checker = scope.spawn(|| check_versions(&installation, &is_over));
        let ((), load) = under_load(&installation.plane, CLIENTS, Duration::from_millis(20), |load| {
            struct Stop<'a>(&'a AtomicBool);
            impl Drop for Stop<'_> {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _stop = Stop(&is_over);
            loop {
                let rotations = total(&installation.pods, "servicecidr_guard_tls_ca_rotations_total");
                let certificates = total(&installation.pods, "servicecidr_guard_tls_certificates_signed_total");
                if rotations >= CA_ROTATIONS && certificates >= CERTIFICATES && load.sent() >= REQUESTS {
                    println!("{rotations} CA rotations, {certificates} certificates, {} requests", load.sent());
                    break;
                }
                let failures = load.failures();
                assert!(failures.is_empty(), "{} of {} failed, as {}", failures.len(), load.sent(), failures[0]);
                assert!(!checker.is_finished(), "the check of versions failed");
                thread::sleep(Duration::from_millis(200));
            }
        });
        let failures = load.failures();
        assert!(failures.is_empty(), "{} failed, as {}", failures.len(), failures[0]);
        let versions = checker.join().unwrap();
        println!("{versions} versions of the configuration");
        assert!(versions as u64 >= CA_ROTATIONS, "only {versions} versions");
    });
    let repairs =
        total(&installation.pods, "servicecidr_guard_tls_repairs_total{object=\"validatingwebhookconfiguration\"}");
    assert_eq!(repairs, 0, "a replica took a rotation for a change by others");
}
