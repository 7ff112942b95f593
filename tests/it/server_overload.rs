//! More clients than the connection limit: served connections get responses, others get 503, and afterwards the
//! server works as before.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;

use crate::connection::{Connection, request, trusting};
use crate::program::{Server, eventually, fixtures};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
/// Connections that stay open: almost the limit.
const HELD_CONNECTIONS: usize = 1_010;
/// Clients that open one connection after the other, far more than the remaining slots.
const CLIENTS: usize = 64;
/// The number of 503 responses to wait for.
const MIN_REJECTIONS: usize = 200;
/// Open files of the server that are not connections.
const FILE_SLACK: usize = 16;
/// The allowed growth of the memory in bytes.
const MAX_MEMORY_GROWTH: usize = 64 * 1024 * 1024;

struct FloodTarget {
    address: SocketAddr,
    trust: Arc<ClientConfig>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl FloodTarget {
    fn open(&self) -> Connection {
        Connection::open(self.address, &self.trust).unwrap()
    }

    /// Whether the response is 200; otherwise it must be 503 with Retry-After.
    fn is_answered(&self, connection: &mut Connection) -> bool {
        let reply = connection.send(&self.request).unwrap();
        if reply.status == 503 {
            assert!(reply.head.contains("\r\nretry-after: 1\r\n"), "{}", reply.head);
            assert!(reply.head.contains("\r\nconnection: close\r\n"), "{}", reply.head);
            return false;
        }
        assert_eq!((reply.status, &reply.body), (200, &self.answer));
        true
    }
}

/// Starts a server that logs no reviews. Each connection needs a file descriptor here and one in the server.
fn start() -> Server {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let more = rustix::process::Rlimit { current: most.maximum, maximum: most.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, more).unwrap();
    Server::start_with(DENY_ALL, &["--log-level", "info,servicecidr_guard::server::http::admission=warn"])
}

fn descriptors(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count()
}

/// Opens more idle connections than are accepted, and returns the maximum number of open files of the server. The
/// others wait in the kernel.
fn max_open_files(server: &Server, address: SocketAddr) -> usize {
    let (mut silent, mut most) = (Vec::new(), 0);
    for _ in 0..37 {
        silent.extend((0..10).map(|_| TcpStream::connect(address).unwrap()));
        thread::sleep(Duration::from_millis(20));
        most = most.max(descriptors(server));
    }
    most
}

fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn connection_flood_gets_responses_or_503() {
    let server = start();
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(&fs::read(server.path("ca.crt")).unwrap());
    let create = request(&fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap());
    let answer = Connection::open(address, &trust).unwrap().send(&create).unwrap().body;
    let target = FloodTarget { address, trust, request: create, answer };

    let own = descriptors(&server);
    let answered_once = |_| {
        let mut connection = target.open();
        assert!(target.is_answered(&mut connection));
        connection
    };
    let mut connections: Vec<Connection> = (0..HELD_CONNECTIONS).map(answered_once).collect();
    let before = resident(&server);
    let (is_over, answered, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            while !is_over.load(Ordering::Relaxed) {
                let count = if target.is_answered(&mut target.open()) { &answered } else { &refused };
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        // Open connections get a response every time.
        for turn in 0.. {
            assert!(target.is_answered(&mut connections[turn % HELD_CONNECTIONS]));
            let is_enough = refused.load(Ordering::Relaxed) >= MIN_REJECTIONS && answered.load(Ordering::Relaxed) > 0;
            if is_enough || clients.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let (answered, refused) = (answered.into_inner(), refused.into_inner());
    println!("{answered} responses, {refused} times 503");
    let after = resident(&server);
    assert!(after < before + MAX_MEMORY_GROWTH, "{before} bytes of memory, then {after}");
    let most = max_open_files(&server, address);
    println!("at most {most} open files");
    assert!(most <= own + 1_280 + FILE_SLACK, "{own} open files, then {most}");
    assert!(connections.iter_mut().all(|connection| target.is_answered(connection)));
    drop(connections);
    eventually("new connections get responses", || target.is_answered(&mut target.open()));
    eventually("many connections get responses", || {
        (0..50).map(|_| target.open()).all(|mut connection| target.is_answered(&mut connection))
    });
}
