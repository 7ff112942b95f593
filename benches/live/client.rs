//! `Client`: kube-apiserver's side of an admission: one connection, TLS, kept alive.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use crate::program::Program;

/// The CREATE of a ServiceCIDR, as kube-apiserver 1.37.2 sent it.
const RECORDED: &str = include_str!("../../tests/fixtures/recorded/007-create-newcidr1.json");

pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// One that will ask for the creation of a ServiceCIDR, and has seen that the answer holds what it should.
    pub fn new(program: &Program, cidr: &str, is_dry_run: bool, expected: &str) -> Self {
        let mut review: Value = serde_json::from_str(RECORDED).unwrap();
        review["request"]["object"]["spec"]["cidrs"] = json!([cidr]);
        review["request"]["dryRun"] = json!(is_dry_run);
        let body = review.to_string();
        let head = format!(
            "POST /validate?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut new = Self { stream: connect(program), request: (head + &body).into_bytes(), answer: Vec::new() };
        new.ask();
        let text = String::from_utf8_lossy(&new.answer).into_owned();
        assert!(text.starts_with("HTTP/1.1 200") && text.contains(expected), "not {expected}: {text}");
        new
    }

    /// Asks, and gives how long the answer took, in nanoseconds.
    pub fn ask(&mut self) -> f64 {
        let began = Instant::now();
        self.stream.write_all(&self.request).unwrap();
        self.answer.clear();
        let mut piece = [0; 16 * 1024];
        while !is_whole(&self.answer) {
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "the server hung up");
            self.answer.extend_from_slice(&piece[..count]);
        }
        began.elapsed().as_nanos() as f64
    }
}

fn connect(program: &Program) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&program.ca()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let socket = TcpStream::connect(program.webhook).unwrap();
    socket.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
}

/// Whether an answer came to its end: its head says how long its body is.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length:").unwrap().1.lines().next().unwrap().trim().parse::<usize>();
    answer.len() >= end + 4 + length.unwrap()
}
