//! SIGTERM and SIGINT: responses while draining, and the exit.

use std::fs;
use std::time::Duration;

use crate::program::{Server, agent, fixtures};

const DENY_ALL: &str = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";

fn create() -> Vec<u8> {
    fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap()
}

/// Sends a review. Returns the status, and whether the connection is closed.
fn review(server: &Server, agent: &ureq::Agent) -> (u16, bool) {
    let url = format!("{}/validate", server.webhook);
    let answer = agent.post(&url).content_type("application/json").send(&create()[..]).unwrap();
    let connection = answer.headers().get("connection").map(|value| value.to_str().unwrap().to_lowercase());
    (answer.status().as_u16(), connection.as_deref() == Some("close"))
}

#[test]
fn draining_server_responds_and_closes_connections() {
    let mut server = Server::start_with(DENY_ALL, &["--drain-delay", "3"]);
    let ca = fs::read(server.path("ca.crt")).unwrap();
    let (existing, new) = (agent(&ca), agent(&ca));
    assert_eq!(review(&server, &existing), (200, false));
    server.signal("TERM");
    server.wait_for_log("draining");
    let ready = server.get(&format!("{}/readyz", server.health));
    assert_eq!((ready.status().as_u16(), ready.body().as_str()), (503, "shutting down\n"));
    assert_eq!(server.get(&format!("{}/livez", server.health)).status(), 200);
    // On the open connection, and on new ones.
    assert_eq!(review(&server, &existing), (200, true));
    for _ in 0..10 {
        assert_eq!(review(&server, &new), (200, true));
        std::thread::sleep(Duration::from_millis(50));
    }
    server.wait_for_log("stopping");
    server.wait_for_log("stopped");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn second_signal_stops_immediately() {
    for second in ["TERM", "INT"] {
        let mut server = Server::start_with(DENY_ALL, &["--drain-delay", "25"]);
        server.signal("TERM");
        server.wait_for_log("draining");
        server.signal(second);
        assert_eq!(server.wait_for_log("stopping")["graceful"], false);
        server.wait_for_log("stopped");
        assert_eq!(server.exit_code(), Some(0));
    }
}
