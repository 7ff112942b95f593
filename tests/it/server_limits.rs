//! Limits of time, memory and connections, and failures of the log.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::SupportedProtocolVersion;

use crate::connection::{Connection, request, trusting};
use crate::program::{Server, agent, eventually, fixtures, program};
use crate::raw_http::{Tls, client, connect, tcp};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
const MIB: usize = 1024 * 1024;
/// The most connections of the webhook's port.
const MAX_CONNECTIONS: usize = 640;

fn create() -> Vec<u8> {
    fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap()
}

/// A connection with these TLS versions, after its handshake.
fn tls_with(server: &Server, versions: &[&'static SupportedProtocolVersion]) -> std::io::Result<Tls> {
    connect(server, &Arc::new(client(server, versions).with_no_client_auth()))
}

fn tls(server: &Server) -> Tls {
    tls_with(server, &[&rustls::version::TLS13]).unwrap()
}

fn head(more: &str) -> String {
    format!("POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}\r\n")
}

/// The response until the connection ends.
fn read_until_closed(stream: &mut impl std::io::Read) -> String {
    let mut answer = Vec::new();
    // A connection without a TLS close message ends too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Checks the status and message of a rejected request.
#[track_caller]
fn check_rejected(stream: &mut Tls, status: u16, sentence: &str) {
    let answer = read_until_closed(stream);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{sentence}\n")), "{answer}");
}

#[test]
fn slow_clients_time_out() {
    let server = Server::start(DENY_ALL);
    thread::scope(|scope| {
        let silent = tcp(&server);
        scope.spawn(move || assert_eq!(read_until_closed(&mut &silent), ""));
        let mut headless = tls(&server);
        headless.write_all(b"POST /validate HTTP/1.1\r\nHost: loc").unwrap();
        scope.spawn(move || {
            let answer = read_until_closed(&mut headless);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        });
        let mut bodiless = tls(&server);
        bodiless.write_all(head("Content-Length: 1000\r\n").as_bytes()).unwrap();
        scope.spawn(move || {
            // Single bytes don't extend the timeout.
            for _ in 0..100 {
                if bodiless.write_all(b" ").and_then(|()| bodiless.flush()).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(30));
            }
            check_rejected(&mut bodiless, 408, "body: not complete within 5000 ms");
        });
    });
    assert_eq!(server.review(&create())["response"]["allowed"], false);
}

#[test]
fn timeout_query_shortens_body_timeout() {
    let server = Server::start(DENY_ALL);
    let mut stream = tls(&server);
    let head = head("Content-Length: 1000\r\n").replace("/validate", "/validate?timeout=1s");
    stream.write_all(head.as_bytes()).unwrap();
    check_rejected(&mut stream, 408, "body: not complete within 900 ms");
}

#[test]
fn large_body_is_rejected_while_it_is_read() {
    let server = Server::start(DENY_ALL);
    // Rejected before the body is sent.
    let mut announced = tls(&server);
    announced.write_all(head(&format!("Content-Length: {}\r\n", 7 * MIB + 1)).as_bytes()).unwrap();
    check_rejected(&mut announced, 413, "body: larger than 7340032 bytes");
    let mut endless = tls(&server);
    endless.write_all(head("Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 65536], b"\r\n"].concat();
    for _ in 0..113 {
        endless.write_all(&chunk).unwrap();
    }
    // The response comes before the end of the body, and the rest is not kept in memory.
    let mut answer = [0; 12];
    endless.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    let before = resident(&server);
    for _ in 0..1600 {
        if endless.write_all(&chunk).is_err() {
            break;
        }
    }
    let after = resident(&server);
    assert!(after < before + 20 * MIB, "{before} bytes of memory, then {after}");
}

/// The resident memory of the server in bytes.
fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Sends more large bodies than the memory limit allows, each without its last byte. Returns the responses.
fn send_large_bodies(server: &Server, size: usize) -> Vec<String> {
    let streams: Vec<Tls> = (0..12).map(|_| tls(server)).collect();
    let waiting: Vec<Tls> = thread::scope(|scope| {
        let send = |mut stream: Tls| {
            let head = head(&format!("Content-Length: {size}\r\n"));
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&vec![b' '; size - 1]));
            stream
        };
        let threads: Vec<_> = streams.into_iter().map(|stream| scope.spawn(move || send(stream))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(server.review(&create())["response"]["allowed"], false);
    waiting.into_iter().map(|mut stream| read_until_closed(&mut stream)).collect()
}

#[test]
fn large_bodies_leave_memory_for_small_ones() {
    let server = Server::start(DENY_ALL);
    let size = 7 * MIB - 1000;
    let mut busy = Vec::new();
    // On a slow machine, the first requests can time out before the last are sent.
    eventually("some requests get 503", || {
        busy = send_large_bodies(&server, size);
        busy.retain(|answer| answer.starts_with("HTTP/1.1 503 "));
        !busy.is_empty()
    });
    for answer in busy {
        assert!(answer.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{answer}");
        assert!(answer.ends_with("request body memory limit reached, retry later\n"), "{answer}");
    }
    // Their memory is released.
    let (status, _) = server.post("/validate", &vec![b' '; size]);
    assert_eq!(status, 400);
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    // Each connection needs a file descriptor here and one in the server.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let more = rustix::process::Rlimit { current: most.maximum, maximum: most.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, more).unwrap();
    let server = Server::start(DENY_ALL);
    let address = server.webhook.strip_prefix("https://").unwrap().parse().unwrap();
    let trust = trusting(&fs::read(server.path("ca.crt")).unwrap());
    let open = || Connection::open(address, &trust).unwrap();
    let before = resident(&server);
    let mut connections: Vec<Connection> = (0..MAX_CONNECTIONS).map(|_| open()).collect();
    // The memory of an idle connection.
    let each = (resident(&server) - before) / connections.len();
    println!("{each} bytes an idle connection");
    assert!(each <= 24 * 1024, "{each} bytes each");
    let review = request(&create());
    let is_answered = |connection: &mut Connection| connection.send(&review).is_ok_and(|reply| reply.status == 200);
    // Connections that never had a request are closed, one that had a request is not.
    assert!(is_answered(connections.last_mut().unwrap()));
    let mut later: Vec<Connection> = (0..100).map(|_| open()).collect();
    assert!(later.iter_mut().all(is_answered));
    assert!(is_answered(connections.last_mut().unwrap()));
    assert!(!is_answered(&mut connections[0]));
    drop((connections, later));
    assert!(is_answered(&mut open()));
    let evicted = ["evicted_new", "evicted_unused"].map(|reason| {
        let name = "servicecidr_guard_connections_closed_total";
        server.metric(&format!("{name}{{port=\"webhook\",reason=\"{reason}\"}}")).unwrap().parse::<u64>().unwrap()
    });
    assert!(evicted.iter().sum::<u64>() >= 100, "{evicted:?}");
}

#[test]
fn min_tls_version_is_enforced() {
    use rustls::version::{TLS12, TLS13};
    let server = Server::start(DENY_ALL);
    assert!(tls_with(&server, &[&TLS12]).is_ok() && tls_with(&server, &[&TLS13]).is_ok());
    let strict = Server::start_with(DENY_ALL, &["--tls-min-version", "1.3"]);
    assert!(tls_with(&strict, &[&TLS12]).is_err() && tls_with(&strict, &[&TLS13]).is_ok());
}

#[test]
fn content_type_and_encoding_are_checked_before_the_body() {
    let server = Server::start(DENY_ALL);
    let plain = "POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";
    for more in ["", "Content-Type: text/plain\r\n", "Content-Type: application/vnd.kubernetes.protobuf\r\n"] {
        let mut stream = tls(&server);
        stream.write_all(format!("{plain}{more}\r\n").as_bytes()).unwrap();
        check_rejected(&mut stream, 415, "Content-Type is not application/json");
    }
    let mut stream = tls(&server);
    stream.write_all(head("Content-Length: 1000\r\nContent-Encoding: gzip\r\n").as_bytes()).unwrap();
    check_rejected(&mut stream, 415, "Content-Encoding is not identity: kube-apiserver sends bodies as they are");
    for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let mut stream = tls(&server);
        let body = create();
        let head = format!("{plain}Content-Type: {media_type}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.replace("1000", &body.len().to_string()).as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        assert!(read_until_closed(&mut stream).starts_with("HTTP/1.1 200 "), "{media_type}");
    }
}

#[test]
fn ambiguous_content_length_is_rejected() {
    let server = Server::start(DENY_ALL);
    for more in [
        "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 10\r\nContent-Length: 11\r\n",
        "Content-Length: +10\r\n",
        "Content-Length : 10\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ] {
        let mut stream = tls(&server);
        stream.write_all(head(more).as_bytes()).unwrap();
        let answer = read_until_closed(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{more}: {answer}");
    }
}

#[test]
fn header_size_is_limited() {
    let server = Server::start(DENY_ALL);
    let many = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect::<Vec<_>>().concat();
    let long = format!("X: {}\r\n", "1".repeat(200 * 1024));
    for more in [many, long] {
        let mut stream = tls(&server);
        // The connection can be closed before all is sent.
        let _ = stream.write_all(head(&more).as_bytes());
        let answer = read_until_closed(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(server.review(&create())["response"]["allowed"], false);
}

/// Starts a server whose log goes to `stderr`, on a known port.
fn start_with_stderr(stderr: Stdio) -> (std::process::Child, String, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    assert!(program().arg("certs").arg("--out").arg(folder.path()).output().unwrap().status.success());
    fs::write(folder.path().join("policy.yaml"), DENY_ALL).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let child = program()
        .args(["serve", "--policy", "policy.yaml", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
        .args(["--listen", &address, "--health-listen", "127.0.0.1:0", "--log-level", "debug"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap();
    (child, address, folder)
}

#[test]
fn blocked_stderr_does_not_delay_responses() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    // The pipe is never read, and full after some hundred lines.
    for stderr in [Stdio::piped(), Stdio::from(full)] {
        let (mut child, address, folder) = start_with_stderr(stderr);
        eventually("the server listens", || TcpStream::connect(&address).is_ok());
        let agent = agent(&fs::read(folder.path().join("ca.crt")).unwrap());
        let (url, review) = (format!("https://{address}/validate"), create());
        for _ in 0..1000 {
            let answer = agent.post(&url).content_type("application/json").send(&review[..]).unwrap();
            assert_eq!(answer.status(), 200);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn recovers_from_file_descriptor_exhaustion() {
    let folder = tempfile::TempDir::new().unwrap();
    assert!(program().arg("certs").arg("--out").arg(folder.path()).output().unwrap().status.success());
    fs::write(folder.path().join("policy.yaml"), DENY_ALL).unwrap();
    // The number of its own file descriptors grows with the threads.
    let most = 48 + 16 * thread::available_parallelism().unwrap().get();
    let serve = format!(
        "ulimit -n {most}; exec \"$0\" serve --policy policy.yaml --tls-cert tls.crt --tls-key tls.key \
         --listen 127.0.0.1:0 --health-listen 127.0.0.1:0 --log-format json"
    );
    let mut child = std::process::Command::new("sh")
        .args(["-c", &serve, env!("CARGO_BIN_EXE_servicecidr-guard")])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"serving\"")).unwrap();
    thread::spawn(move || lines.count());
    let started: serde_json::Value = serde_json::from_str(&started).unwrap();
    let address = started["listen"].as_str().unwrap();
    let agent = agent(&fs::read(folder.path().join("ca.crt")).unwrap());
    let url = format!("https://{address}/validate");
    let is_answered = || {
        let answer = agent.post(&url).content_type("application/json").send(&create()[..]);
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    eventually("the server has started", is_answered);
    let connections: Vec<TcpStream> = (0..2 * most).map(|_| TcpStream::connect(address).unwrap()).collect();
    thread::sleep(Duration::from_millis(500));
    drop(connections);
    eventually("the server responds again", is_answered);
    child.kill().unwrap();
    child.wait().unwrap();
}
