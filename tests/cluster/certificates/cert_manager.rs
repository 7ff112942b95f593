//! `tls.mode: certManager` with a real cert-manager: its controllers and its CA injector.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{ALLOWED, Balancer, Installation, NAME, accepts, decoded, under_load};
use crate::binaries;
use crate::chart::{chart, pod::Pod};
use crate::control_plane::ControlPlane;
use crate::program::eventually;
use crate::webhook::{create, wait_until_outside};

const CERTIFICATES: &str = "/apis/cert-manager.io/v1/namespaces/default/certificates";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const KINDS: [&str; 4] = ["certificaterequests", "certificates", "clusterissuers", "issuers"];

/// A running cert-manager. Killed on drop.
struct CertManager {
    child: Child,
    log: PathBuf,
}

impl CertManager {
    fn start(plane: &ControlPlane) -> Self {
        for kind in KINDS {
            let file = binaries::path(&format!("cert-manager.io_{kind}.yaml"));
            plane.kubectl_ok(&["create", "--filename", file.to_str().unwrap()], "");
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind}.cert-manager.io");
            eventually("the kind is served", || {
                let conditions = plane.get(&path).1["status"]["conditions"].clone();
                let mut conditions = conditions.as_array().into_iter().flatten();
                conditions.any(|condition| condition["type"] == "Established" && condition["status"] == "True")
            });
        }
        let log = plane.folder.path().join("cert-manager.log");
        let file = fs::File::create(&log).unwrap();
        let mut command = Command::new(binaries::path("cert-manager"));
        command.env("KUBECONFIG", plane.kubeconfig());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }
}

impl Drop for CertManager {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- cert-manager.log\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An entry of a Secret, in base64.
fn entry(plane: &ControlPlane, secret: &str, name: &str) -> Value {
    plane.get(&format!("{SECRETS}/{secret}")).1["data"][name].clone()
}

/// Requests a renewal, as `cmctl renew` does, and waits until the Secret has another certificate.
fn renew(plane: &ControlPlane, certificate: &str, secret: &str) {
    let before = entry(plane, secret, "tls.crt");
    let path = format!("{CERTIFICATES}/{certificate}");
    eventually("the renewal is requested", || {
        let mut stored = plane.get(&path).1;
        let conditions = stored["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != "Issuing");
        conditions.push(json!({
            "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renewed by a test",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }));
        plane.request("PUT", &format!("{path}/status"), Some(&stored)).0 == 200
    });
    eventually("the certificate is renewed", || entry(plane, secret, "tls.crt") != before);
}

#[test]
fn cert_manager_issues_renews_and_injects() {
    let (plane, balancer) = (ControlPlane::start(), Balancer::start());
    let cert_manager = CertManager::start(&plane);
    let installation = Installation { pods: Vec::new(), balancer, plane };
    // Dropped before the control plane.
    let _cert_manager = cert_manager;
    let url = format!("--set=webhook.url=https://127.0.0.1:{}/validate", installation.balancer.port);
    installation.helm(&["install", "guard", &chart(), ALLOWED, "--set=tls.mode=certManager", &url]);
    let plane = &installation.plane;
    let (secret, ca_secret) = (format!("{NAME}-cert-manager-tls"), format!("{NAME}-ca"));
    eventually("cert-manager has issued a certificate", || entry(plane, &secret, "tls.crt").is_string());
    let text = |value: &Value| String::from_utf8(decoded(value.as_str().unwrap_or_default())).unwrap();
    // The injector keeps previous CAs until they expire.
    let is_injected = || {
        let ca = text(&entry(plane, &secret, "ca.crt"));
        let configuration = installation.configuration();
        let mut webhooks = configuration["webhooks"].as_array().unwrap().iter();
        webhooks.all(|webhook| text(&webhook["clientConfig"]["caBundle"]).contains(&ca))
    };
    eventually("the CA is injected", is_injected);
    let pod = Pod::start(plane, 0);
    installation.balancer.send_to([pod.port]);
    wait_until_outside(plane, "172.20.0.0/16");
    assert_eq!(create(plane, "inside", &["10.96.1.0/24"], true).0, 201);

    let reloads = |count: u64| {
        eventually("the pod serves the new certificate", || {
            pod.metric("servicecidr_guard_tls_reloads_total{result=\"success\"}") == count
        });
    };
    let ((), load) = under_load(plane, 2, Duration::from_millis(5), |load| {
        let more = || {
            let before = load.sent();
            eventually("more requests are sent", || load.sent() > before + 50);
        };
        renew(plane, NAME, &secret);
        more();
        pod.update_volumes(plane);
        reloads(1);
        more();
        // A renewed CA, and then a certificate of it. The CA keeps its key, so that each verifies the certificates of
        // the other: the pod reads the new certificate before or after the CA is injected.
        let ca = || decoded(entry(plane, &ca_secret, "tls.crt").as_str().unwrap());
        let old_ca = ca();
        renew(plane, &format!("{NAME}-ca"), &ca_secret);
        let new_ca = ca();
        assert_ne!(new_ca, old_ca);
        accepts(&new_ca, pod.port).unwrap();
        more();
        renew(plane, NAME, &secret);
        eventually("the CA is injected", is_injected);
        more();
        pod.update_volumes(plane);
        reloads(2);
        accepts(&old_ca, pod.port).unwrap();
        more();
        // An upgrade changes the configuration and keeps the injected CA.
        let upgrade = ["upgrade", "guard", &chart(), "--reuse-values", "--set=webhook.timeoutSeconds=7"];
        installation.helm(&upgrade);
        assert!(is_injected());
        assert_eq!(installation.configuration()["webhooks"][0]["timeoutSeconds"], 7);
        more();
    });
    assert_eq!(load.failures(), Vec::<Value>::new());
    println!("{} requests over 3 renewals", load.sent());
    let (status, answer) = create(plane, "outside", &["172.20.0.0/16"], true);
    assert_eq!(status, 403, "{answer}");
}
