//! One fault at a time: its error, and the recovery.

use std::time::{Duration, Instant};

use serde_json::json;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::{FailureReason, Source, WatchConfig, connect};

use super::fake_api_server::FakeApiServer;
use super::fake_cluster::{ADDRESSES, FakeResponse, Fault, SERVICE_CIDRS, address, service_cidr};
use super::follower::{FAST_CONFIG, Follower, until};
use super::{api_server, is_listed};

/// A failure of every list of ServiceCIDRs: checks its error, and that other lists are not blocked.
#[track_caller]
fn check_list(answer: FakeResponse, reason: FailureReason, error: &str) {
    let api_server = api_server(1);
    api_server
        .respond_with(move |request| if request.path == SERVICE_CIDRS { answer.clone() } else { FakeResponse::Normal });
    let follower =
        Follower::start(&api_server, WatchConfig { response_timeout: Duration::from_millis(100), ..FAST_CONFIG });
    until("a third failure", || follower.status(ResourceKind::ServiceCidrs).errors[&reason] >= 3);
    let status = follower.status(ResourceKind::ServiceCidrs);
    assert!(!status.is_listed);
    assert_eq!(status.errors.values().sum::<u64>(), status.errors[&reason]);
    assert_eq!(status.last_error.unwrap(), format!("can't list servicecidrs.networking.k8s.io: {error}"));
    until("the list of IPAddresses", || follower.status(ResourceKind::IpAddresses).is_listed);
    api_server.respond_with(|_| FakeResponse::Normal);
    follower.wait_until_synced(&api_server);
    until("no error", || follower.status(ResourceKind::ServiceCidrs).last_error.is_none());
}

#[test]
fn list_errors_name_verb_and_resource() {
    let message = "servicecidrs.networking.k8s.io is forbidden: User \\\"x\\\" cannot list";
    check_list(
        FakeResponse::Status(403, "", message),
        FailureReason::Forbidden,
        "forbidden: servicecidrs.networking.k8s.io is forbidden: User \\\"x\\\" cannot list",
    );
    check_list(
        FakeResponse::Status(401, "", "Unauthorized"),
        FailureReason::Unauthorized,
        "unauthorized: the API server doesn't accept the account: Unauthorized",
    );
    check_list(
        FakeResponse::Status(404, "", ""),
        FailureReason::NotFound,
        "not found: ServiceCIDRs need Kubernetes 1.33 or newer",
    );
}

#[test]
fn failed_list_is_retried() {
    check_list(
        FakeResponse::Status(500, "", "etcd\nis gone"),
        FailureReason::ServerError,
        "the API server responded with 500: etcd is gone",
    );
    check_list(FakeResponse::Status(429, "", "slow down"), FailureReason::Throttled, "too many requests: slow down");
    check_list(FakeResponse::Hang, FailureReason::TimedOut, "no response within 0.1 s");
}

#[test]
fn invalid_list_removes_nothing() {
    for body in [
        "<html>",
        "{}",
        r#"{"kind":"Status","metadata":{}}"#,
        r#"{"kind":"ServiceCIDRList","metadata":{"resourceVersion":"900"}}"#,
        r#"{"kind":"ServiceCIDRList","metadata":{"resourceVersion":"900"},"items":null}"#,
        r#"{"kind":"ServiceCIDRList","metadata":{"resourceVersion":""},"items":[]}"#,
        r#"{"kind":"IPAddressList","metadata":{"resourceVersion":"900"},"items":[]}"#,
        r#"{"kind":"ServiceCIDRList","metadata":{"resourceVersion":"900"},"items":[]"#,
    ] {
        let api_server = api_server(1);
        let follower = Follower::start(&api_server, FAST_CONFIG);
        follower_is_ready(&follower, &api_server);
        api_server.respond_with(move |request| match (request.path.as_str(), request.is_watch()) {
            (SERVICE_CIDRS, true) => FakeResponse::Status(410, "", "too old"),
            (SERVICE_CIDRS, false) => FakeResponse::Body(body),
            _ => FakeResponse::Normal,
        });
        api_server.cluster().compact();
        until(body, || follower.status(ResourceKind::ServiceCidrs).errors[&FailureReason::InvalidResponse] >= 2);
        assert_eq!(follower.live.read().count(ResourceKind::ServiceCidrs), 1, "{body}");
    }
}

fn follower_is_ready(follower: &Follower, api_server: &FakeApiServer) {
    follower.wait_until_synced(api_server);
    until("a list", || is_listed(follower));
    // The next compaction is behind the watch.
    api_server.cluster().version += 1;
}

#[test]
fn truncated_page_is_retried() {
    let api_server = api_server(20);
    let mut count = 0;
    api_server.respond_with(move |request| {
        count += 1;
        if request.path == ADDRESSES && count % 2 == 0 { FakeResponse::Truncated } else { FakeResponse::Normal }
    });
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower.wait_until_synced(&api_server);
    until("a list", || is_listed(&follower));
    assert_eq!(follower.status(ResourceKind::IpAddresses).seen, 20);
}

#[test]
fn expired_continue_token_restarts_the_list() {
    let api_server = api_server(20);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower_is_ready(&follower, &api_server);
    api_server.respond_with(|request| match request.query.get("continue") {
        Some(_) => FakeResponse::Status(410, "", "The provided continue parameter is too old"),
        None => FakeResponse::Normal,
    });
    api_server.cluster().compact();
    until("the list is restarted", || follower.status(ResourceKind::IpAddresses).errors[&FailureReason::Expired] >= 3);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 20);
    // Contained in the aborted lists, and deleted before the complete one.
    api_server.cluster().delete(ADDRESSES, "10.96.0.1");
    api_server.respond_with(|_| FakeResponse::Normal);
    follower.wait_until_synced(&api_server);
}

#[test]
fn retry_after_is_honoured() {
    let api_server = api_server(1);
    let mut is_first = true;
    api_server.respond_with(move |request| {
        let is_asked = request.path == SERVICE_CIDRS && std::mem::take(&mut is_first);
        if is_asked { FakeResponse::Status(429, "Retry-After: 2\r\n", "") } else { FakeResponse::Normal }
    });
    let began = Instant::now();
    let follower = Follower::start(&api_server, FAST_CONFIG);
    until("a list", || follower.status(ResourceKind::ServiceCidrs).is_listed);
    assert!(began.elapsed() >= Duration::from_secs(2));
}

/// A fault of every watch after its first event: checks the recovery, and how it is counted.
#[track_caller]
fn check_watch(fault: Fault, reason: Option<FailureReason>) {
    let api_server = api_server(3);
    api_server.respond_with(move |request| {
        if request.is_watch() { FakeResponse::EventsThenFault(1, fault) } else { FakeResponse::Normal }
    });
    let follower =
        Follower::start(&api_server, WatchConfig { idle_timeout: Duration::from_millis(200), ..FAST_CONFIG });
    for number in 0..6 {
        let mut cluster = api_server.cluster();
        cluster.put(ADDRESSES, address(&format!("10.96.5.{number}"), &format!("s{number}")));
        cluster.put(ADDRESSES, address("10.96.0.1", &format!("s{number}")));
        cluster.delete(ADDRESSES, &format!("10.96.5.{}", number - 1));
        drop(cluster);
        follower.wait_until_synced(&api_server);
    }
    if let Some(reason) = reason {
        until("the error is counted", || follower.status(ResourceKind::IpAddresses).errors[&reason] > 0);
    }
    let status = follower.status(ResourceKind::IpAddresses);
    let is_other = |(seen, count): (&FailureReason, &u64)| Some(*seen) != reason && *count > 0;
    assert!(!status.errors.iter().any(is_other), "{fault:?}: {:?}", status.errors);
    let lists = reason.is_some_and(|reason| [FailureReason::Expired, FailureReason::InvalidResponse].contains(&reason));
    assert_eq!(status.relists > 0, lists, "{fault:?}");
}

#[test]
fn broken_watch_resumes() {
    check_watch(Fault::Disconnect, Some(FailureReason::Disconnected));
    check_watch(Fault::DisconnectMidEvent, Some(FailureReason::Disconnected));
    check_watch(Fault::EndMidEvent, Some(FailureReason::Disconnected));
    check_watch(Fault::EndResponse, None);
    check_watch(Fault::Error(500), Some(FailureReason::ServerError));
    check_watch(Fault::DuplicateEvent, None);
}

#[test]
fn unresumable_watch_relists() {
    check_watch(Fault::Error(410), Some(FailureReason::Expired));
    check_watch(Fault::InvalidLine("no JSON"), Some(FailureReason::InvalidResponse));
    check_watch(Fault::InvalidLine(r#"{"type":"RENAMED","object":{}}"#), Some(FailureReason::InvalidResponse));
    check_watch(
        Fault::InvalidLine(r#"{"type":"ADDED","object":{"metadata":{"name":"10.96.0.1"}}}"#),
        Some(FailureReason::InvalidResponse),
    );
    check_watch(Fault::RepeatOldEvent, Some(FailureReason::Expired));
}

#[test]
fn silent_watch_is_reopened() {
    check_watch(Fault::Silence, Some(FailureReason::TimedOut));
}

/// etcd was restored from a backup: a watch from a future version receives nothing.
#[test]
fn restored_etcd_causes_a_relist() {
    let api_server = api_server(3);
    api_server.cluster().watch_lifetime = Duration::from_millis(100);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    follower.wait_until_synced(&api_server);
    until("a list", || is_listed(&follower));
    {
        let mut cluster = api_server.cluster();
        cluster.version = 50;
        cluster.log.clear();
        cluster.objects.get_mut(ADDRESSES).unwrap().clear();
        cluster.put(ADDRESSES, address("10.96.7.7", "restored"));
    }
    follower.wait_until_synced(&api_server);
    until("the error is counted", || follower.status(ResourceKind::IpAddresses).errors[&FailureReason::Expired] > 0);
}

#[test]
fn unreadable_objects_are_skipped() {
    let api_server = api_server(3);
    api_server.cluster().put(SERVICE_CIDRS, service_cidr("odd", &["10.97.0.0/24", "no-cidr"]));
    api_server.cluster().put(ADDRESSES, address("no-address", "s"));
    let follower = Follower::start(&api_server, FAST_CONFIG);
    until("a list", || is_listed(&follower));
    assert_eq!(follower.status(ResourceKind::ServiceCidrs).skipped, 1);
    assert_eq!(follower.live.read().service_cidr("odd").unwrap().cidrs.len(), 1);
    assert_eq!(follower.status(ResourceKind::IpAddresses).skipped, 1);
    // An unreadable object replaces a readable one.
    let mut broken = address("10.96.0.2", "s");
    broken["spec"]["parentRef"] = json!(["not", {"a": "parent"}, 7, 8, 9]);
    api_server.cluster().put(ADDRESSES, broken);
    api_server.cluster().put(ADDRESSES, address("10.96.8.8", "s"));
    until("the next event", || follower.live.read().addresses().get("10.96.8.8".parse().unwrap()).is_some());
    assert_eq!(follower.status(ResourceKind::IpAddresses).skipped, 2);
    assert_eq!(follower.live.read().addresses().get("10.96.0.2".parse().unwrap()), None);
    api_server.cluster().put(ADDRESSES, address("10.96.0.2", "s"));
    api_server.cluster().delete(ADDRESSES, "no-address");
    api_server.cluster().put(SERVICE_CIDRS, service_cidr("odd", &["10.97.0.0/24"]));
    follower.wait_until_synced(&api_server);
    until("no object is skipped", || {
        follower.status(ResourceKind::IpAddresses).skipped + follower.status(ResourceKind::ServiceCidrs).skipped == 0
    });
}

#[test]
fn unreachable_api_server_is_retried() {
    let api_server = FakeApiServer::start();
    api_server.respond_with(|_| FakeResponse::CloseConnection);
    let follower = Follower::start(&api_server, FAST_CONFIG);
    until("the error is counted", || {
        follower.status(ResourceKind::ServiceCidrs).errors[&FailureReason::Unreachable] >= 3
    });
    api_server.respond_with(|_| FakeResponse::Normal);
    until("a list", || is_listed(&follower));
}

#[test]
fn invalid_kubeconfig_has_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let check = |text: Option<&str>, context: Option<&str>, expected: &str| {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let source =
            Source { kubeconfig: Some(path.clone()), context: context.map(str::to_owned), ..Source::default() };
        let error = runtime.block_on(connect(&source)).err().unwrap().to_string();
        assert_eq!(error, format!("--kubeconfig {}: {expected}", path.display()));
    };
    check(None, None, "No such file or directory (os error 2)");
    check(Some("contexts: []"), None, "has no current-context: choose one with --context NAME");
    let missing = "has no context `x`: `kubectl config get-contexts` lists them";
    check(Some("contexts: []"), Some("x"), missing);
    let text = "contexts: [{name: x, context: {cluster: c}}]";
    check(Some(text), Some("x"), "has no cluster `c`, which the context names");
}
