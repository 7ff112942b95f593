//! Damaged objects are put right, and what can't be done is named.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CONFIGURATION, Installation, NAME, SECRET, under_load, verifies};
use crate::chart::pod::Pod;
use crate::control_plane::base64;
use crate::program::eventually;
use crate::webhook::create;

/// The longest time until a change by others is put right.
const MAX_REPAIR: Duration = Duration::from_secs(10);

/// Waits until everything is right again, and returns how long that took.
fn repair_time(installation: &Installation, what: &str) -> Duration {
    let began = Instant::now();
    eventually(what, || installation.is_right());
    let took = began.elapsed();
    println!("{what}: right after {} ms", took.as_millis());
    assert!(took < MAX_REPAIR, "{what}: {took:?}");
    took
}

fn count(installation: &Installation, object: &str) -> u64 {
    let name = format!("servicecidr_guard_tls_repairs_total{{object=\"{object}\"}}");
    installation.pods.iter().map(|pod| pod.metric(&name)).sum()
}

fn logs(installation: &Installation) -> String {
    installation.pods.iter().map(Pod::log).collect()
}

#[test]
fn damaged_ca_bundle_is_restored() {
    let installation = Installation::start(2, &[]);
    let right = installation.configuration()["webhooks"][0]["clientConfig"]["caBundle"].clone();
    let foreign = base64(&std::fs::read_to_string(installation.plane.folder.path().join("ca.crt")).unwrap());
    let both = base64(&format!(
        "{}{}",
        String::from_utf8(super::decoded(right.as_str().unwrap())).unwrap(),
        std::fs::read_to_string(installation.plane.folder.path().join("ca.crt")).unwrap()
    ));
    for (number, (what, bundle)) in
        [("emptied", None), ("replaced", Some(&foreign)), ("a CA was added", Some(&both))].into_iter().enumerate()
    {
        installation.set_bundle(bundle.map(String::as_str));
        let is_restored = || installation.configuration()["webhooks"][0]["clientConfig"]["caBundle"] == right;
        eventually(what, is_restored);
        repair_time(&installation, what);
        eventually("the repair is counted", || {
            count(&installation, "validatingwebhookconfiguration") == number as u64 + 1
        });
    }
    let logs = logs(&installation);
    assert!(logs.contains("caBundle was changed by others, restored") && logs.contains("(Update) at 20"), "{logs}");
    assert_eq!(count(&installation, "secret"), 0);
}

#[test]
fn damaged_secret_is_restored() {
    let installation = Installation::start(2, &[]);
    let right = installation.secret()["data"].clone();
    let other_key = base64(&std::fs::read_to_string(installation.plane.folder.path().join("ca.key")).unwrap());
    let foreign = base64(&std::fs::read_to_string(installation.plane.folder.path().join("ca.crt")).unwrap());
    let damages = [
        ("emptied", json!({ "data": null })),
        ("no certificate", json!({ "data": { "ca.crt": base64("text") } })),
        ("another key", json!({ "data": { "ca.key": other_key } })),
        ("no state", json!({ "data": { "state.json": base64("{") } })),
        ("a foreign CA", json!({ "data": { "ca.crt": foreign, "ca.key": other_key } })),
    ];
    let ((), load) = under_load(&installation.plane, 1, Duration::from_millis(20), |_| {
        for (number, (what, damage)) in damages.into_iter().enumerate() {
            installation.patch(SECRET, &damage);
            eventually(what, || installation.secret()["data"] == right);
            repair_time(&installation, what);
            eventually("the repair is counted", || count(&installation, "secret") == number as u64 + 1);
        }
    });
    assert_eq!(load.failures(), Vec::<Value>::new());
    let logs = logs(&installation);
    assert!(logs.contains("CA was changed by others, restored") && logs.contains("kubectl-patch (Update)"), "{logs}");
}

#[test]
fn foreign_ca_is_not_used_without_memory() {
    let mut installation = Installation::start(1, &[]);
    installation.pods.clear();
    let read = |name: &str| std::fs::read_to_string(installation.plane.folder.path().join(name)).unwrap();
    let foreign = json!({ "data": {
        "ca.crt": base64(&read("ca.crt")), "ca.key": base64(&read("ca.key")), "state.json": base64("{}"),
    } });
    installation.patch(SECRET, &foreign);
    let stored = installation.secret()["data"].clone();
    let pod = installation.spawn_pod();
    eventually("the pod refuses the CA", || {
        pod.readiness().contains(
            "[-]secret failed: Secret default/guard-servicecidr-guard-managed-ca has no usable CA: ca.crt: \
                                  the certificate is not a CA of this installation: its subject is",
        )
    });
    thread::sleep(Duration::from_secs(2));
    assert!(!pod.is_ready() && installation.secret()["data"] == stored);
    // Emptied, it gets a new CA.
    installation.patch(SECRET, &json!({ "data": null }));
    installation.pods.push(pod);
    repair_time(&installation, "emptied by hand");
}

#[test]
fn missing_permissions_are_named() {
    let installation = Installation::start(
        1,
        &["--set=tls.managed.duration=30s,tls.managed.renewBefore=25s,tls.managed.caOverlap=1s"],
    );
    let pod = &installation.pods[0];
    installation.plane.kubectl_ok(&["delete", "clusterrolebinding,rolebinding", NAME], "");
    installation.set_bundle(None);
    eventually("the ClusterRole is named", || {
        let readiness = pod.readiness();
        readiness.contains(
            "[-]ca-bundle failed: ValidatingWebhookConfiguration guard-servicecidr-guard: caBundle of \
                            enforce.servicecidr-guard.local: it contains no CA certificate",
        ) || readiness.contains("[+]ca-bundle ok")
    });
    eventually("the log names the permission", || {
        let log = pod.log();
        log.contains("request failed, retrying")
            && log.contains("managed certificate is not ready")
            && log.contains("the ClusterRole of the chart grants get, watch and patch")
    });
    let failures = "servicecidr_guard_tls_managed_request_failures_total{object=\"validatingwebhookconfiguration\"}";
    assert!(pod.metric(failures) > 0);
    // The certificate in memory is renewed and served meanwhile.
    let signed = pod.metric("servicecidr_guard_tls_certificates_signed_total");
    eventually("the certificate is renewed", || pod.metric("servicecidr_guard_tls_certificates_signed_total") > signed);
    installation.upgrade();
    repair_time(&installation, "permissions granted again");
}

#[test]
fn missing_objects_are_named() {
    let installation = Installation::start(2, &["--set=tls.managed.duration=30s,tls.managed.renewBefore=25s"]);
    let ca = installation.secret()["data"]["ca.crt"].clone();
    installation.plane.kubectl_ok(&["delete", "secret", &format!("{NAME}-managed-ca")], "");
    for pod in &installation.pods {
        eventually("the Secret is named", || {
            pod.readiness()
                .contains("[-]secret failed: Secret default/guard-servicecidr-guard-managed-ca doesn't exist")
        });
    }
    // Certificates are still renewed, and requests are answered.
    let signed = installation.pods[0].metric("servicecidr_guard_tls_certificates_signed_total");
    eventually("the certificate is renewed", || {
        installation.pods[0].metric("servicecidr_guard_tls_certificates_signed_total") > signed
    });
    assert_eq!(create(&installation.plane, "inside", &["10.96.1.0/24"], true).0, 201);
    installation.upgrade();
    repair_time(&installation, "the Secret exists again");
    assert_eq!(installation.secret()["data"]["ca.crt"], ca);

    installation.plane.kubectl_ok(&["delete", "validatingwebhookconfiguration", NAME], "");
    eventually("the configuration is named", || {
        installation.pods[0]
            .readiness()
            .contains("ValidatingWebhookConfiguration guard-servicecidr-guard doesn't exist")
    });
    installation.upgrade();
    repair_time(&installation, "the configuration exists again");
}

#[test]
fn certificates_are_served_while_kube_apiserver_is_unreachable() {
    let mut installation = Installation::start(2, &["--set=tls.managed.duration=30s,tls.managed.renewBefore=25s"]);
    let configuration = installation.configuration();
    installation.plane.stop_apiserver();
    let signed = installation.pods[0].metric("servicecidr_guard_tls_certificates_signed_total");
    eventually("certificates are renewed", || {
        installation.pods[0].metric("servicecidr_guard_tls_certificates_signed_total") > signed + 1
    });
    for pod in &installation.pods {
        verifies(&configuration, pod.port).unwrap();
        assert!(pod.is_ready(), "{}", pod.readiness());
    }
    assert!(installation.pods[0].log().contains("can't read Secret default/guard-servicecidr-guard-managed-ca"));
    installation.plane.start_apiserver();
    installation.plane.wait_until_ready();
    installation.set_bundle(None);
    eventually("the bundle is restored", || {
        installation.configuration()["webhooks"][0]["clientConfig"]["caBundle"].is_string()
    });
    repair_time(&installation, "kube-apiserver is back");
}

#[test]
fn rotation_succeeds_among_conflicts() {
    let installation = Installation::start(2, &["--set=tls.managed.caOverlap=1s"]);
    let (secret, done) = (format!("secret/{NAME}-managed-ca"), std::sync::atomic::AtomicBool::new(false));
    let configuration = format!("validatingwebhookconfiguration/{NAME}");
    thread::scope(|scope| {
        for (path, object) in [(SECRET, &secret), (CONFIGURATION, &configuration)] {
            let (done, installation) = (&done, &installation);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    number += 1;
                    let mut stored = installation.plane.get(path).1;
                    stored["metadata"]["annotations"]["example.com/storm"] = json!(number.to_string());
                    let (status, answer) = installation.plane.request("PUT", path, Some(&stored));
                    assert!([200, 409].contains(&status), "{object}: {answer}");
                }
                assert!(number > 50, "{object}: only {number} writes");
            });
        }
        installation.plane.kubectl_ok(&["annotate", &secret, "servicecidr-guard/rotate-ca=1", "--overwrite"], "");
        eventually("the CA is rotated", || {
            installation.pods.iter().map(|pod| pod.metric("servicecidr_guard_tls_ca_rotations_total")).sum::<u64>() == 1
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    repair_time(&installation, "after the conflicts");
}

/// The procedure of docs/operations.md.
#[test]
fn leaked_ca_is_removed() {
    let mut installation = Installation::start(1, &[]);
    let leaked = installation.configuration()["webhooks"][0]["clientConfig"]["caBundle"].clone();
    let kubectl = |arguments: &[&str]| installation.plane.kubectl_ok(arguments, "");
    kubectl(&["scale", "deployment", NAME, "--replicas", "0"]);
    let (secret, data) = (format!("{NAME}-managed-ca"), r#"[{"op": "remove", "path": "/data"}]"#);
    let bundles = r#"[
        {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"},
        {"op": "remove", "path": "/webhooks/1/clientConfig/caBundle"}]"#;
    installation.pods.clear();
    kubectl(&["patch", "secret", &secret, "--type", "json", "--patch", data]);
    kubectl(&["patch", "validatingwebhookconfiguration", NAME, "--type", "json", "--patch", bundles]);
    kubectl(&["scale", "deployment", NAME, "--replicas", "2"]);
    let pod = installation.spawn_pod();
    installation.pods.push(pod);
    repair_time(&installation, "a new CA");
    let bundle = installation.configuration()["webhooks"][0]["clientConfig"]["caBundle"].clone();
    let certificates = |bundle: &Value| {
        String::from_utf8(super::decoded(bundle.as_str().unwrap())).unwrap().matches("BEGIN CERTIFICATE").count()
    };
    assert!(bundle != leaked && certificates(&bundle) == 1, "{bundle}");
}
