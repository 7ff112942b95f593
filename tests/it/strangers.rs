//! Clients that keep the webhook's port busy: silent, slow, idle and greedy ones. Callers get their responses all the
//! same. `make soak PART=strangers` measures how fast.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::connection::{Connection, Reply, request, trusting};
use crate::crowd::{Crowd, Running, Sources, Target};
use crate::program::{Server, eventually, fixtures};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
/// How many new connections have to get a response during each crowd.
const NEW_CALLERS: usize = 30;
/// The pause of a caller.
const PAUSE: Duration = Duration::from_millis(30);
/// Open files that may remain after a crowd: connections that are being closed.
const FILE_SLACK: usize = 8;

/// Every crowd with its sources. The sizes are above and below the limit of 640 connections.
const CROWDS: [(&[(Crowd, usize)], Sources); 14] = [
    (&[(Crowd::Silent, 400)], Sources::Own),
    (&[(Crowd::Silent, 1_400)], Sources::Foreign),
    (&[(Crowd::Silent, 5_000)], Sources::Own),
    (&[(Crowd::Silent, 5_000)], Sources::Many),
    (&[(Crowd::HalfHello, 400)], Sources::Foreign),
    (&[(Crowd::HalfHello, 3_000)], Sources::Own),
    (&[(Crowd::SlowHello, 3_000)], Sources::Many),
    (&[(Crowd::SlowHead, 300)], Sources::Own),
    (&[(Crowd::SlowBody, 300)], Sources::Own),
    (&[(Crowd::Idle, 1_700)], Sources::Own),
    (&[(Crowd::Idle, 1_700)], Sources::Foreign),
    (&[(Crowd::Pipelined, 2)], Sources::Own),
    (&[(Crowd::Handshakes, 1)], Sources::Foreign),
    (&EVERYONE, Sources::Many),
];

const EVERYONE: [(Crowd, usize); 8] = [
    (Crowd::Silent, 1_500),
    (Crowd::HalfHello, 500),
    (Crowd::SlowHello, 500),
    (Crowd::SlowHead, 20),
    (Crowd::SlowBody, 20),
    (Crowd::Idle, 100),
    (Crowd::Pipelined, 1),
    (Crowd::Handshakes, 1),
];

/// Clients that send the same request and expect the same response.
struct Callers {
    target: Target,
    review: Vec<u8>,
    expected: Vec<u8>,
}

/// The number of open files of the server.
fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count()
}

impl Callers {
    /// Starts a server that logs no reviews. Each connection needs a file descriptor here and one in the server.
    fn start() -> (Server, Self) {
        let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let more = rustix::process::Rlimit { current: most.maximum, maximum: most.maximum };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, more).unwrap();
        let quiet = "info,servicecidr_guard::server::http::admission=warn";
        let server = Server::start_with(DENY_ALL, &["--log-level", quiet]);
        let address: SocketAddr = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
        let trust = trusting(&fs::read(server.path("ca.crt")).unwrap());
        let review = fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
        let target = Target { address, trust, request: request(&review) };
        let expected = Connection::open(address, &target.trust).unwrap().send(&target.request).unwrap().body;
        (server, Self { target, review, expected })
    }

    fn open(&self) -> std::io::Result<Connection> {
        Connection::open(self.target.address, &self.target.trust)
    }

    /// The response to a request on a new connection.
    fn call(&self) -> std::io::Result<Reply> {
        self.open()?.send(&self.target.request)
    }

    /// Why a response isn't the expected one.
    fn fault(&self, reply: std::io::Result<Reply>) -> Option<String> {
        match reply {
            Ok(reply) if reply.status == 200 && reply.body == self.expected => None,
            Ok(reply) => Some(reply.head),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Calls on new connections and on one that stays open. Returns what went wrong.
    fn faults(&self) -> Vec<String> {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let kept = scope.spawn(|| {
                let (mut connection, mut faults) = (self.open(), Vec::new());
                while !is_over.load(Ordering::Relaxed) {
                    let mut reply = connection.as_mut().map_err(clone).and_then(|open| open.send(&self.target.request));
                    if reply.is_err() {
                        // As Go's client does when its idle connection was closed.
                        connection = self.open();
                        reply = connection.as_mut().map_err(clone).and_then(|open| open.send(&self.target.request));
                    }
                    faults.extend(self.fault(reply).map(|fault| format!("open connection: {fault}")));
                    thread::sleep(PAUSE);
                }
                faults
            });
            let mut faults = Vec::new();
            for _ in 0..NEW_CALLERS {
                faults.extend(self.fault(self.call()).map(|fault| format!("new connection: {fault}")));
                thread::sleep(PAUSE);
            }
            is_over.store(true, Ordering::Relaxed);
            faults.extend(kept.join().unwrap());
            faults
        })
    }
}

fn clone(error: &mut std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), error.to_string())
}

#[test]
fn callers_get_responses_whoever_else_is_connected() {
    let (server, callers) = Callers::start();
    let own = open_files(&server);
    for (crowds, sources) in CROWDS {
        let size: usize = crowds.iter().map(|(_, count)| count).sum();
        let running = Running::start(&callers.target, crowds, sources);
        let wanted = size.min(700);
        eventually("the crowd is connected", || running.opened() >= wanted);
        if let [(Crowd::Idle, _)] = crowds {
            running.wait_until_quiet();
        }
        let faults = callers.faults();
        if !faults.is_empty() {
            let page = server.get(&format!("{}/metrics", server.health)).into_body();
            let closed = page.lines().filter(|line| line.starts_with("servicecidr_guard_connections"));
            println!("{}", closed.collect::<Vec<_>>().join("\n"));
        }
        println!("{crowds:?} {sources:?}: {} connections opened, {} faults", running.opened(), faults.len());
        assert_eq!(faults, [""; 0], "{crowds:?} {sources:?}");
        drop(running);
        let name = format!("the files of {crowds:?} {sources:?} are closed");
        eventually(&name, || open_files(&server) <= own + FILE_SLACK);
    }
}

#[test]
fn requests_under_way_are_answered_while_connections_are_evicted() {
    let (server, callers) = Callers::start();
    let running = Running::start(&callers.target, &[(Crowd::Silent, 3_000)], Sources::Own);
    eventually("the crowd is connected", || running.opened() >= 1_500);
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                let mut connection = callers.open().unwrap();
                for turn in 0..100 {
                    let fault = callers.fault(connection.send(&callers.target.request));
                    assert_eq!(fault, None, "request {turn}");
                }
            });
        }
    });
    let evicted = "servicecidr_guard_connections_closed_total{port=\"webhook\",reason=\"evicted_stalled\"}";
    assert_ne!(server.metric(evicted).unwrap(), "0");
    let line = server.wait_for_log("connections evicted");
    assert!(line["sources"].as_str().unwrap().starts_with("127.0.0.1 ("), "{line}");
}

#[test]
fn large_bodies_of_one_source_make_room_for_others() {
    let (server, callers) = Callers::start();
    let source = IpAddr::from(Ipv4Addr::new(127, 0, 1, 1));
    let body = vec![b' '; 7 * 1024 * 1024 - 1];
    let whole = request(&[&body[..], b"x"].concat());
    // Together more than the memory of large bodies. None of them is complete.
    let greedy: Vec<Connection> = (0..9)
        .map(|_| {
            let mut connection = Connection::open_from(source, callers.target.address, &callers.target.trust).unwrap();
            connection.write(&whole[..whole.len() - 1]).unwrap();
            connection
        })
        .collect();
    let large = request(&[vec![b' '; 5 * 1024 * 1024], callers.review.clone()].concat());
    let reply = callers.open().and_then(|mut connection| connection.send(&large));
    assert_eq!(callers.fault(reply), None);
    let evicted = "servicecidr_guard_connections_closed_total{port=\"webhook\",reason=\"evicted_body\"}";
    assert_ne!(server.metric(evicted).unwrap(), "0");
    drop(greedy);
}

#[test]
fn silent_connections_on_the_health_port_make_room() {
    let (server, callers) = Callers::start();
    let address = server.health.strip_prefix("http://").unwrap().parse().unwrap();
    let target = Target { address, ..callers.target.clone() };
    let running = Running::start(&target, &[(Crowd::Silent, 1_000)], Sources::Foreign);
    eventually("the crowd is connected", || running.opened() >= 1_000);
    for _ in 0..NEW_CALLERS {
        assert_eq!(server.get(&format!("{}/livez", server.health)).status(), 200);
        thread::sleep(PAUSE);
    }
}
