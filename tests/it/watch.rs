//! The live inventory: what a mock API server holds, through every fault.

mod fake_api_server;
mod fake_cluster;
mod faults;
mod follower;
mod frames;
mod model;
mod served;
mod snapshot;

use std::time::{Duration, Instant};

use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::{WatchConfig, WatchScope};

use fake_api_server::Mock;
use fake_cluster::{ADDRESSES, FakeResponse, Fault, NODES, SERVICE_CIDRS, address, node, service_cidr};
use follower::{FAST, Follower, until};

/// A mock with a ServiceCIDR, a Node and some addresses: more than a page of them.
fn mock(addresses: u32) -> Mock {
    let mock = Mock::start();
    let mut world = mock.world();
    world.put(SERVICE_CIDRS, service_cidr("kubernetes", &["10.96.0.0/16"]));
    world.put(NODES, node("a", &["10.244.0.0/24"], "192.0.2.1"));
    for number in 0..addresses {
        let text = std::net::Ipv4Addr::from(0x0a60_0001 + number).to_string();
        world.put(ADDRESSES, address(&text, "s"));
    }
    drop(world);
    mock
}

fn is_listed(follower: &Follower) -> bool {
    [ResourceKind::ServiceCidrs, ResourceKind::IpAddresses].iter().all(|kind| follower.status(*kind).is_listed)
}

#[test]
fn what_the_api_server_holds_is_listed_and_then_watched() {
    let mock = mock(20);
    let follower = Follower::start(&mock, FAST);
    follower.settles(&mock);
    until("a list", || is_listed(&follower));
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.seen, status.expected, status.objects), (true, 20, Some(20), 20));
    {
        let mut world = mock.world();
        world.put(ADDRESSES, address("fd00::1", "six"));
        world.put(ADDRESSES, address("10.96.0.1", "moved"));
        world.delete(ADDRESSES, "10.96.0.2");
        world.put(SERVICE_CIDRS, service_cidr("more", &["10.97.0.0/24", "fd00::/112"]));
        world.delete(SERVICE_CIDRS, "kubernetes");
        world.put(NODES, node("a", &["10.244.9.0/24", "fd01::/64"], "192.0.2.9"));
    }
    follower.settles(&mock);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 20);
    let world = mock.world();
    assert_eq!([SERVICE_CIDRS, ADDRESSES, NODES].map(|path| world.count(path, false)), [1, 3, 1]);
    let first = &world.asked[0];
    assert_eq!(first.agent, concat!("servicecidr-guard/", env!("CARGO_PKG_VERSION")));
    assert_eq!((first.query["limit"].as_str(), first.version()), ("7", None));
    let watch = world.asked.iter().find(|asked| asked.is_watch()).unwrap();
    assert_eq!((watch.query["allowWatchBookmarks"].as_str(), watch.query["timeoutSeconds"].as_str()), ("true", "1"));
}

#[test]
fn a_watch_goes_on_where_the_last_one_ended() {
    let mock = mock(1);
    mock.world().life = Duration::from_millis(100);
    let follower = Follower::start(&mock, FAST);
    follower.settles(&mock);
    let listed = mock.world().version;
    let bookmark = {
        let mut world = mock.world();
        // Other kinds move the version on as well.
        world.put(NODES, node("b", &[], "192.0.2.2"));
        world.bookmark(ADDRESSES);
        world.version
    };
    until("a watch from the bookmark", || mock.world().watched_from(ADDRESSES).contains(&bookmark));
    assert_eq!(mock.world().watched_from(ADDRESSES)[0], listed);
    let event = {
        let mut world = mock.world();
        world.put(ADDRESSES, address("10.96.9.9", "s"));
        world.version
    };
    until("a watch from the event", || mock.world().watched_from(ADDRESSES).contains(&event));
    follower.settles(&mock);
    assert_eq!(follower.status(ResourceKind::IpAddresses).relists, 0);
    // A watch is asked for a moment before its answer comes.
    until("two watches after the first", || follower.status(ResourceKind::IpAddresses).reconnects >= 2);
}

#[test]
fn a_list_that_stalls_says_how_far_it_is() {
    let mock = mock(20);
    mock.answer(|asked| if asked.query.contains_key("continue") { FakeResponse::Hang } else { FakeResponse::Right });
    let follower = Follower::start(&mock, WatchConfig { page_timeout: Duration::from_millis(200), ..FAST });
    until("the first page", || follower.status(ResourceKind::IpAddresses).seen == 7);
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.expected, status.age, status.objects), (false, Some(20), None, 7));
    until("the other list", || follower.status(ResourceKind::ServiceCidrs).is_listed);
    until("another try", || follower.status(ResourceKind::IpAddresses).last_error.is_some());
    let error = follower.status(ResourceKind::IpAddresses).last_error.unwrap();
    assert_eq!(error, "can't list ipaddresses.networking.k8s.io: no complete page within 0.2 s");
    mock.answer(|_| FakeResponse::Right);
    follower.settles(&mock);
    until("the rest", || follower.status(ResourceKind::IpAddresses).is_listed);
    // The pages that were read were not asked for again.
    assert_eq!(
        mock.world()
            .asked
            .iter()
            .filter(|asked| asked.path == ADDRESSES && !asked.is_watch() && !asked.query.contains_key("continue"))
            .count(),
        1
    );
}

#[test]
fn a_list_made_anew_answers_all_through_and_forgets_what_is_gone_at_its_end() {
    let mock = mock(20);
    let follower = Follower::start(&mock, FAST);
    follower.settles(&mock);
    mock.answer(|asked| match asked.query.get("continue") {
        Some(_) => FakeResponse::Hang,
        None if asked.is_watch() => FakeResponse::Then(0, Fault::Silence),
        None => FakeResponse::Right,
    });
    {
        // Unseen by the watch: gone before it is told to begin anew.
        let mut world = mock.world();
        world.objects.get_mut(ADDRESSES).unwrap().retain(|name, _| name != "10.96.0.1" && name != "10.96.0.20");
        world.version += 1;
        world.compact();
    }
    until("the first page of another list", || follower.status(ResourceKind::IpAddresses).seen == 7);
    assert_eq!(follower.status(ResourceKind::IpAddresses).expected, Some(18));
    let status = follower.status(ResourceKind::IpAddresses);
    assert_eq!((status.is_listed, status.objects, status.relists), (true, 20, 0));
    assert!(status.age.is_some());
    drop(follower);

    let follower = Follower::start(&mock, FAST);
    mock.answer(|_| FakeResponse::Right);
    until("a list", || is_listed(&follower));
    {
        let mut world = mock.world();
        world.objects.get_mut(ADDRESSES).unwrap().retain(|name, _| name.ends_with('5'));
        world.version += 1;
        world.compact();
    }
    follower.settles(&mock);
    assert_eq!(follower.status(ResourceKind::IpAddresses).objects, 2);
    until("the end of the list", || follower.status(ResourceKind::IpAddresses).relists == 1);
}

#[test]
fn the_age_grows_while_nothing_comes_and_a_bookmark_ends_it() {
    let mock = mock(1);
    let follower = Follower::start(&mock, FAST);
    until("a list", || is_listed(&follower));
    until("a watch", || mock.world().count(SERVICE_CIDRS, true) == 1);
    until("an age", || follower.status(ResourceKind::ServiceCidrs).age.unwrap() > Duration::from_millis(200));
    let now = Instant::now();
    let age =
        |after: u64| follower.live.status_at(ResourceKind::ServiceCidrs, now + Duration::from_secs(after)).age.unwrap();
    assert_eq!(age(1000), age(10) + Duration::from_secs(990));
    assert!(age(120) > Duration::from_secs(120));
    mock.world().bookmark(SERVICE_CIDRS);
    // Seen from the moment before it, the bookmark has no age.
    until("a new proof", || follower.live.status_at(ResourceKind::ServiceCidrs, now).age == Some(Duration::ZERO));
    mock.world().put(ADDRESSES, address("10.96.1.1", "s"));
    until("a new proof", || follower.live.status_at(ResourceKind::IpAddresses, now).age == Some(Duration::ZERO));
}

#[test]
fn nodes_are_followed_while_they_are_wanted() {
    let mock = mock(1);
    let follower = Follower::start_wanting(&mock, FAST, WatchScope::default());
    until("a list", || is_listed(&follower));
    let status = follower.status(ResourceKind::Nodes);
    assert_eq!((status.is_wanted, status.is_listed, status.objects), (false, false, 0));
    assert_eq!(mock.world().count(NODES, false), 0);
    for _ in 0..2 {
        follower.wanted.send(WatchScope { nodes: true }).unwrap();
        follower.settles(&mock);
        until("a list", || follower.status(ResourceKind::Nodes).is_listed);
        follower.wanted.send(WatchScope { nodes: false }).unwrap();
        until("they are forgotten", || follower.live.read().count(ResourceKind::Nodes) == 0);
        let status = follower.status(ResourceKind::Nodes);
        assert_eq!((status.is_wanted, status.is_listed, status.age), (false, false, None));
    }
    assert_eq!(mock.world().count(NODES, false), 2);
    assert_eq!(follower.live.read().count(ResourceKind::IpAddresses), 1);
}
