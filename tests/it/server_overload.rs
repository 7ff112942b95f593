//! More clients than the connection limit: new connections get responses, idle ones are closed for them, and
//! afterwards the server works as before.

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
const HELD_CONNECTIONS: usize = 634;
/// The most connections of the webhook's port.
const MAX_CONNECTIONS: usize = 640;
/// Clients that open one connection after the other, far more than the remaining slots.
const CLIENTS: usize = 64;
/// The number of responses on new connections to wait for.
const MIN_RESPONSES: usize = 2_000;
/// Open files of the server that are not connections, and connections that are being closed.
const FILE_SLACK: usize = 128;
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

    /// Whether the response is 200; `false` if the connection was closed before.
    fn is_answered(&self, connection: &mut Connection) -> bool {
        let Ok(reply) = connection.send(&self.request) else { return false };
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

/// Opens more idle connections than fit, and returns the maximum number of open files of the server.
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
fn connection_flood_gets_responses() {
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
    let (is_over, answered, closed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            while !is_over.load(Ordering::Relaxed) {
                assert!(target.is_answered(&mut target.open()), "a new connection was closed");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        // An open connection gets a response, unless it was closed while it was idle.
        for turn in 0.. {
            let connection = &mut connections[turn % HELD_CONNECTIONS];
            if !target.is_answered(connection) {
                closed.fetch_add(1, Ordering::Relaxed);
                *connection = target.open();
                assert!(target.is_answered(connection));
            }
            let is_enough = answered.load(Ordering::Relaxed) >= MIN_RESPONSES;
            if is_enough || clients.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let (answered, closed) = (answered.into_inner(), closed.into_inner());
    println!("{answered} responses on new connections, {closed} idle connections closed");
    let after = resident(&server);
    assert!(after < before + MAX_MEMORY_GROWTH, "{before} bytes of memory, then {after}");
    let most = max_open_files(&server, address);
    println!("at most {most} open files");
    assert!(most <= own + MAX_CONNECTIONS + FILE_SLACK, "{own} open files, then {most}");
    // Silent connections are closed before those that had a request.
    let open = connections.iter_mut().map(|connection| usize::from(target.is_answered(connection))).sum::<usize>();
    println!("{open} of {HELD_CONNECTIONS} connections are still open");
    assert!(open >= HELD_CONNECTIONS / 2, "{open}");
    drop(connections);
    eventually("new connections get responses", || target.is_answered(&mut target.open()));
    eventually("many connections get responses", || {
        (0..50).map(|_| target.open()).all(|mut connection| target.is_answered(&mut connection))
    });
}
