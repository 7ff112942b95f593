//! Connections stay open between two requests for as long as kube-apiserver keeps them, which is 90 s. Needs no
//! cluster.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use rustls::version::TLS13;

use crate::program::Server;
use crate::raw_http::{Tls, client, connect};
use crate::webhook::{ALLOWED, POLICY};

/// The number of connections per group. All groups together have fewer than the limit of 640.
const CONNECTIONS: usize = 150;
/// The seconds after which each group sends another request.
const REQUEST_TIMES: [&[u64]; 4] = [&[5, 10, 15, 20, 25, 30, 35, 40, 45], &[30, 60], &[89], &[91]];

/// Whether a request gets a response and the connection stays open.
fn is_answered(stream: &mut Tls) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    if stream.write_all(b"GET /validate HTTP/1.1\r\nHost: localhost\r\n\r\n").is_err() {
        return false;
    }
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 405 ") && !head.contains("connection: close"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).is_ok()
}

#[test]
fn idle_connections_stay_open_for_90_seconds() {
    let server = Server::start(&format!("{POLICY}{ALLOWED}"));
    let config = std::sync::Arc::new(client(&server, &[&TLS13]).with_no_client_auth());
    let open = || {
        let mut stream = connect(&server, &config).unwrap();
        assert!(is_answered(&mut stream));
        stream
    };
    let mut groups = REQUEST_TIMES.map(|after| (after, (0..CONNECTIONS).map(|_| open()).collect::<Vec<_>>()));
    let began = Instant::now();
    thread::scope(|scope| {
        for (after, streams) in &mut groups {
            scope.spawn(move || {
                for seconds in *after {
                    thread::sleep(Duration::from_secs(*seconds).saturating_sub(began.elapsed()));
                    let answered = streams.iter_mut().filter_map(|stream| is_answered(stream).then_some(())).count();
                    assert_eq!(answered, CONNECTIONS, "after {seconds} s");
                }
            });
        }
    });
}
