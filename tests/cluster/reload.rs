//! Certificate and policy reloads while kubectl creates ServiceCIDRs: no request fails.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::control_plane::{ControlPlane, base64};
use crate::program::{Server, agent, run};
use crate::webhook::{self, ALLOWED, CONFIGURATIONS, POLICY, configuration, create, register};

const SWAPS: usize = 12;

#[test]
fn no_request_fails_during_reloads() {
    let plane = ControlPlane::start();
    let server = Server::start(&format!("{POLICY}{ALLOWED}"));
    let other = TempDir::new().unwrap();
    assert!(run(&["certs", "--out", other.path().to_str().unwrap()]).status.success());
    let read = |folder: &TempDir, name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let pairs = [&server.folder, &other].map(|folder| (read(folder, "tls.crt"), read(folder, "tls.key")));
    let cas = [&server.folder, &other].map(|folder| read(folder, "ca.crt"));
    register(&plane, &configuration(&format!("{}/validate", server.webhook), &cas.concat()));
    webhook::wait_until_outside(&plane, "172.20.0.0/16");

    // Both policies allow and deny the same requests; one of them is always active.
    let policies = [ALLOWED.to_owned(), format!("{ALLOWED}denyAll: {{operations: [DELETE]}}\n")];
    let (done, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (status, answer) = create(&plane, "inside", &["10.96.1.0/24"], true);
                assert_eq!(status, 201, "{answer}");
                let (status, answer) = create(&plane, "outside", &["172.20.0.0/16"], true);
                assert_eq!(status, 403, "{answer}");
                created.fetch_add(2, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let manifest = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: by-kubectl}\nspec: {cidrs: [10.96.2.0/24]}\n";
                let output = plane.kubectl_ok(&["create", "--dry-run=server", "-f", "-"], manifest);
                assert_eq!(output, "servicecidr.networking.k8s.io/by-kubectl created (server dry run)\n");
            }
        });
        for swap in 1..=SWAPS {
            let (cert, key) = &pairs[swap % 2];
            // Replaced by rename.
            for (name, text) in
                [("tls.crt", cert), ("tls.key", key), ("policy.yaml", &format!("{POLICY}{}", policies[swap % 2]))]
            {
                fs::write(server.path("new"), text).unwrap();
                fs::rename(server.path("new"), server.path(name)).unwrap();
            }
            server.wait_for_log("certificate reloaded");
            let seen = agent(cas[swap % 2].as_bytes()).get(format!("{}/validate", server.webhook)).call();
            assert!(seen.is_ok(), "the new certificate is not served: {seen:?}");
            // A changed bundle makes kube-apiserver open new connections.
            let bundle = [cas[swap % 2].as_str(), cas[(swap + 1) % 2].as_str()].concat();
            let patch = format!(
                r#"[{{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":"{}"}}]"#,
                base64(&bundle)
            );
            plane.kubectl_ok(&["patch", "validatingwebhookconfiguration", "guard", "--type=json", "-p", &patch], "");
        }
        done.store(true, Ordering::Relaxed);
    });
    let count = created.load(Ordering::Relaxed);
    println!("{count} requests over {SWAPS} swaps");
    assert!(count > 20 * SWAPS, "only {count} requests over {SWAPS} swaps");
    assert_eq!(plane.get(&format!("{CONFIGURATIONS}/guard")).0, 200);
}
