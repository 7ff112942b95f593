//! An open loop: requests come at their rate, whether or not others were answered. As kube-apiserver does,
//! each takes a connection that is idle, and opens one where there is none.

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

/// How long kube-apiserver waits for the answer: the chart's `timeoutSeconds`.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many idle connections kube-apiserver keeps.
const IDLE: usize = 25;
/// How many requests are under way at most, of a half: three kube-apiservers have up to 600 each at once (`--max-requests-inflight`
/// and `--max-mutating-requests-inflight`). Of more, it is counted that they were not sent.
const UNDER_WAY: usize = 900;
const TICK: Duration = Duration::from_millis(1);

/// What is asked, where, and the answer to it.
#[derive(Clone)]
pub struct LoadTarget {
    pub address: SocketAddr,
    pub trust: Arc<ClientConfig>,
    pub request: Vec<u8>,
    pub answer: Vec<u8>,
}

/// What became of the requests.
#[derive(Default)]
pub struct Outcome {
    /// Answered, and rightly: how long each took.
    pub right: Vec<Duration>,
    /// Told to come again, with `Retry-After`: how long each took.
    pub busy: Vec<Duration>,
    /// The connection broke before an answer.
    pub broken: usize,
    pub timed_out: usize,
    pub not_sent: usize,
    pub connections: usize,
}

type Stream = TlsStream<TcpStream>;

struct Loop {
    target: LoadTarget,
    idle: RefCell<Vec<Stream>>,
    under_way: Cell<usize>,
    outcome: RefCell<Outcome>,
}

/// Sends so many requests a second for a while, and waits for all answers.
pub fn generate_load(target: LoadTarget, rate: f64, lasting: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let all =
            Rc::new(Loop { target, idle: RefCell::default(), under_way: Cell::new(0), outcome: RefCell::default() });
        let (began, mut sent) = (Instant::now(), 0);
        let mut ticks = tokio::time::interval(TICK);
        while began.elapsed() < lasting {
            ticks.tick().await;
            let due = (began.elapsed().as_secs_f64() * rate) as usize;
            for _ in sent..due {
                if all.under_way.get() < UNDER_WAY {
                    all.under_way.set(all.under_way.get() + 1);
                    tokio::task::spawn_local(Rc::clone(&all).one());
                } else {
                    all.outcome.borrow_mut().not_sent += 1;
                }
            }
            sent = due;
        }
        while all.under_way.get() > 0 {
            ticks.tick().await;
        }
        all.outcome.take()
    })
}

impl Loop {
    async fn one(self: Rc<Self>) {
        let began = Instant::now();
        let result = tokio::time::timeout(TIMEOUT, self.send()).await;
        self.under_way.set(self.under_way.get() - 1);
        let mut outcome = self.outcome.borrow_mut();
        match result {
            Ok(Some(Reply { status: 200, body, .. })) => {
                assert!(body == self.target.answer, "a wrong answer: {}", String::from_utf8_lossy(&body));
                outcome.right.push(began.elapsed());
            }
            Ok(Some(Reply { status: 503, head, .. })) if head.contains("\r\nretry-after: 1\r\n") => {
                outcome.busy.push(began.elapsed());
            }
            Ok(Some(other)) => panic!("{} {}", other.head, String::from_utf8_lossy(&other.body)),
            Ok(None) => outcome.broken += 1,
            Err(_) => outcome.timed_out += 1,
        }
    }

    async fn send(&self) -> Option<Reply> {
        let idle = self.idle.borrow_mut().pop();
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
        if !whole.head.contains("\r\nconnection: close\r\n") && self.idle.borrow().len() < IDLE {
            self.idle.borrow_mut().push(stream);
        }
        Some(whole)
    }
}
