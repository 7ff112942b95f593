//! TLS: key types and chains, ALPN, session resumption.

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind};
use tempfile::TempDir;

use crate::program::{Server, fixtures, program};
use crate::raw_http::{Tls, client, connect};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

/// Sends a request and reads the response to its end, with the session ticket.
fn request(stream: &mut Tls) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// The key of a file in `tests/fixtures/keys`.
fn key(name: &str) -> String {
    fs::read_to_string(fixtures().join(format!("keys/{name}.pem"))).unwrap()
}

/// A folder with the root `ca.crt`, and a certificate signed by an intermediate: `tls.crt` contains the certificate,
/// then the intermediate.
fn certificate_folder(pkcs8: &str, written: &str) -> TempDir {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params, KeyPair::generate().unwrap())
    };
    let ((root, root_key), (between, between_key)) = (authority("root"), authority("between"));
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let between_pem = between.signed_by(&between_key, &Issuer::new(root, root_key)).unwrap().pem();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf_key = KeyPair::from_pem(&key(pkcs8)).unwrap();
    let leaf_pem = leaf.signed_by(&leaf_key, &Issuer::new(between, between_key)).unwrap().pem();
    let folder = TempDir::new().unwrap();
    for (name, text) in [
        ("ca.crt", root_pem),
        ("tls.crt", format!("{leaf_pem}{between_pem}")),
        ("upside-down.crt", format!("{between_pem}{leaf_pem}")),
        ("tls.key", key(written)),
        ("policy.yaml", DENY_ALL.to_owned()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn every_key_type_and_chain_is_served() {
    for (pkcs8, written) in [
        ("rsa-2048.pkcs8", "rsa-2048.pkcs8"),
        ("rsa-2048.pkcs8", "rsa-2048.pkcs1"),
        ("rsa-4096.pkcs8", "rsa-4096.pkcs8"),
        ("rsa-4096.pkcs8", "rsa-4096.pkcs1"),
        ("p-256.pkcs8", "p-256.pkcs8"),
        ("p-256.pkcs8", "p-256.sec1"),
        ("p-384.pkcs8", "p-384.pkcs8"),
        ("p-384.pkcs8", "p-384.sec1"),
        ("ed25519.pkcs8", "ed25519.pkcs8"),
    ] {
        let server = Server::serve(certificate_folder(pkcs8, written), "policy.yaml", "tls.crt", "tls.key");
        for version in [&TLS12, &TLS13] {
            let config = Arc::new(client(&server, &[version]).with_no_client_auth());
            let mut stream = connect(&server, &config).unwrap_or_else(|error| panic!("{written}: {error}"));
            let answer = request(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 404 "), "{written}: {answer}");
        }
    }
}

#[test]
fn unsupported_keys_and_chains_fail_startup() {
    let refused = |folder: &TempDir, cert: &str| {
        let output = program()
            .args(["serve", "--policy", "policy.yaml", "--tls-key", "tls.key", "--tls-cert", cert])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let folder = certificate_folder("p-256.pkcs8", "p-256.pkcs8");
    let stderr = refused(&folder, "upside-down.crt");
    assert_eq!(stderr, "error: upside-down.crt and tls.key: the key is not that of the certificate\n");
    fs::write(folder.path().join("tls.key"), key("p-521.pkcs8")).unwrap();
    let stderr = refused(&folder, "tls.crt");
    let kinds = "use RSA, ECDSA P-256, ECDSA P-384 or Ed25519";
    assert_eq!(stderr, format!("error: tls.crt and tls.key: the key is of a kind that can't be served: {kinds}\n"));
}

#[test]
fn only_http_1_1_is_negotiated() {
    let server = Server::start(DENY_ALL);
    let offering = |protocols: &[&str]| {
        let mut config = client(&server, &[&TLS13]).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        connect(&server, &Arc::new(config))
    };
    for offered in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        let mut stream = offering(offered).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(request(&mut stream).starts_with("HTTP/1.1 404 "));
    }
    let mut stream = offering(&[]).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), None);
    assert!(request(&mut stream).starts_with("HTTP/1.1 404 "));
    let refused = offering(&["h2"]).unwrap_err().to_string();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    // HTTP/2 without ALPN is rejected too.
    let mut stream = offering(&[]).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn client_auth_disables_session_resumption() {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let folder = TempDir::new().unwrap();
    let ca = folder.path().join("clients.crt");
    fs::write(&ca, params.self_signed(&authority).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, authority);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::default().signed_by(&own_key, &issuer).unwrap().der().clone();
    let own_key = PrivateKeyDer::from_pem_slice(own_key.serialize_pem().as_bytes()).unwrap();

    let (open, restricted) =
        (Server::start(DENY_ALL), Server::start_with(DENY_ALL, &["--client-ca", ca.to_str().unwrap()]));
    for version in [&TLS12, &TLS13] {
        let second = |server: &Server, config: ClientConfig| {
            let config = Arc::new(config);
            let mut stream = connect(server, &config).unwrap();
            assert_eq!(stream.conn.handshake_kind(), Some(HandshakeKind::Full));
            assert!(request(&mut stream).starts_with("HTTP/1.1 404 "));
            let mut stream = connect(server, &config).unwrap();
            assert!(request(&mut stream).starts_with("HTTP/1.1 404 "));
            stream.conn.handshake_kind()
        };
        // A client that can resume sessions, with a server that allows it.
        let config = client(&open, &[version]).with_no_client_auth();
        assert_eq!(second(&open, config), Some(HandshakeKind::Resumed));
        let config =
            client(&restricted, &[version]).with_client_auth_cert(vec![own.clone()], own_key.clone_key()).unwrap();
        assert_eq!(second(&restricted, config), Some(HandshakeKind::Full));
    }
}
