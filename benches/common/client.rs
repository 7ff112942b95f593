//! `Client`: kube-apiserver's side of an admission: one connection, TLS 1.3, kept alive.

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

/// The CREATE of a ServiceCIDR, as kube-apiserver 1.37.2 sent it.
const RECORDED: &str = include_str!("../../tests/fixtures/recorded/007-create-newcidr1.json");
/// Its uid, of which the last twelve digits are other ones in every request, and its CIDR.
const UID: &str = "b3276ca1-f347-49c4-b95e-2dcec3a2d40a";
pub const CIDR: &str = "10.96.0.0/24";

/// A webhook, and how it is spoken to.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// The CA that signed its certificate, PEM.
    pub ca: Vec<u8>,
    config: Arc<ClientConfig>,
}

impl Target {
    /// Trusts a CA, offers what kube-apiserver prefers where the processor knows AES, and takes no session up again,
    /// as kube-apiserver does not.
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
    /// Where the uid stands in the request.
    uid: usize,
    request_count: u64,
    answer: Vec<u8>,
    expected: &'static str,
}

impl Client {
    /// One that asks for the creation of a ServiceCIDR. Every answer must hold what is expected.
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

    /// Asks, and gives how long the answer took, in nanoseconds.
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
            assert!(count > 0, "the server hung up");
            self.answer.extend_from_slice(&piece[..count]);
        }
        let took = began.elapsed().as_nanos() as f64;
        self.check();
        took
    }

    /// It is of this request, and says what it should.
    fn check(&self) {
        let answer = String::from_utf8_lossy(&self.answer);
        let uid = std::str::from_utf8(&self.request[self.uid..self.uid + UID.len()]).unwrap();
        let is_right = answer.starts_with("HTTP/1.1 200") && answer.contains(uid) && answer.contains(self.expected);
        assert!(is_right, "{uid}: not {}: {answer}", self.expected);
    }
}

/// Whether an answer came to its end: its head says how long its body is.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length:").unwrap().1.lines().next().unwrap().trim().parse::<usize>();
    answer.len() >= end + 4 + length.unwrap()
}
