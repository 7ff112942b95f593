//! Decoding of watch events.

use servicecidr_guard::inventory::ResourceKind;
use servicecidr_guard::k8s::{InventoryObject, UnreadableReason, WatchEvent, WatchEventError};

use super::fake_cluster::node;

fn decode(line: &str) -> Result<WatchEvent, WatchEventError> {
    WatchEvent::decode(ResourceKind::Nodes, line.as_bytes())
}

#[test]
fn valid_events_are_decoded() {
    let mut object = node("a", &["10.244.0.0/24", "fd01::/64"], "192.0.2.1");
    object["metadata"]["resourceVersion"] = "7".into();
    for kind in ["ADDED", "MODIFIED"] {
        let Ok(WatchEvent::Applied { version, entry }) = decode(&format!(r#"{{"object":{object},"type":"{kind}"}}"#))
        else {
            panic!("{kind}")
        };
        assert_eq!((version.as_str(), entry.name.as_str(), entry.parts.len()), ("7", "a", 0));
        let Ok(InventoryObject::Node(node)) = entry.object else { panic!("{kind}") };
        assert_eq!(node.pod_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.244.0.0/24", "fd01::/64"]);
        assert_eq!(node.addresses, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
    }
    let gone = WatchEvent::Deleted { version: "7".to_owned(), name: "a".to_owned() };
    assert_eq!(decode(&format!(r#"{{"type":"DELETED","object":{object}}}"#)), Ok(gone));
    let error = r#"{"type":"ERROR","object":{"kind":"Status","code":410}}"#;
    let status = r#"{"kind":"Status","code":410}"#.to_owned();
    assert_eq!(decode(error), Ok(WatchEvent::Error { code: 410, status }));
    let error = WatchEvent::Error { code: 0, status: "7".to_owned() };
    assert_eq!(decode(r#"{"type":"ERROR","object":7}"#), Ok(error));
}

#[test]
fn invalid_events_are_rejected() {
    let shape = |line: &str| assert!(matches!(decode(line), Err(WatchEventError::Shape(_))), "{line}");
    for line in ["", "7", "{}", r#"{"type":"ADDED"}"#, r#"{"type":7,"object":{}}"#, r#"{"type":"ADDED","object":7}"#] {
        shape(line);
    }
    shape(r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":7}}}"#);
    shape(r#"{"type":"BOOKMARK","object":{}} {}"#);
    assert_eq!(decode(r#"{"type":"MOVED","object":{}}"#), Err(WatchEventError::UnknownType("MOVED".to_owned())));
    assert_eq!(decode(r#"{"type":"BOOKMARK","object":{}}"#), Err(WatchEventError::NoVersion));
}

#[test]
fn event_with_unreadable_object_is_decoded() {
    let omission = |line: &str| match decode(line) {
        Ok(WatchEvent::Applied { entry, .. }) => (entry.name, entry.object.unwrap_err()),
        other => panic!("{line}: {other:?}"),
    };
    let line = r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"},"spec":7}}"#;
    assert!(matches!(omission(line), (name, UnreadableReason::Shape(_)) if name == "a"));
    let line = r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","resourceVersion":"7"}}}"#;
    let pod = UnreadableReason::NotAsked { seen: "Pod".to_owned(), wanted: "Node" };
    assert_eq!(omission(line), ("a".to_owned(), pod));
}
