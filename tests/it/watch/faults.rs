//! One fault at a time: what is said of it, and that it passes.

use std::time::{Duration, Instant};

use serde_json::json;
use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::{FailureReason, Source, WatchConfig, connect};

use super::fake_api_server::Mock;
use super::fake_cluster::{ADDRESSES, FakeResponse, Fault, SERVICE_CIDRS, address, service_cidr};
use super::follower::{FAST, Follower, until};
use super::{is_listed, mock};

/// A refusal of every list of ServiceCIDRs: what is said of it, and that it holds up no other.
#[track_caller]
fn check_list(answer: FakeResponse, reason: FailureReason, error: &str) {
    let mock = mock(1);
    mock.answer(move |asked| if asked.path == SERVICE_CIDRS { answer.clone() } else { FakeResponse::Right });
    let follower = Follower::start(&mock, WatchConfig { response_timeout: Duration::from_millis(100), ..FAST });
    until("a third failure", || follower.status(ResourceKind::ServiceCidrs).errors[&reason] >= 3);
    let status = follower.status(ResourceKind::ServiceCidrs);
    assert!(!status.is_listed);
    assert_eq!(status.errors.values().sum::<u64>(), status.errors[&reason]);
    assert_eq!(status.last_error.unwrap(), format!("can't list servicecidrs.networking.k8s.io: {error}"));
    until("the other list", || follower.status(ResourceKind::IpAddresses).is_listed);
    mock.answer(|_| FakeResponse::Right);
    follower.settles(&mock);
    until("no error", || follower.status(ResourceKind::ServiceCidrs).last_error.is_none());
}

#[test]
fn a_refusal_names_verb_and_resource() {
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
fn a_failing_list_is_made_again() {
    check_list(
        FakeResponse::Status(500, "", "etcd\nis gone"),
        FailureReason::ServerError,
        "the API server responded with 500: etcd is gone",
    );
    check_list(FakeResponse::Status(429, "", "slow down"), FailureReason::Throttled, "too many requests: slow down");
    check_list(FakeResponse::Hang, FailureReason::TimedOut, "no response within 0.1 s");
}

#[test]
fn a_list_that_cannot_be_trusted_forgets_nothing() {
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
        let mock = mock(1);
        let follower = Follower::start(&mock, FAST);
        follower_is_ready(&follower, &mock);
        mock.answer(move |asked| match (asked.path.as_str(), asked.is_watch()) {
            (SERVICE_CIDRS, true) => FakeResponse::Status(410, "", "too old"),
            (SERVICE_CIDRS, false) => FakeResponse::Body(body),
            _ => FakeResponse::Right,
        });
        mock.world().compact();
        until(body, || follower.status(ResourceKind::ServiceCidrs).errors[&FailureReason::InvalidResponse] >= 2);
        assert_eq!(follower.live.read().count(ResourceKind::ServiceCidrs), 1, "{body}");
    }
}

fn follower_is_ready(follower: &Follower, mock: &Mock) {
    follower.settles(mock);
    until("a list", || is_listed(follower));
    // So that the next compaction is behind the watch.
    mock.world().version += 1;
}

#[test]
fn half_a_page_is_no_page() {
    let mock = mock(20);
    let mut count = 0;
    mock.answer(move |asked| {
        count += 1;
        if asked.path == ADDRESSES && count % 2 == 0 { FakeResponse::Half } else { FakeResponse::Right }
    });
    let follower = Follower::start(&mock, FAST);
    follower.settles(&mock);
    until("a list", || is_listed(&follower));
    assert_eq!(follower.status(ResourceKind::IpAddresses).seen, 20);
}

#[test]
fn a_continue_token_that_expired_begins_the_list_anew_and_loses_nothing() {
    let mock = mock(20);
    let follower = Follower::start(&mock, FAST);
    follower_is_ready(&follower, &mock);
    mock.answer(|asked| match asked.query.get("continue") {
        Some(_) => FakeResponse::Status(410, "", "The provided continue parameter is too old"),
        None => FakeResponse::Right,
    });
    mock.world().compact();
    until("it begins anew", || follower.status(ResourceKind::IpAddresses).errors[&FailureReason::Expired] >= 3);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 20);
    // Named by the lists that didn't end, and gone before the one that does.
    mock.world().delete(ADDRESSES, "10.96.0.1");
    mock.answer(|_| FakeResponse::Right);
    follower.settles(&mock);
}

#[test]
fn retry_after_is_obeyed() {
    let mock = mock(1);
    let mut is_first = true;
    mock.answer(move |asked| {
        let is_asked = asked.path == SERVICE_CIDRS && std::mem::take(&mut is_first);
        if is_asked { FakeResponse::Status(429, "Retry-After: 2\r\n", "") } else { FakeResponse::Right }
    });
    let began = Instant::now();
    let follower = Follower::start(&mock, FAST);
    until("a list", || follower.status(ResourceKind::ServiceCidrs).is_listed);
    assert!(began.elapsed() >= Duration::from_secs(2));
}

/// A fault of every watch of IPAddresses, after its first event: that it passes, and what it counts as.
#[track_caller]
fn check_watch(fault: Fault, reason: Option<FailureReason>) {
    let mock = mock(3);
    mock.answer(move |asked| if asked.is_watch() { FakeResponse::Then(1, fault) } else { FakeResponse::Right });
    let follower = Follower::start(&mock, WatchConfig { idle_timeout: Duration::from_millis(200), ..FAST });
    for number in 0..6 {
        let mut world = mock.world();
        world.put(ADDRESSES, address(&format!("10.96.5.{number}"), &format!("s{number}")));
        world.put(ADDRESSES, address("10.96.0.1", &format!("s{number}")));
        world.delete(ADDRESSES, &format!("10.96.5.{}", number - 1));
        drop(world);
        follower.settles(&mock);
    }
    if let Some(reason) = reason {
        until("it counts", || follower.status(ResourceKind::IpAddresses).errors[&reason] > 0);
    }
    let status = follower.status(ResourceKind::IpAddresses);
    let is_other = |(seen, count): (&FailureReason, &u64)| Some(*seen) != reason && *count > 0;
    assert!(!status.errors.iter().any(is_other), "{fault:?}: {:?}", status.errors);
    let lists = reason.is_some_and(|reason| [FailureReason::Expired, FailureReason::InvalidResponse].contains(&reason));
    assert_eq!(status.relists > 0, lists, "{fault:?}");
}

#[test]
fn a_watch_that_breaks_goes_on() {
    check_watch(Fault::Cut, Some(FailureReason::Disconnected));
    check_watch(Fault::CutWithin, Some(FailureReason::Disconnected));
    check_watch(Fault::EndWithin, Some(FailureReason::Disconnected));
    check_watch(Fault::End, None);
    check_watch(Fault::Error(500), Some(FailureReason::ServerError));
    check_watch(Fault::Twice, None);
}

#[test]
fn a_watch_that_cannot_go_on_begins_with_a_list() {
    check_watch(Fault::Error(410), Some(FailureReason::Expired));
    check_watch(Fault::Line("no JSON"), Some(FailureReason::InvalidResponse));
    check_watch(Fault::Line(r#"{"type":"RENAMED","object":{}}"#), Some(FailureReason::InvalidResponse));
    check_watch(
        Fault::Line(r#"{"type":"ADDED","object":{"metadata":{"name":"10.96.0.1"}}}"#),
        Some(FailureReason::InvalidResponse),
    );
    check_watch(Fault::Again, Some(FailureReason::Expired));
}

#[test]
fn a_watch_that_says_nothing_is_opened_again() {
    check_watch(Fault::Silence, Some(FailureReason::TimedOut));
}

/// etcd was restored from a backup: a watch from a version that is yet to come says nothing.
#[test]
fn a_version_that_went_back_is_found_though_the_watch_is_silent() {
    let mock = mock(3);
    mock.world().life = Duration::from_millis(100);
    let follower = Follower::start(&mock, FAST);
    follower.settles(&mock);
    until("a list", || is_listed(&follower));
    {
        let mut world = mock.world();
        world.version = 50;
        world.log.clear();
        world.objects.get_mut(ADDRESSES).unwrap().clear();
        world.put(ADDRESSES, address("10.96.7.7", "restored"));
    }
    follower.settles(&mock);
    until("it counts", || follower.status(ResourceKind::IpAddresses).errors[&FailureReason::Expired] > 0);
}

#[test]
fn what_cannot_be_read_is_left_out_and_holds_up_nothing() {
    let mock = mock(3);
    mock.world().put(SERVICE_CIDRS, service_cidr("odd", &["10.97.0.0/24", "no-cidr"]));
    mock.world().put(ADDRESSES, address("no-address", "s"));
    let follower = Follower::start(&mock, FAST);
    until("a list", || is_listed(&follower));
    assert_eq!(follower.status(ResourceKind::ServiceCidrs).left_out, 1);
    assert_eq!(follower.live.read().service_cidr("odd").unwrap().cidrs.len(), 1);
    assert_eq!(follower.status(ResourceKind::IpAddresses).left_out, 1);
    // A state that can't be read takes the place of one that could.
    let mut broken = address("10.96.0.2", "s");
    broken["spec"]["parentRef"] = json!(["not", {"a": "parent"}, 7, 8, 9]);
    mock.world().put(ADDRESSES, broken);
    mock.world().put(ADDRESSES, address("10.96.8.8", "s"));
    until("what came after it", || follower.live.read().addresses().get("10.96.8.8".parse().unwrap()).is_some());
    assert_eq!(follower.status(ResourceKind::IpAddresses).left_out, 2);
    assert_eq!(follower.live.read().addresses().get("10.96.0.2".parse().unwrap()), None);
    mock.world().put(ADDRESSES, address("10.96.0.2", "s"));
    mock.world().delete(ADDRESSES, "no-address");
    mock.world().put(SERVICE_CIDRS, service_cidr("odd", &["10.97.0.0/24"]));
    follower.settles(&mock);
    until("nothing is left out", || {
        follower.status(ResourceKind::IpAddresses).left_out + follower.status(ResourceKind::ServiceCidrs).left_out == 0
    });
}

#[test]
fn an_api_server_that_is_not_there_is_tried_again() {
    let mock = Mock::start();
    mock.answer(|_| FakeResponse::Nothing);
    let follower = Follower::start(&mock, FAST);
    until("it counts", || follower.status(ResourceKind::ServiceCidrs).errors[&FailureReason::Unreachable] >= 3);
    mock.answer(|_| FakeResponse::Right);
    until("a list", || is_listed(&follower));
}

#[test]
fn a_client_that_cannot_be_made_says_what_to_do() {
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
