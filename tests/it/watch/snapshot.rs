//! A command that reads an API server once: what it says when that is slow, silent, refusing or old.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::program::program;

use super::fake_api_server::Mock;
use super::fake_cluster::{ADDRESSES, FakeResponse, NODES, SERVICE_CIDRS, SERVICES, address, node, service_cidr};
use super::follower::source;

/// A cluster of some addresses, each of a Service.
fn mock(addresses: u32) -> Mock {
    let mock = Mock::start();
    let mut world = mock.world();
    world.put(SERVICE_CIDRS, service_cidr("kubernetes", &["10.96.0.0/16"]));
    for number in 0..addresses {
        let (name, ip) = (format!("s{number}"), std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string());
        world.put(ADDRESSES, address(&ip, &name));
        let service =
            json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"clusterIP": ip, "clusterIPs": [ip]}});
        world.put(SERVICES, service);
    }
    world.put(NODES, node("worker-1", &["10.244.0.0/24"], "192.168.1.11"));
    drop(world);
    mock
}

/// What a command prints of a cluster, what it says beside, and how it ends.
fn asked(mock: &Mock, arguments: &[&str]) -> (String, String, i32) {
    let (_, kubeconfig) = source(&format!("http://{}", mock.address));
    let output = program().args(arguments).arg("--kubeconfig").arg(kubeconfig.path()).args(["--context", "x"]).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&mock.address.to_string(), "SERVER");
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn report(mock: &Mock) -> Value {
    let (data, said, code) = asked(mock, &["report", "-o", "json"]);
    assert_eq!((said.as_str(), code), ("", 0));
    serde_json::from_str(&data).unwrap()
}

#[track_caller]
fn check_failure(mock: &Mock, arguments: &[&str], expected: &str) {
    let (data, said, code) = asked(mock, arguments);
    assert_eq!((data.as_str(), said.as_str(), code), ("", expected, 3));
}

#[test]
fn a_list_of_many_pages_is_read_to_its_end() {
    let mock = mock(1234);
    let report = report(&mock);
    assert_eq!(report["families"][0]["used"], "1234");
    // The addresses have none of the allocator's labels.
    assert_eq!(
        (&report["unallocatedServices"]["count"], &report["leakedAddresses"]["count"]),
        (&json!("0"), &json!("0"))
    );
    assert_eq!(mock.world().count(ADDRESSES, false), 3);
    assert_eq!(mock.world().count(SERVICE_CIDRS, true), 0, "nothing is watched");
    assert_eq!(mock.world().count(NODES, false), 0, "nobody asked for Nodes");
}

#[test]
fn pages_that_had_to_be_given_up_are_read_anew_and_nothing_of_them_stays() {
    let mock = mock(1200);
    let turns = AtomicUsize::new(0);
    mock.answer(move |asked| {
        // The third page, twice.
        let is_late = asked.path == ADDRESSES && asked.query.contains_key("continue");
        if is_late && [1, 3].contains(&turns.fetch_add(1, Ordering::SeqCst)) {
            FakeResponse::Status(410, "", "The provided continue parameter is too old")
        } else {
            FakeResponse::Right
        }
    });
    assert_eq!(report(&mock)["families"][0]["used"], "1200");
    assert_eq!(mock.world().count(ADDRESSES, false), 9);
}

#[test]
fn an_address_that_is_gone_when_a_list_begins_anew_is_not_counted() {
    let mock = mock(2);
    let turns = AtomicUsize::new(0);
    let first_page = r#"{"kind":"IPAddressList","metadata":{"resourceVersion":"7","continue":"more"},
        "items":[{"metadata":{"name":"10.96.9.9"}},{"metadata":{"name":"10.96.0.1"}}]}"#;
    mock.answer(move |asked| match (asked.path.as_str(), turns.load(Ordering::SeqCst)) {
        (ADDRESSES, 0) => {
            turns.store(1, Ordering::SeqCst);
            FakeResponse::Body(first_page)
        }
        (ADDRESSES, 1) => {
            turns.store(2, Ordering::SeqCst);
            FakeResponse::Status(410, "", "The provided continue parameter is too old")
        }
        _ => FakeResponse::Right,
    });
    assert_eq!(report(&mock)["families"][0]["used"], "2");
}

#[test]
fn what_cant_be_listed_is_an_error_that_says_what_to_look_at() {
    let mock = mock(3);
    let refuse = |path: &'static str, answer: FakeResponse| {
        mock.answer(move |asked| if asked.path == path { answer.clone() } else { FakeResponse::Right });
    };
    refuse(ADDRESSES, FakeResponse::Status(403, "", "User x cannot list resource"));
    check_failure(
        &mock,
        &["report"],
        "error: can't list ipaddresses.networking.k8s.io: forbidden: User x cannot list resource\n\
         hint: the account needs the verb list on ipaddresses.networking.k8s.io: `kubectl auth can-i list ipaddresses.networking.k8s.io`\n",
    );
    refuse(SERVICE_CIDRS, FakeResponse::Status(401, "", "Unauthorized"));
    check_failure(
        &mock,
        &["overlaps"],
        "error: can't list servicecidrs.networking.k8s.io: unauthorized: the API server doesn't accept the account: Unauthorized\n\
         hint: check the account with `kubectl auth whoami`\n",
    );
    refuse(SERVICE_CIDRS, FakeResponse::Hang);
    check_failure(
        &mock,
        &["report", "--request-timeout", "250ms"],
        "error: can't list servicecidrs.networking.k8s.io: no response within 0.25 s\n\
         hint: check the connection with `kubectl cluster-info`\n",
    );
    refuse(ADDRESSES, FakeResponse::Body("<html>"));
    check_failure(
        &mock,
        &["simulate", "--services", "1"],
        "error: can't list ipaddresses.networking.k8s.io: the list can't be read: expected value at line 1 column 1\n",
    );
    refuse(SERVICE_CIDRS, FakeResponse::Status(500, "", "etcd is gone"));
    check_failure(
        &mock,
        &["init"],
        "error: can't list servicecidrs.networking.k8s.io: the API server responded with 500: etcd is gone\n",
    );
}

#[test]
fn a_cluster_that_is_too_old_is_told_with_its_version() {
    let mock = mock(0);
    mock.answer(|asked| match asked.path.as_str() {
        SERVICE_CIDRS => FakeResponse::Status(404, "", "the server could not find the requested resource"),
        "/version" => FakeResponse::Body(r#"{"major": "1", "minor": "32", "gitVersion": "v1.32.9"}"#),
        _ => FakeResponse::Right,
    });
    check_failure(
        &mock,
        &["report"],
        "error: can't list servicecidrs.networking.k8s.io: not found: ServiceCIDRs need Kubernetes 1.33 or newer: the server \
         could not find the requested resource; the API server is v1.32.9\n",
    );
}

#[test]
fn without_services_and_nodes_less_is_known_and_said() {
    let mock = mock(2);
    mock.answer(|asked| match asked.path.as_str() {
        SERVICES | NODES => FakeResponse::Status(403, "", "no"),
        _ => FakeResponse::Right,
    });
    let (data, said, code) = asked(&mock, &["init"]);
    assert_eq!(code, 0, "{said}");
    assert!(data.contains("# No Node was read."), "{data}");
    assert_eq!(
        said,
        "note: can't list services: forbidden: no: Services without an IPAddress, and IPAddresses without a Service, aren't found\n\
         note: can't list nodes: forbidden: no: the networks of nodes are unknown\n"
    );
}

#[test]
fn objects_that_cant_be_read_are_left_out_by_name_as_of_a_file() {
    let mock = mock(2);
    mock.world().put(ADDRESSES, json!({"metadata": {"name": "x\u{1b}[31m"}}));
    let (data, said, code) = asked(&mock, &["report", "-o", "json"]);
    assert_eq!(code, 2);
    assert_eq!(
        said,
        "skipped: ipaddresses.networking.k8s.io: item 3 `x\\u{1b}[31m`: metadata.name: not an IP address\n\
         error: the result is incomplete: objects were skipped\n"
    );
    let report: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(report["families"][0]["used"], "2");
}

#[test]
fn files_and_a_cluster_are_not_read_together() {
    let mut said = String::new();
    for flag in [&["--context", "x"][..], &["--as", "y"], &["--request-timeout", "3"]] {
        let output = program().args(["report", "-f", "-"]).args(flag).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        write!(said, "{}", String::from_utf8(output.stderr).unwrap()).unwrap();
    }
    assert_eq!(
        said,
        "error: --context is for reading the cluster, not files (-f)\n\
         error: --as is for reading the cluster, not files (-f)\n\
         error: --request-timeout is for reading the cluster, not files (-f)\n"
    );
}

#[test]
fn no_cluster_at_all_is_told_with_what_to_do() {
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
    // A port that nobody listens on.
    let (_, kubeconfig) = source("http://127.0.0.1:1");
    let said = run(&["--kubeconfig", kubeconfig.path().to_str().unwrap(), "--context", "x"], "");
    assert!(said.starts_with("error: can't list servicecidrs.networking.k8s.io: "), "{said}");
    assert!(said.ends_with("hint: check the connection with `kubectl cluster-info`\n"), "{said}");
}
