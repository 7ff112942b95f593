//! `certs`: the files that it writes, and rejected input.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use x509_parser::prelude::*;

use crate::program::run;

#[test]
fn writes_ca_and_certificate_for_requested_names() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("a/b");
    let out = out.to_str().unwrap();
    let output =
        run(&["certs", "--out", out, "--dns", "guard.default.svc", "--dns", "*.example.org", "--ip", "10.0.0.7"]);
    assert!(output.status.success(), "{output:?}");
    let expected = ["ca.crt", "ca.key", "tls.crt", "tls.key"].map(|name| format!("{out}/{name}\n")).concat();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    for (name, mode) in [("ca.crt", 0o644), ("ca.key", 0o600), ("tls.crt", 0o644), ("tls.key", 0o600)] {
        let permissions = fs::metadata(format!("{out}/{name}")).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
    }
    let (ca, leaf) = (pem(out, "ca.crt"), pem(out, "tls.crt"));
    let (ca, leaf) = (ca.parse_x509().unwrap(), leaf.parse_x509().unwrap());
    assert!(ca.is_ca());
    assert!(!leaf.is_ca());
    assert_eq!(leaf.issuer(), ca.subject());
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    let names: Vec<String> = names.value.general_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["DNSName(guard.default.svc)", "DNSName(*.example.org)", "IPAddress(0a:00:00:07)"]);
}

#[test]
fn existing_files_are_kept_without_force() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    fs::write(folder.path().join("tls.key"), "mine").unwrap();
    let refused = run(&["certs", "--out", out]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        format!("error: {out}/tls.key: already exists\nhint: --force replaces it; --out writes to another folder\n")
    );
    assert_eq!(fs::read_dir(out).unwrap().count(), 1);
    assert!(run(&["certs", "--out", out, "--force"]).status.success());
    assert!(fs::read_to_string(folder.path().join("tls.key")).unwrap().contains("PRIVATE KEY"));
}

#[test]
fn invalid_dns_names_are_rejected() {
    for name in ["", "a b", "a-", "a..b", "ü.example", "a/b"] {
        let refused = run(&["certs", "--out", "/nowhere", "--dns", name]);
        assert_eq!(refused.status.code(), Some(2), "{name:?}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(stderr, format!("error: --dns {name:?}: not a DNS name\n"));
    }
}

fn pem(out: &str, name: &str) -> Pem {
    Pem::iter_from_buffer(&fs::read(format!("{out}/{name}")).unwrap()).next().unwrap().unwrap()
}
