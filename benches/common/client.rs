//! `Client`: a client like kube-apiserver: one keep-alive connection, TLS 1.3.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

/// A CREATE of a ServiceCIDR, recorded from kube-apiserver 1.37.2.
const RECORDED: &str = include_str!("../../tests/fixtures/recorded/007-create-newcidr1.json");
/// Its uid, whose last twelve digits change with every request, and its CIDR.
const UID: &str = "b3276ca1-f347-49c4-b95e-2dcec3a2d40a";
pub const CIDR: &str = "10.96.0.0/24";

/// The address and TLS configuration of a webhook.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// The CA of the serving certificate, PEM.
    pub ca: Vec<u8>,
    config: Arc<ClientConfig>,
}

impl Target {
    /// Trusts one CA. Offers the cipher that kube-apiserver prefers on processors with AES, and resumes no sessions,
    /// like kube-apiserver.
    pub fn new(address: SocketAddr, ca: &[u8]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca).unwrap()).unwrap();
        let cipher_suites = vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites, ..ring::default_provider() };
        let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&TLS13]).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Self { address, ca: ca.to_owned(), config: Arc::new(config) }
    }
}

pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    request: Vec<u8>,
    /// Offset of the uid in the request.
    uid: usize,
    request_count: u64,
    answer: Vec<u8>,
    expected: &'static str,
}

impl Client {
    /// A client that creates a ServiceCIDR. Every response must contain `expected`.
    pub fn new(target: &Target, cidr: &str, is_dry_run: bool, expected: &'static str) -> Self {
        let lines: String = RECORDED.lines().map(str::trim_start).collect();
        let body = lines.replace("\": ", "\":").replace(CIDR, cidr);
        let body = body.replace("\"dryRun\":false", &format!("\"dryRun\":{is_dry_run}"));
        let request = format!(
            "POST /validate?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let socket = TcpStream::connect(target.address).unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::clone(&target.config), name).unwrap();
        let mut new = Self {
            stream: StreamOwned::new(session, socket),
            uid: request.find(UID).unwrap(),
            request: request.into_bytes(),
            request_count: 0,
            answer: Vec::new(),
            expected,
        };
        new.send();
        new
    }

    /// Sends a request, and returns the time to the response in nanoseconds.
    pub fn send(&mut self) -> f64 {
        self.request_count += 1;
        let digits = self.uid + UID.len() - 12..self.uid + UID.len();
        write!(&mut self.request[digits], "{:012x}", self.request_count).unwrap();
        let began = Instant::now();
        self.stream.write_all(&self.request).unwrap();
        self.answer.clear();
        let mut piece = [0; 16 * 1024];
        while !is_whole(&self.answer) {
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "the server closed the connection");
            self.answer.extend_from_slice(&piece[..count]);
        }
        let took = began.elapsed().as_nanos() as f64;
        self.check();
        took
    }

    /// Checks the uid and the expected content.
    fn check(&self) {
        let answer = String::from_utf8_lossy(&self.answer);
        let uid = std::str::from_utf8(&self.request[self.uid..self.uid + UID.len()]).unwrap();
        let is_right = answer.starts_with("HTTP/1.1 200") && answer.contains(uid) && answer.contains(self.expected);
        assert!(is_right, "{uid}: not {}: {answer}", self.expected);
    }
}

/// Whether a response is complete, by its Content-Length.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length:").unwrap().1.lines().next().unwrap().trim().parse::<usize>();
    answer.len() >= end + 4 + length.unwrap()
}
