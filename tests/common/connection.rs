//! A TLS connection as kube-apiserver keeps it: HTTP/1.1, keep-alive.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::program::TEST_TIMEOUT;

pub struct Connection(StreamOwned<ClientConnection, TcpStream>);

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Status line and headers in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

/// A client configuration that trusts this CA. Sessions are never resumed: kube-apiserver doesn't resume them, and
/// the certificate would not be sent.
pub fn trusting(ca: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// A review as an HTTP request.
pub fn request(review: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /validate?timeout=5s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        review.len()
    );
    [head.as_bytes(), review].concat()
}

impl Connection {
    /// Opens a connection and completes its handshake.
    pub fn open(address: SocketAddr, trust: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::on(TcpStream::connect(address)?, trust)
    }

    /// Opens a connection from this address.
    #[allow(dead_code, reason = "not every test crate needs it")]
    pub fn open_from(source: IpAddr, address: SocketAddr, trust: &Arc<ClientConfig>) -> io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect(&address.into())?;
        Self::on(socket.into(), trust)
    }

    fn on(socket: TcpStream, trust: &Arc<ClientConfig>) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TEST_TIMEOUT))?;
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::clone(trust), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Self(stream))
    }

    /// The certificate of the server, DER.
    pub fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// Sends a part of a request.
    #[allow(dead_code, reason = "not every test crate needs it")]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Sends a request and reads the response.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.0.write_all(request)?;
        let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
        loop {
            if let Some(reply) = reply(&answer) {
                return Ok(reply);
            }
            match self.0.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => answer.extend_from_slice(&piece[..count]),
            }
        }
    }
}

/// The response, if it is complete according to its Content-Length.
pub fn reply(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length: usize = head.split_once("content-length:").unwrap().1.lines().next().unwrap().trim().parse().unwrap();
    let body = answer.get(end..end + length)?.to_vec();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Reply { status, head, body })
}
