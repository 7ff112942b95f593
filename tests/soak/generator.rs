//! An open-loop load generator: it sends requests at a fixed rate, whether or not earlier ones got a response. Like
//! kube-apiserver, it uses idle connections and opens new ones if there are none.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connection::{Reply, reply};

/// The timeout of kube-apiserver: the chart's `timeoutSeconds`.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The number of idle connections that kube-apiserver keeps.
const MAX_IDLE_CONNECTIONS: usize = 25;
/// The maximum number of concurrent requests per generator: three kube-apiservers have up to 600 each
/// (`--max-requests-inflight` and `--max-mutating-requests-inflight`). Requests beyond it are counted as not sent.
const MAX_CONCURRENT_REQUESTS: usize = 900;
const TICK: Duration = Duration::from_millis(1);

/// The address, the request and the expected response.
#[derive(Clone)]
pub struct LoadTarget {
    pub address: SocketAddr,
    pub trust: Arc<ClientConfig>,
    pub request: Vec<u8>,
    pub answer: Vec<u8>,
}

/// The results of the requests.
#[derive(Default)]
pub struct Outcome {
    /// Correct responses on open connections: the duration of each.
    pub on_open: Vec<Duration>,
    /// Correct responses on new connections: the duration of each, with the handshake.
    pub on_new: Vec<Duration>,
    /// 503 responses with `Retry-After`: the duration of each.
    pub rejected: Vec<Duration>,
    /// Connections that ended before a response.
    pub disconnected: usize,
    pub timed_out: usize,
    pub not_sent: usize,
    pub connections: usize,
}

type Stream = TlsStream<TcpStream>;

struct Generator {
    target: LoadTarget,
    idle: RefCell<Vec<Stream>>,
    concurrent_requests: Cell<usize>,
    outcome: RefCell<Outcome>,
}

/// Sends requests at a rate for a time, and waits for all responses.
pub fn generate_load(target: LoadTarget, rate: f64, lasting: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let all = Rc::new(Generator {
            target,
            idle: RefCell::default(),
            concurrent_requests: Cell::new(0),
            outcome: RefCell::default(),
        });
        let (began, mut sent) = (Instant::now(), 0);
        let mut ticks = tokio::time::interval(TICK);
        while began.elapsed() < lasting {
            ticks.tick().await;
            let due = (began.elapsed().as_secs_f64() * rate) as usize;
            for _ in sent..due {
                if all.concurrent_requests.get() < MAX_CONCURRENT_REQUESTS {
                    all.concurrent_requests.set(all.concurrent_requests.get() + 1);
                    tokio::task::spawn_local(Rc::clone(&all).send_one());
                } else {
                    all.outcome.borrow_mut().not_sent += 1;
                }
            }
            sent = due;
        }
        while all.concurrent_requests.get() > 0 {
            ticks.tick().await;
        }
        all.outcome.take()
    })
}

impl Outcome {
    /// The number of correct responses.
    pub fn correct(&self) -> usize {
        self.on_open.len() + self.on_new.len()
    }
}

impl Generator {
    async fn send_one(self: Rc<Self>) {
        let began = Instant::now();
        let idle = self.idle.borrow_mut().pop();
        let is_open = idle.is_some();
        let result = tokio::time::timeout(TIMEOUT, self.send(idle)).await;
        self.concurrent_requests.set(self.concurrent_requests.get() - 1);
        let mut outcome = self.outcome.borrow_mut();
        match result {
            Ok(Some(Reply { status: 200, body, .. })) => {
                assert!(body == self.target.answer, "a wrong response: {}", String::from_utf8_lossy(&body));
                let durations = if is_open { &mut outcome.on_open } else { &mut outcome.on_new };
                durations.push(began.elapsed());
            }
            Ok(Some(Reply { status: 503, head, .. })) if head.contains("\r\nretry-after: 1\r\n") => {
                outcome.rejected.push(began.elapsed());
            }
            Ok(Some(other)) => panic!("{} {}", other.head, String::from_utf8_lossy(&other.body)),
            Ok(None) => outcome.disconnected += 1,
            Err(_) => outcome.timed_out += 1,
        }
    }

    async fn send(&self, idle: Option<Stream>) -> Option<Reply> {
        let mut stream = match idle {
            Some(stream) => stream,
            None => {
                self.outcome.borrow_mut().connections += 1;
                let socket = TcpStream::connect(self.target.address).await.ok()?;
                socket.set_nodelay(true).ok()?;
                let connector = TlsConnector::from(Arc::clone(&self.target.trust));
                connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.ok()?
            }
        };
        stream.write_all(&self.target.request).await.ok()?;
        let mut answer = Vec::with_capacity(2048);
        let whole = loop {
            if let Some(whole) = reply(&answer) {
                break whole;
            }
            if stream.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        };
        if !whole.head.contains("\r\nconnection: close\r\n") && self.idle.borrow().len() < MAX_IDLE_CONNECTIONS {
            self.idle.borrow_mut().push(stream);
        }
        Some(whole)
    }
}
