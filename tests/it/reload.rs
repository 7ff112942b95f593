//! Changed files of a running server: invalid files are ignored.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Server, agent, eventually, fixtures, run};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
const ALLOW_10: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nallowedRanges: {ranges: [10.0.0.0/8]}\n";

fn is_allowed(server: &Server) -> bool {
    let create = fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    server.review(&create)["response"]["allowed"].as_bool().unwrap()
}

#[test]
fn changed_policy_is_loaded_and_invalid_policy_is_ignored() {
    let server = Server::start(DENY_ALL);
    assert!(!is_allowed(&server));
    fs::write(server.path("policy.yaml"), ALLOW_10).unwrap();
    server.wait_for_log("policy reloaded");
    assert!(is_allowed(&server));

    let failed = "policy reload failed, keeping the previous one";
    for broken in ["", "kind: Policy\n", "\u{0}", DENY_ALL.trim_end_matches("denyAll: {}\n")] {
        fs::write(server.path("policy.yaml"), broken).unwrap();
        server.wait_for_log(failed);
        assert!(is_allowed(&server), "{broken:?}");
    }
    assert_eq!(server.metric("servicecidr_guard_config_last_reload_successful").unwrap(), "0");
    fs::remove_file(server.path("policy.yaml")).unwrap();
    server.wait_for_log(failed);
    assert!(is_allowed(&server));

    fs::write(server.path("policy.yaml"), DENY_ALL).unwrap();
    server.wait_for_log("policy reloaded");
    assert!(!is_allowed(&server));
    assert_eq!(server.metric("servicecidr_guard_config_last_reload_successful").unwrap(), "1");
    assert_eq!(server.metric(r#"servicecidr_guard_config_reloads_total{result="success"}"#).unwrap(), "2");
    assert_eq!(server.metric(r#"servicecidr_guard_config_reloads_total{result="failure"}"#).unwrap(), "5");
}

#[test]
fn sighup_reloads_every_file() {
    let folder = TempDir::new().unwrap();
    let inventory = folder.path().join("inventory.json");
    let list = fs::read_to_string(fixtures().join("inventories/fresh.json")).unwrap();
    fs::write(&inventory, &list).unwrap();
    let overlap = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\nnoOverlap: {validationActions: [Deny]}\n";
    let server = Server::start_with(overlap, &["--inventory", inventory.to_str().unwrap()]);
    // The same length and time: only the content differs.
    let age = fs::metadata(&inventory).unwrap().modified().unwrap();
    let replace_pair = |list: &str| {
        fs::write(&inventory, list).unwrap();
        fs::File::options().append(true).open(&inventory).unwrap().set_modified(age).unwrap();
    };
    let ask_again = || {
        server.signal("HUP");
        server.wait_for_log("files read after SIGHUP");
    };
    assert!(!is_allowed(&server));
    for _ in 0..5 {
        replace_pair(&list.replace("10.96.0.0/28", "10.97.0.0/28"));
        ask_again();
        assert!(is_allowed(&server));
        replace_pair(&list);
        ask_again();
        assert!(!is_allowed(&server));
        fs::write(server.path("policy.yaml"), ALLOW_10).unwrap();
        ask_again();
        assert!(is_allowed(&server));
        fs::write(server.path("policy.yaml"), overlap).unwrap();
        ask_again();
        assert!(!is_allowed(&server));
    }
}

#[test]
fn invalid_policy_is_logged_once() {
    let server = Server::start(DENY_ALL);
    fs::write(server.path("policy.yaml"), "nonsense").unwrap();
    server.wait_for_log("policy reload failed, keeping the previous one");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(server.messages(), Vec::<String>::new());
}

#[test]
fn new_certificate_is_served_and_mismatched_pair_is_ignored() {
    let server = Server::start(DENY_ALL);
    let old_ca = fs::read(server.path("ca.crt")).unwrap();
    let is_trusted = |ca: &[u8]| agent(ca).get(format!("{}/validate", server.webhook)).call().is_ok();
    assert!(is_trusted(&old_ca));
    assert!(!is_allowed(&server));

    let other = TempDir::new().unwrap();
    assert!(run(&["certs", "--out", other.path().to_str().unwrap()]).status.success());
    let take = |name: &str| fs::copy(other.path().join(name), server.path(name)).unwrap();
    take("tls.crt");
    let failed = server.wait_for_log("certificate reload failed, keeping the previous one");
    assert!(failed["error"].as_str().unwrap().ends_with("the key is not that of the certificate"), "{failed}");
    assert!(is_trusted(&old_ca));
    take("tls.key");
    server.wait_for_log("certificate reloaded");
    let new_ca = fs::read(other.path().join("ca.crt")).unwrap();
    assert!(is_trusted(&new_ca));
    assert!(!is_trusted(&old_ca));

    for broken in ["", "-----BEGIN CERTIFICATE-----\nMIIB\n", "nonsense"] {
        fs::write(server.path("tls.crt"), broken).unwrap();
        server.wait_for_log("certificate reload failed, keeping the previous one");
        assert!(is_trusted(&new_ca), "{broken:?}");
    }
    // The first agent still has its connection.
    assert!(!is_allowed(&server));
    assert_eq!(server.metric(r#"servicecidr_guard_tls_reloads_total{result="success"}"#).unwrap(), "1");
    assert_eq!(server.metric(r#"servicecidr_guard_tls_reloads_total{result="failure"}"#).unwrap(), "4");
}

#[test]
fn kubelet_volume_update_is_detected() {
    let folder = TempDir::new().unwrap();
    volume(folder.path(), "1", DENY_ALL);
    fs::copy(folder.path().join("..1/ca.crt"), folder.path().join("ca.crt")).unwrap();
    symlink("..1", folder.path().join("..data")).unwrap();
    for name in ["policy.yaml", "tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    let server = Server::serve(folder, "policy.yaml", "tls.crt", "tls.key");
    assert!(!is_allowed(&server));

    volume(server.folder.path(), "2", ALLOW_10);
    symlink("..2", server.path("..data_tmp")).unwrap();
    fs::rename(server.path("..data_tmp"), server.path("..data")).unwrap();
    fs::remove_dir_all(server.path("..1")).unwrap();
    server.wait_for_log("certificate reloaded");
    let ca = fs::read(server.path("..2/ca.crt")).unwrap();
    eventually("the new certificate is served", || {
        agent(&ca).get(format!("{}/validate", server.webhook)).call().is_ok()
    });
    assert!(is_allowed(&server));
}

/// One generation of a volume: policy, certificate and key in a folder.
fn volume(folder: &Path, generation: &str, policy: &str) {
    let generation_folder = folder.join(format!("..{generation}"));
    assert!(run(&["certs", "--out", generation_folder.to_str().unwrap()]).status.success());
    fs::write(generation_folder.join("policy.yaml"), policy).unwrap();
}

/// A certificate that expires in so many seconds, and its key.
fn expiring_certificate(seconds: i64) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = time::OffsetDateTime::now_utc() - time::Duration::days(30);
    params.not_after = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn replace_pair(server: &Server, (cert, key): (String, String)) {
    for (name, text) in [("tls.crt", cert), ("tls.key", key)] {
        fs::write(server.path("new"), text).unwrap();
        fs::rename(server.path("new"), server.path(name)).unwrap();
    }
}

#[test]
fn expired_certificate_is_rejected_and_expiring_one_is_logged() {
    let mut server = Server::start(DENY_ALL);
    let before = server.metric("servicecidr_guard_tls_certificate_not_after_timestamp_seconds");
    replace_pair(&server, expiring_certificate(-3600));
    let mut problem = String::new();
    // The two files are replaced one after the other, and can be read in between.
    while !problem.contains("the certificate expired 36") {
        let refused = server.wait_for_log("certificate reload failed, keeping the previous one");
        problem = refused["error"].as_str().unwrap().to_owned();
    }
    assert_eq!(server.metric("servicecidr_guard_tls_certificate_not_after_timestamp_seconds"), before);
    assert!(!is_allowed(&server));
    replace_pair(&server, expiring_certificate(6 * 24 * 3600));
    let warned = server.wait_for_log("the certificate expires soon");
    assert!((518_000..=518_400).contains(&warned["seconds_left"].as_i64().unwrap()), "{warned}");
    assert_eq!(server.get(&format!("{}/readyz", server.health)).status(), 200);

    server.signal("INT");
    server.exit_code();
    replace_pair(&server, expiring_certificate(-60));
    let output = crate::program::program()
        .args(["serve", "--policy", "policy.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
        .current_dir(server.folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.starts_with("error: tls.crt: the certificate expired 6") && stderr.ends_with(" s ago\n"),
        "{stderr}"
    );
}
