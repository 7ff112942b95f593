//! Commands that read an API server once: errors of slow, silent, failing and old servers.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::program::program;

use super::fake_api_server::FakeApiServer;
use super::fake_cluster::{ADDRESSES, FakeResponse, NODES, SERVICE_CIDRS, SERVICES, address, node, service_cidr};
use super::follower::source;

/// A fake API server with addresses, each with its Service.
fn api_server(addresses: u32) -> FakeApiServer {
    let api_server = FakeApiServer::start();
    let mut cluster = api_server.cluster();
    cluster.put(SERVICE_CIDRS, service_cidr("kubernetes", &["10.96.0.0/16"]));
    for number in 0..addresses {
        let (name, ip) = (format!("s{number}"), std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string());
        cluster.put(ADDRESSES, address(&ip, &name));
        let service =
            json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"clusterIP": ip, "clusterIPs": [ip]}});
        cluster.put(SERVICES, service);
    }
    cluster.put(NODES, node("worker-1", &["10.244.0.0/24"], "192.168.1.11"));
    drop(cluster);
    api_server
}

/// Runs a command with the cluster. Returns stdout, stderr and the exit code.
fn run_command(api_server: &FakeApiServer, arguments: &[&str]) -> (String, String, i32) {
    let (_, kubeconfig) = source(&format!("http://{}", api_server.address));
    let output = program().args(arguments).arg("--kubeconfig").arg(kubeconfig.path()).args(["--context", "x"]).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&api_server.address.to_string(), "SERVER");
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn report(api_server: &FakeApiServer) -> Value {
    let (stdout, stderr, code) = run_command(api_server, &["report", "-o", "json"]);
    assert_eq!((stderr.as_str(), code), ("", 0));
    serde_json::from_str(&stdout).unwrap()
}

#[track_caller]
fn check_failure(api_server: &FakeApiServer, arguments: &[&str], expected: &str) {
    let (stdout, stderr, code) = run_command(api_server, arguments);
    assert_eq!((stdout.as_str(), stderr.as_str(), code), ("", expected, 3));
}

#[test]
fn all_pages_are_read() {
    let api_server = api_server(1234);
    let report = report(&api_server);
    assert_eq!(report["families"][0]["used"], "1234");
    // The addresses have no labels of the allocator.
    assert_eq!(
        (&report["unallocatedServices"]["count"], &report["leakedAddresses"]["count"]),
        (&json!("0"), &json!("0"))
    );
    assert_eq!(api_server.cluster().count(ADDRESSES, false), 3);
    assert_eq!(api_server.cluster().count(SERVICE_CIDRS, true), 0, "nothing is watched");
    assert_eq!(api_server.cluster().count(NODES, false), 0, "Nodes are not read");
}

#[test]
fn expired_pages_are_read_again() {
    let api_server = api_server(1200);
    let turns = AtomicUsize::new(0);
    api_server.respond_with(move |request| {
        // The third page fails twice.
        let is_late = request.path == ADDRESSES && request.query.contains_key("continue");
        if is_late && [1, 3].contains(&turns.fetch_add(1, Ordering::SeqCst)) {
            FakeResponse::Status(410, "", "The provided continue parameter is too old")
        } else {
            FakeResponse::Normal
        }
    });
    assert_eq!(report(&api_server)["families"][0]["used"], "1200");
    assert_eq!(api_server.cluster().count(ADDRESSES, false), 9);
}

#[test]
fn removed_address_is_not_counted_after_a_restart() {
    let api_server = api_server(2);
    let turns = AtomicUsize::new(0);
    let first_page = r#"{"kind":"IPAddressList","metadata":{"resourceVersion":"7","continue":"more"},
        "items":[{"metadata":{"name":"10.96.9.9"}},{"metadata":{"name":"10.96.0.1"}}]}"#;
    api_server.respond_with(move |request| match (request.path.as_str(), turns.load(Ordering::SeqCst)) {
        (ADDRESSES, 0) => {
            turns.store(1, Ordering::SeqCst);
            FakeResponse::Body(first_page)
        }
        (ADDRESSES, 1) => {
            turns.store(2, Ordering::SeqCst);
            FakeResponse::Status(410, "", "The provided continue parameter is too old")
        }
        _ => FakeResponse::Normal,
    });
    assert_eq!(report(&api_server)["families"][0]["used"], "2");
}

#[test]
fn list_errors_have_hints() {
    let api_server = api_server(3);
    let respond_to = |path: &'static str, answer: FakeResponse| {
        api_server
            .respond_with(move |request| if request.path == path { answer.clone() } else { FakeResponse::Normal });
    };
    respond_to(ADDRESSES, FakeResponse::Status(403, "", "User x cannot list resource"));
    check_failure(
        &api_server,
        &["report"],
        "error: can't list ipaddresses.networking.k8s.io: forbidden: User x cannot list resource\n\
         hint: the account needs the verb list on ipaddresses.networking.k8s.io: `kubectl auth can-i list ipaddresses.networking.k8s.io`\n",
    );
    respond_to(SERVICE_CIDRS, FakeResponse::Status(401, "", "Unauthorized"));
    check_failure(
        &api_server,
        &["overlaps"],
        "error: can't list servicecidrs.networking.k8s.io: unauthorized: the API server doesn't accept the account: Unauthorized\n\
         hint: check the account with `kubectl auth whoami`\n",
    );
    respond_to(SERVICE_CIDRS, FakeResponse::Hang);
    check_failure(
        &api_server,
        &["report", "--request-timeout", "250ms"],
        "error: can't list servicecidrs.networking.k8s.io: no response within 0.25 s\n\
         hint: check the connection with `kubectl cluster-info`\n",
    );
    respond_to(ADDRESSES, FakeResponse::Body("<html>"));
    check_failure(
        &api_server,
        &["simulate", "--services", "1"],
        "error: can't list ipaddresses.networking.k8s.io: the list can't be read: expected value at line 1 column 1\n",
    );
    respond_to(SERVICE_CIDRS, FakeResponse::Status(500, "", "etcd is gone"));
    check_failure(
        &api_server,
        &["init"],
        "error: can't list servicecidrs.networking.k8s.io: the API server responded with 500: etcd is gone\n",
    );
}

#[test]
fn old_cluster_error_has_version() {
    let api_server = api_server(0);
    api_server.respond_with(|request| match request.path.as_str() {
        SERVICE_CIDRS => FakeResponse::Status(404, "", "the server could not find the requested resource"),
        "/version" => FakeResponse::Body(r#"{"major": "1", "minor": "32", "gitVersion": "v1.32.9"}"#),
        _ => FakeResponse::Normal,
    });
    check_failure(
        &api_server,
        &["report"],
        "error: can't list servicecidrs.networking.k8s.io: not found: ServiceCIDRs need Kubernetes 1.33 or newer: the server \
         could not find the requested resource; the API server is v1.32.9\n",
    );
}

#[test]
fn missing_services_and_nodes_are_noted() {
    let api_server = api_server(2);
    api_server.respond_with(|request| match request.path.as_str() {
        SERVICES | NODES => FakeResponse::Status(403, "", "no"),
        _ => FakeResponse::Normal,
    });
    let (stdout, stderr, code) = run_command(&api_server, &["init"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("# No Node was read."), "{stdout}");
    assert_eq!(
        stderr,
        "note: can't list services: forbidden: no: Services without an IPAddress, and IPAddresses without a Service, aren't found\n\
         note: can't list nodes: forbidden: no: the networks of nodes are unknown\n"
    );
}

#[test]
fn unreadable_objects_are_reported_by_name() {
    let api_server = api_server(2);
    api_server.cluster().put(ADDRESSES, json!({"metadata": {"name": "x\u{1b}[31m"}}));
    let (stdout, stderr, code) = run_command(&api_server, &["report", "-o", "json"]);
    assert_eq!(code, 2);
    assert_eq!(
        stderr,
        "skipped: ipaddresses.networking.k8s.io: item 3 `x\\u{1b}[31m`: metadata.name: not an IP address\n\
         error: the result is incomplete: objects were skipped\n"
    );
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["families"][0]["used"], "2");
}

#[test]
fn file_and_cluster_flags_conflict() {
    let mut stderr = String::new();
    for flag in [&["--context", "x"][..], &["--as", "y"], &["--request-timeout", "3"]] {
        let output = program().args(["report", "-f", "-"]).args(flag).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        write!(stderr, "{}", String::from_utf8(output.stderr).unwrap()).unwrap();
    }
    assert_eq!(
        stderr,
        "error: --context is for reading the cluster, not files (-f)\n\
         error: --as is for reading the cluster, not files (-f)\n\
         error: --request-timeout is for reading the cluster, not files (-f)\n"
    );
}

#[test]
fn missing_cluster_has_a_hint() {
    let run = |arguments: &[&str], kubeconfig: &str| {
        let output = program().arg("report").args(arguments).env("KUBECONFIG", kubeconfig).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let hint = "hint: without a cluster, read the output of kubectl get -o json with -f FILE\n";
    assert_eq!(
        run(&[], "/nowhere/kubeconfig"),
        format!(
            "error: no cluster: /nowhere/kubeconfig: No such file or directory (os error 2): set KUBECONFIG, or name a file \
             with --kubeconfig FILE\n{hint}"
        )
    );
    assert_eq!(
        run(&["--kubeconfig", "/nowhere/it"], ""),
        format!("error: --kubeconfig /nowhere/it: No such file or directory (os error 2)\n{hint}")
    );
    // A closed port.
    let (_, kubeconfig) = source("http://127.0.0.1:1");
    let stderr = run(&["--kubeconfig", kubeconfig.path().to_str().unwrap(), "--context", "x"], "");
    assert!(stderr.starts_with("error: can't list servicecidrs.networking.k8s.io: "), "{stderr}");
    assert!(stderr.ends_with("hint: check the connection with `kubectl cluster-info`\n"), "{stderr}");
}
