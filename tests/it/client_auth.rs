//! `--client-ca` and `--client-name`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::program::{Server, program};
use crate::raw_http;

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

/// A CA: its certificate and its issuer.
fn ca(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
}

/// A client's certificate and key.
struct Client {
    cert: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn client(issuer: &Issuer<'static, KeyPair>, name: &str, change: impl Fn(&mut CertificateParams)) -> Client {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    change(&mut params);
    let cert = params.signed_by(&key, issuer).unwrap().der().clone();
    Client { cert, key: PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap() }
}

/// Whether a client gets a response.
fn is_answered(server: &Server, client: Option<&Client>) -> bool {
    let config = raw_http::client(server, &[&TLS12, &TLS13]);
    let config = match client {
        Some(Client { cert, key }) => config.with_client_auth_cert(vec![cert.clone()], key.clone_key()).unwrap(),
        None => config.with_no_client_auth(),
    };
    // With TLS 1.3, a client is rejected only after its handshake.
    let Ok(mut stream) = raw_http::connect(server, &Arc::new(config)) else { return false };
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = [0; 12];
    let is_read = sent.and_then(|()| stream.read_exact(&mut answer)).is_ok();
    assert!(!is_read || &answer == b"HTTP/1.1 404");
    is_read
}

/// Starts a server with a client CA and names.
fn server_with_client_ca(ca: &str, names: &[&str]) -> (Server, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clients.crt");
    fs::write(&path, ca).unwrap();
    let mut arguments = vec!["--client-ca", path.to_str().unwrap()];
    for name in names {
        arguments.extend(["--client-name", name]);
    }
    (Server::start_with(DENY_ALL, &arguments), folder)
}

#[test]
fn only_clients_with_ca_and_name_are_served() {
    let (ours, theirs) = (ca("ours"), ca("theirs"));
    let (server, _folder) = server_with_client_ca(&ours.0, &["kube-apiserver", "webhook-client"]);
    let as_it_is = |_: &mut CertificateParams| {};
    assert!(is_answered(&server, Some(&client(&ours.1, "kube-apiserver", as_it_is))));
    let by_dns_name = client(&ours.1, "x", |params| {
        params.subject_alt_names.push(rcgen::SanType::DnsName("webhook-client".try_into().unwrap()));
    });
    assert!(is_answered(&server, Some(&by_dns_name)));

    assert!(!is_answered(&server, None));
    assert!(!is_answered(&server, Some(&client(&theirs.1, "kube-apiserver", as_it_is))));
    assert!(!is_answered(&server, Some(&client(&ours.1, "somebody", as_it_is))));
    assert!(!is_answered(&server, Some(&client(&ours.1, "kube-apiserver.example.org", as_it_is))));
    let expired = client(&ours.1, "kube-apiserver", |params| {
        params.not_after = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
    });
    assert!(!is_answered(&server, Some(&expired)));
    let of_a_server = client(&ours.1, "kube-apiserver", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert!(!is_answered(&server, Some(&of_a_server)));
    // The health port needs no client certificate.
    assert_eq!(server.get(&format!("{}/readyz", server.health)).status(), 200);

    let (server, _folder) = server_with_client_ca(&ours.0, &[]);
    assert!(is_answered(&server, Some(&client(&ours.1, "anybody", as_it_is))));
    assert!(!is_answered(&server, Some(&client(&theirs.1, "anybody", as_it_is))));
}

#[test]
fn client_ca_is_reloaded_and_invalid_file_is_ignored() {
    let (first, second) = (ca("first"), ca("second"));
    let (server, folder) = server_with_client_ca(&first.0, &[]);
    let clients = [&first, &second].map(|(_, issuer)| client(issuer, "kube-apiserver", |_| {}));
    let answered = |server: &Server| clients.each_ref().map(|client| is_answered(server, Some(client)));
    assert_eq!(answered(&server), [true, false]);
    let path = folder.path().join("clients.crt");
    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(&path, broken).unwrap();
        server.wait_for_log("client CA reload failed, keeping the previous one");
        assert_eq!(answered(&server), [true, false]);
    }
    fs::write(&path, format!("{}{}", first.0, second.0)).unwrap();
    server.wait_for_log("client CA reloaded");
    assert_eq!(answered(&server), [true, true]);
    fs::write(&path, &second.0).unwrap();
    server.wait_for_log("client CA reloaded");
    assert_eq!(answered(&server), [false, true]);
}

#[test]
fn invalid_client_ca_fails_startup() {
    let folder = TempDir::new().unwrap();
    assert!(program().arg("certs").arg("--out").arg(folder.path()).output().unwrap().status.success());
    fs::write(folder.path().join("policy.yaml"), DENY_ALL).unwrap();
    let serve = |more: &[&str]| {
        let output = program()
            .args(["serve", "--policy", "policy.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, stderr) = serve(&["--client-ca", "policy.yaml"]);
    assert!(code == Some(2) && stderr.starts_with("error: policy.yaml: no CA certificate in it: "), "{stderr}");
    let (code, stderr) = serve(&["--client-ca", "absent.crt"]);
    assert_eq!((code, stderr.as_str()), (Some(2), "error: absent.crt: No such file or directory (os error 2)\n"));
    let (code, stderr) = serve(&["--client-name", "kube-apiserver"]);
    assert!(code == Some(2) && stderr.contains("--client-ca <FILE>"), "{stderr}");
}
