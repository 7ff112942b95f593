//! Webhooks replace each other, as in a rolling update, while clients create ServiceCIDRs: no request fails.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually};
use crate::webhook::{self, ALLOWED, POLICY, configuration, create, register};

const REQUESTS: usize = 20_000;
const CLIENTS: usize = 8;
/// The drain delay in seconds.
const DRAIN: &str = "2";

/// Replaces the Service: a new connection goes to the newest ready webhook, an open one stays.
struct Forwarder {
    port: u16,
    target: Arc<Mutex<String>>,
}

impl Forwarder {
    fn start(target: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(Mutex::new(address(target)));
        let its = Arc::clone(&target);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = its.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // An unreachable webhook is refused, like by kube-proxy.
                let Ok(server) = TcpStream::connect(target) else { continue };
                copy(client.try_clone().unwrap(), server.try_clone().unwrap());
                copy(server, client);
            }
        });
        Self { port, target }
    }

    fn point_at(&self, server: &Server) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = address(server);
    }
}

fn address(server: &Server) -> String {
    server.webhook.strip_prefix("https://").unwrap().to_owned()
}

/// Copies data from one connection to the other, until the end.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Starts another pod of the same Deployment, with the same certificate and policy.
fn replica(server: &Server) -> Server {
    let folder = TempDir::new().unwrap();
    for name in ["policy.yaml", "tls.crt", "tls.key", "ca.crt"] {
        fs::copy(server.path(name), folder.path().join(name)).unwrap();
    }
    Server::serve_with(folder, "policy.yaml", "tls.crt", "tls.key", &["--drain-delay", DRAIN])
}

#[test]
fn no_request_fails_during_rolling_update() {
    let plane = ControlPlane::start();
    let first = Server::start_with(&format!("{POLICY}{ALLOWED}"), &["--drain-delay", DRAIN]);
    let forwarder = Forwarder::start(&first);
    let ca = fs::read_to_string(first.path("ca.crt")).unwrap();
    register(&plane, &configuration(&format!("https://127.0.0.1:{}/validate", forwarder.port), &ca));
    webhook::wait_until_outside(&plane, "172.20.0.0/16");

    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (is_over, replaced) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::SeqCst) < REQUESTS {
                        let (status, answer) = create(&plane, "inside", &["10.96.1.0/24"], true);
                        if status != 201 {
                            failures.lock().unwrap().push(answer);
                        }
                    }
                })
            })
            .collect();
        let replaced = &replaced;
        let is_over = &is_over;
        let forwarder = &forwarder;
        scope.spawn(move || {
            let mut current = first;
            while !is_over.load(Ordering::SeqCst) {
                let new = replica(&current);
                eventually("the new webhook is ready", || webhook::get(&new, "/readyz").0 == 200);
                forwarder.point_at(&new);
                current.signal("TERM");
                assert_eq!(current.exit_code(), Some(0));
                current = new;
                replaced.fetch_add(1, Ordering::SeqCst);
            }
        });
        for client in clients {
            client.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let failures = failures.into_inner().unwrap();
    let replaced = replaced.into_inner();
    println!("{REQUESTS} requests, {replaced} replacements");
    assert!(failures.is_empty(), "{} failed, as {}", failures.len(), failures[0]);
    assert!(replaced >= 2, "only {replaced} replacements");
}
