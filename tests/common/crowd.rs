//! Crowds: many clients that keep connections of a server busy without being of use, from chosen source addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The start of a ClientHello: record header, and the first bytes of the handshake message.
const HELLO_START: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
/// How long a client waits before it opens a closed connection again.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// The same for clients that have had a response.
const IDLE_REOPEN_PAUSE: Duration = Duration::from_secs(30);
/// A crowd that opens no connection for this long is quiet.
const QUIET_TIME: Duration = Duration::from_millis(500);
/// The interval of the bytes of slow clients.
const BYTE_INTERVAL: Duration = Duration::from_secs(1);

/// What the clients of a crowd do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// They connect and send nothing.
    Silent,
    /// They send eleven bytes of a ClientHello.
    HalfHello,
    /// They send a ClientHello, one byte per second.
    SlowHello,
    /// After the handshake they send a request head, one byte per second.
    SlowHead,
    /// After a request head they send its body, one byte per second.
    SlowBody,
    /// They send one request, read the response, and are idle.
    Idle,
    /// They send 5,000 requests and read no response.
    Pipelined,
    /// They complete handshakes and close, one after the other.
    Handshakes,
}

/// Where the clients of a crowd come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// The address of the other clients.
    Own,
    /// One other address.
    Foreign,
    /// 200 other addresses.
    Many,
}

/// The server, and how to speak to it.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub trust: Arc<ClientConfig>,
    /// A complete request.
    pub request: Vec<u8>,
}

/// A running crowd. It ends when it is dropped.
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    opened: Arc<AtomicUsize>,
}

impl Sources {
    fn address(self, index: usize) -> Ipv4Addr {
        match self {
            Self::Own => Ipv4Addr::LOCALHOST,
            Self::Foreign => Ipv4Addr::new(127, 0, 1, 1),
            Self::Many => Ipv4Addr::new(127, 0, 2, 1 + u8::try_from(index % 200).unwrap()),
        }
    }
}

impl Running {
    /// Starts the members of the crowds on a thread of its own.
    pub fn start(target: &Target, crowds: &[(Crowd, usize)], sources: Sources) -> Self {
        let (stop, stopped) = oneshot::channel();
        let opened = Arc::new(AtomicUsize::new(0));
        let (target, crowds, counter) = (Arc::new(target.clone()), crowds.to_vec(), Arc::clone(&opened));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let members = tokio::task::LocalSet::new();
            for (crowd, count) in crowds {
                for index in 0..count {
                    let (target, counter) = (Arc::clone(&target), Arc::clone(&counter));
                    members.spawn_local(async move {
                        loop {
                            let source = sources.address(index);
                            let _ = crowd.join(&target, source, &counter).await;
                            sleep(crowd.reopen_pause()).await;
                        }
                    });
                }
            }
            let _ = runtime.block_on(members.run_until(stopped));
        });
        Self { stop: Some(stop), thread: Some(thread), opened }
    }

    /// Waits until no connection is opened for some time.
    #[allow(dead_code, reason = "not every test crate needs it")]
    pub fn wait_until_quiet(&self) {
        let mut before = self.opened();
        loop {
            std::thread::sleep(QUIET_TIME);
            let opened = self.opened();
            if std::mem::replace(&mut before, opened) == opened {
                return;
            }
        }
    }

    /// How many connections were opened until now.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Crowd {
    /// How long a client waits before it opens a closed connection again. Idle clients are in no hurry: if they were, they
    /// would ask for more handshakes than a debug build can do next to other tests, and which clients of one address get
    /// theirs in time would be a matter of luck.
    fn reopen_pause(self) -> Duration {
        match self {
            Self::Handshakes => Duration::ZERO,
            Self::Idle => IDLE_REOPEN_PAUSE,
            _ => REOPEN_PAUSE,
        }
    }

    /// One connection, until the server closes it.
    async fn join(self, target: &Target, source: Ipv4Addr, opened: &AtomicUsize) -> io::Result<()> {
        let mut stream = connect(target.address, source).await?;
        match self {
            Self::Silent => opened.fetch_add(1, Ordering::Relaxed),
            Self::HalfHello => {
                opened.fetch_add(1, Ordering::Relaxed);
                stream.write_all(&HELLO_START).await?;
                0
            }
            Self::SlowHello => {
                opened.fetch_add(1, Ordering::Relaxed);
                return one_by_one(&mut stream, &HELLO_START).await;
            }
            Self::SlowHead | Self::SlowBody | Self::Idle | Self::Pipelined | Self::Handshakes => {
                let stream = tls(target, stream).await?;
                opened.fetch_add(1, Ordering::Relaxed);
                return self.speak(target, stream).await;
            }
        };
        until_closed(&mut stream).await
    }

    async fn speak(self, target: &Target, mut stream: TlsStream<TcpStream>) -> io::Result<()> {
        match self {
            Self::SlowHead => return one_by_one(&mut stream, &target.request).await,
            Self::SlowBody => {
                let head = "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                return one_by_one(&mut stream, &[b' '; 1000]).await;
            }
            Self::Idle => {
                stream.write_all(&target.request).await?;
                stream.read_u8().await?;
            }
            Self::Pipelined => {
                let (mut reader, mut writer) = tokio::io::split(stream);
                for _ in 0..5_000 {
                    writer.write_all(&target.request).await?;
                }
                sleep(REOPEN_PAUSE).await;
                return until_closed(&mut reader).await;
            }
            _ => return stream.shutdown().await,
        }
        until_closed(&mut stream).await
    }
}

async fn connect(address: SocketAddr, source: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((IpAddr::from(source), 0).into())?;
    socket.connect(address).await
}

async fn tls(target: &Target, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(&target.trust)).connect(name, stream).await
}

/// Sends bytes, one per second, until they end or the server closes the connection.
async fn one_by_one(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        if let Ok(closed) = tokio::time::timeout(BYTE_INTERVAL, until_closed(stream)).await {
            return closed;
        }
    }
    until_closed(stream).await
}

async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}
