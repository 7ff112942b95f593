//! CA rotation under load: no request fails, with the old and the new certificate.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::install::Release;
use super::pod::Pod;
use crate::control_plane::{ControlPlane, free_ports};
use crate::program::eventually;
use crate::violations;
use crate::webhook::{create, wait_until_outside};

const ALLOWED: &str = "--set-json=policy.allowedRanges.ranges=[\"10.96.0.0/16\"]";
const SECRET: &str = "/api/v1/namespaces/default/secrets/guard-servicecidr-guard-tls";

/// An entry of the Secret, in base64.
fn entry(plane: &ControlPlane, name: &str) -> Option<String> {
    plane.get(SECRET).1["data"][name].as_str().map(str::to_owned)
}

/// Waits for more requests, so that every state is covered by both kinds of requests.
fn wait_for_requests(count: &AtomicUsize) {
    let before = count.load(Ordering::Relaxed);
    eventually("more requests are made", || count.load(Ordering::Relaxed) > before + 20);
}

#[test]
fn no_request_fails_during_ca_rotation() {
    let plane = ControlPlane::start();
    let [port] = free_ports();
    let release = Release::new(&plane, port);
    release.install(&[ALLOWED]);
    let pod = Pod::start(&plane, port);
    wait_until_outside(&plane, "172.20.0.0/16");

    let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let outside = violations::outside(0, "172.20.0.0/16", &["10.96.0.0/16"]).to_string();
    thread::scope(|scope| {
        let creating = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (status, answer) = create(&plane, "inside", &["10.96.1.0/24"], true);
                assert_eq!(status, 201, "{answer}");
                let (status, answer) = create(&plane, "outside", &["172.20.0.0/16"], true);
                assert_eq!(status, 403, "{answer}");
                assert!(answer["message"].as_str().unwrap().contains(&outside), "{answer}");
                count.fetch_add(2, Ordering::Relaxed);
            }
        });
        for (times, rotate) in [(1, "2026-12"), (2, "2027-01"), (3, "")] {
            let (ca, certificate) = (entry(&plane, "ca.crt"), entry(&plane, "tls.crt"));
            let values = [ALLOWED, &format!("--set=tls.helm.rotate={rotate}")];
            release.upgrade(&values);
            assert_eq!(entry(&plane, "previous-ca.crt"), ca);
            assert!(entry(&plane, "ca.crt") != ca && entry(&plane, "tls.crt") != certificate);
            // Until the volume is updated, the pod serves the old certificate.
            wait_for_requests(&count);
            pod.update_volumes(&plane);
            eventually("the pod has loaded the certificate", || {
                let page = pod.page("/metrics");
                assert!(page.contains("tls_reloads_total{result=\"failure\"} 0\n"), "{page}");
                page.contains(&format!("tls_reloads_total{{result=\"success\"}} {times}\n"))
            });
            wait_for_requests(&count);
            // Another upgrade keeps both CAs.
            let bundle = release.bundle();
            release.upgrade(&values);
            assert_eq!(release.bundle(), bundle);
            wait_for_requests(&count);
        }
        done.store(true, Ordering::Relaxed);
        creating.join().unwrap();
    });
    println!("{} requests over 3 rotations", count.load(Ordering::Relaxed));
}

#[test]
fn upgrade_renews_expiring_and_renamed_certificates() {
    let plane = ControlPlane::start();
    let [port] = free_ports();
    let release = Release::new(&plane, port);
    release.install(&[]);
    let first = entry(&plane, "tls.crt");
    // Valid for ten years, and renewed in the last 90 days.
    release.upgrade(&["--set=tls.helm.renewBeforeDays=3640"]);
    assert_eq!(entry(&plane, "tls.crt"), first);
    release.upgrade(&["--set=tls.helm.validityDays=36500,tls.helm.renewBeforeDays=3660"]);
    let second = entry(&plane, "tls.crt");
    assert_ne!(second, first);
    release.upgrade(&["--set=tls.helm.validityDays=36500,tls.helm.renewBeforeDays=3660"]);
    assert_eq!(entry(&plane, "tls.crt"), second);
    release.upgrade(&["--set=webhook.url=https://guard.example.com"]);
    assert_ne!(entry(&plane, "tls.crt"), second);
    let names = plane.get(SECRET).1["metadata"]["annotations"]["servicecidr-guard/subject-alt-names"].clone();
    assert!(names.as_str().unwrap().ends_with(".default.svc,DNS:guard.example.com"), "{names}");
}
