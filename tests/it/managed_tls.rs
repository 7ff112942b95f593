//! The flags of managed certificates. Clusters are in `tests/cluster/certificates`.

use std::fs;

use tempfile::TempDir;

use crate::program::{fixtures, program};

const POLICY: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

/// The error of `serve --tls-secret guard/ca --webhook-configuration guard` with more arguments.
fn error(secret: &str, more: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let output = program()
        .current_dir(folder.path())
        .args(["serve", "--policy", "policy.yaml", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"])
        .args(["--tls-secret", secret, "--webhook-configuration", "guard"])
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn invalid_flags_are_rejected() {
    for secret in ["ca", "/ca", "guard/", "a/b/c"] {
        assert_eq!(
            error(secret, &["--tls-name", "a"]),
            format!("error: --tls-secret {secret:?}: not NAMESPACE/NAME\n")
        );
    }
    for (more, expected) in [
        (
            &["--cert-duration", "1h", "--cert-renew-before", "1h"][..],
            "--cert-renew-before: must be less than --cert-duration",
        ),
        (&["--ca-duration", "1h", "--ca-renew-before", "1h"], "--ca-renew-before: must be less than --ca-duration"),
        (
            &["--ca-overlap", "1h", "--ca-renew-before", "1h"],
            "--ca-overlap: must be less than --ca-renew-before, or the CA expires before the next one signs",
        ),
    ] {
        let found = error("guard/ca", &[&["--tls-name", "a"], more].concat());
        assert_eq!(found, format!("error: {expected}\n"));
    }
    let no_seconds = error("guard/ca", &["--tls-name", "a", "--cert-duration", "30"]);
    assert!(no_seconds.contains("not a duration such as 720h, 30m or 45s"), "{no_seconds}");
    assert!(error("guard/ca", &[]).contains("--tls-name"));
    let both = error("guard/ca", &["--tls-name", "a", "--tls-cert", "a", "--tls-key", "b"]);
    assert!(both.contains("cannot be used with"), "{both}");
}

#[test]
fn invalid_names_are_rejected() {
    let kubeconfig = fixtures().join("kubeconfig.yaml");
    let path = kubeconfig.to_str().unwrap();
    let found = error("guard/ca", &["--tls-name", "a b", "--kubeconfig", path]);
    assert_eq!(found, "error: --tls-name \"a b\": not a DNS name\n");
}
