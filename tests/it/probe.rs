//! `probe`: results for a webhook, for other servers, and without a server.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Server, TEST_TIMEOUT, program, run};

/// Runs `probe`. Returns exit code, stdout and stderr.
fn probe(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(&[&["probe"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A folder with a CA and a certificate for loopback.
fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    assert!(run(&["certs", "--out", folder.path().to_str().unwrap()]).status.success());
    folder
}

#[track_caller]
fn check(arguments: &[&str], code: i32, printed: &str, stderr: &str) {
    assert_eq!(probe(arguments), (Some(code), printed.to_owned(), stderr.to_owned()), "{arguments:?}");
}

const HEADER: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\n";
const UNREACHED: &str = "error: no response from the webhook\n";

#[test]
fn probe_succeeds_under_any_policy() {
    let rules = "denyAll: {operations: [CREATE, UPDATE, DELETE]}\nallowedRanges: {ranges: [192.0.2.0/24]}\n\
                 prefixLength: {ipv4: {shortest: 32}}\nusable: {validationActions: [Deny]}\nipFamilies: [IPv6]\n";
    let server = Server::start(&format!("{HEADER}{rules}"));
    let ca = server.path("ca.crt");
    let ca = ca.to_str().unwrap();
    let all = "review   ok\nlivez    ok\nreadyz   ok\nmetrics  ok\n";
    check(&["--url", &server.webhook, "--ca", ca, "--health-url", &server.health], 0, all, "");
    let url = format!("{}/validate", server.webhook);
    check(&["--url", &url, "--ca", ca, "--server-name", "localhost"], 0, "review   ok\n", "");
    check(&["--health-url", &server.health], 0, "livez    ok\nreadyz   ok\nmetrics  ok\n", "");

    let url = format!("{}/other", server.webhook);
    check(&["--url", &url, "--ca", ca], 1, "review   404: no such path\n", "");
    let (code, printed, stderr) = probe(&["--url", &server.webhook, "--ca", ca, "--server-name", "other.example"]);
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    assert!(printed.starts_with("review   TLS: invalid peer certificate: "), "{printed}");
    assert!(printed.contains("not valid for name \"other.example\""), "{printed}");

    let folder = certificates();
    let other_ca = folder.path().join("ca.crt");
    let arguments = ["--url", &server.webhook, "--ca", other_ca.to_str().unwrap(), "--health-url", &server.health];
    let (code, printed, stderr) = probe(&arguments);
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    assert!(printed.starts_with("review   TLS: invalid peer certificate: "), "{printed}");
    assert!(printed.ends_with("livez    ok\nreadyz   ok\nmetrics  ok\n"), "{printed}");
}

/// As in an image that contains only the program.
#[test]
fn probe_needs_no_system_cas() {
    let server = Server::start(&format!("{HEADER}denyAll: {{}}\n"));
    let empty = TempDir::new().unwrap();
    let probe = |arguments: &[&str]| {
        let mut command = program();
        command.env("SSL_CERT_FILE", empty.path().join("none")).env("SSL_CERT_DIR", empty.path());
        let output = command.arg("probe").args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let ca = server.path("ca.crt");
    let answer = probe(&["--url", &server.webhook, "--ca", ca.to_str().unwrap(), "--health-url", &server.health]);
    assert_eq!(answer, (Some(0), "review   ok\nlivez    ok\nreadyz   ok\nmetrics  ok\n".to_owned(), String::new()));
    let (code, printed, stderr) = probe(&["--url", &server.webhook]);
    assert_eq!((code, printed.as_str()), (Some(2), ""));
    assert!(stderr.starts_with(&format!("error: no client for {}/validate: ", server.webhook)), "{stderr}");
    assert!(stderr.ends_with("hint: --ca FILE names the CA of its certificate\n"), "{stderr}");
}

#[test]
fn draining_server_is_not_ready() {
    let policy = format!("{HEADER}denyAll: {{}}\n");
    let server = Server::start_with(&policy, &["--drain-delay", "25"]);
    server.signal("TERM");
    server.wait_for_log("draining");
    let printed = "livez    ok\nreadyz   503: shutting down\nmetrics  ok\n";
    check(&["--health-url", &server.health], 1, printed, "");
}

/// Serves every connection once, with the result of `answer` for its body.
fn serve(tls: Option<ServerConfig>, answer: impl Fn(&[u8]) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tls = tls.map(Arc::new);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            match &tls {
                Some(config) => {
                    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                    respond(StreamOwned::new(connection, stream), &answer);
                }
                None => respond(stream, &answer),
            }
        }
    });
    address
}

fn respond(mut stream: impl Read + Write, answer: impl Fn(&[u8]) -> String) {
    let mut reader = BufReader::new(&mut stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok() && !line.trim().is_empty() {
        let header = line.to_lowercase();
        length = header.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = answer(&body);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    let _ = stream.write_all(format!("{head}{answer}").as_bytes());
    let _ = stream.flush();
}

/// A server of AdmissionReviews with a certificate of the CA in `folder`.
fn review_server(folder: &TempDir, answer: impl Fn(&Value) -> Value + Send + 'static) -> String {
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(&read("tls.crt")).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("tls.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let address = serve(Some(config), move |body| answer(&serde_json::from_slice(body).unwrap()).to_string());
    format!("https://{address}")
}

#[test]
fn probe_sends_dry_run_and_checks_response() {
    let folder = certificates();
    let ca = folder.path().join("ca.crt");
    let probe_with = |answer: fn(&Value) -> Value| {
        let url = review_server(&folder, answer);
        let (code, printed, stderr) = probe(&["--url", &url, "--ca", ca.to_str().unwrap()]);
        assert_eq!(stderr, "");
        (code, printed.strip_prefix("review   ").unwrap().trim_end().to_owned())
    };
    let begins = |(code, printed): (Option<i32>, String), with: &str| {
        assert_eq!(code, Some(1));
        assert!(printed.starts_with(with), "{printed}");
    };
    let answer = probe_with(|review| {
        let request = &review["request"];
        let is_dry_run =
            request["dryRun"] == true && request["name"] == "kubernetes" && request["operation"] == "UPDATE";
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
               "response": {"uid": request["uid"], "allowed": is_dry_run, "warnings": ["any"]}})
    });
    assert_eq!(answer, (Some(0), "ok".to_owned()));
    begins(
        probe_with(|review| {
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                   "response": {"uid": review["request"]["uid"], "allowed": false}})
        }),
        "not allowed: {",
    );
    begins(
        probe_with(|_| {
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                   "response": {"uid": "another", "allowed": true}})
        }),
        "the uid differs from that of the request: {",
    );
    begins(
        probe_with(|review| json!({"response": {"uid": review["request"]["uid"], "allowed": true}})),
        "not an AdmissionReview",
    );
}

#[test]
fn probe_detects_other_servers() {
    let address = serve(None, |_| "some_metric 1\n\u{1b}[31mred".to_owned());
    let printed = "livez    ok\nreadyz   ok\nmetrics  no servicecidr_guard_build_info: some_metric 1 [31mred\n";
    check(&["--health-url", &format!("http://{address}")], 1, printed, "");
    let folder = certificates();
    let ca = folder.path().join("ca.crt");
    let (code, printed, stderr) = probe(&["--url", &format!("https://{address}"), "--ca", ca.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    assert!(printed.starts_with("review   TLS: "), "{printed}");
}

#[test]
fn unreachable_server_exits_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let silent = format!("http://{address}");
    let each = |why: &str| format!("livez    {why}\nreadyz   {why}\nmetrics  {why}\n");
    let began = Instant::now();
    check(&["--health-url", &silent, "--timeout", "1"], 3, &each("no connection: no response within 1 s"), UNREACHED);
    assert!(began.elapsed() < TEST_TIMEOUT, "three requests took {:?}", began.elapsed());
    drop(listener);
    let refused = "no connection: Connection refused (os error 111)";
    check(&["--health-url", &silent], 3, &each(refused), UNREACHED);
    let folder = certificates();
    let ca = folder.path().join("ca.crt");
    let arguments = ["--url", &format!("https://{address}"), "--ca", ca.to_str().unwrap()];
    check(&arguments, 3, &format!("review   {refused}\n"), UNREACHED);
}

#[test]
fn invalid_input_is_rejected() {
    let check = |arguments: &[&str], code, stderr: &str| check(arguments, code, "", stderr);
    let url = "write it as https://HOST[:PORT][/PATH]\n";
    for wrong in ["http://localhost/", "https://a@localhost/", "localhost:8443", "https://localhost/?a=b"] {
        check(&["--url", wrong], 2, &format!("error: --url {wrong}: {url}"));
    }
    for wrong in ["https://localhost/", "http://localhost/livez"] {
        let wanted = "write it as http://HOST[:PORT]";
        check(&["--health-url", wrong], 2, &format!("error: --health-url {wrong}: {wanted}\n"));
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.crt");
    let path = path.to_str().unwrap();
    let read = ["--url", "https://localhost/", "--ca", path];
    check(&read, 3, &format!("error: {path}: No such file or directory (os error 2)\n"));
    fs::write(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let (code, printed, stderr) = probe(&read);
    assert_eq!((code, printed.as_str()), (Some(2), ""));
    assert!(stderr.starts_with("error: no client for https://localhost/validate: "), "{stderr}");
    fs::write(path, "no PEM").unwrap();
    check(&read, 2, &format!("error: --ca {path}: no certificate in it\n"));
    for arguments in
        [&[][..], &["--timeout", "0", "--health-url", "http://a"], &["--ca", path, "--health-url", "http://a"]]
    {
        assert_eq!(probe(arguments).0, Some(2), "{arguments:?}");
    }
}
