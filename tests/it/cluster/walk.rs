//! The walk of the Kubernetes documentation, "Extend Service IP Ranges", with the webhook in front.

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, condition};
use crate::program::eventually;
use crate::webhook::{self, ALLOWED, SERVICE_CIDRS};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn create_service(plane: &ControlPlane, name: &str, cluster_ip: Option<&str>) -> (u16, Value) {
    let mut service = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    if let Some(ip) = cluster_ip {
        service["spec"]["clusterIP"] = json!(ip);
    }
    plane.post(SERVICES, &service)
}

/// Creates Services until one is refused: how many there were, and what was said of the next.
fn fill(plane: &ControlPlane) -> (usize, String) {
    for count in 0..20 {
        let (status, answer) = create_service(plane, &format!("test-{}", count + 1), None);
        if status != 201 {
            return (count, answer["message"].as_str().unwrap_or_default().to_owned());
        }
    }
    panic!("the range never got full");
}

fn delete_services(plane: &ControlPlane, prefix: &str) {
    let list = plane.get(SERVICES).1;
    for service in list["items"].as_array().unwrap() {
        let name = service["metadata"]["name"].as_str().unwrap();
        if name.starts_with(prefix) {
            assert_eq!(plane.delete(&format!("{SERVICES}/{name}")).0, 200);
        }
    }
}

#[test]
fn the_documented_walk() {
    let plane = ControlPlane::start();
    let _server = webhook::start(&plane, ALLOWED);
    webhook::wait_until_refused(&plane, "172.20.0.0/16", "is outside the allowed ranges");

    // A /28 gives 14 addresses; the Service `kubernetes` has one.
    let (count, refusal) = fill(&plane);
    assert_eq!(count, 13);
    assert!(refusal.ends_with("range is full"), "{refusal}");
    delete_services(&plane, "test-");
    // Where kube-dns holds .10, as in the transcript, one fewer.
    assert_eq!(create_service(&plane, "kube-dns", Some("10.96.0.10")).0, 201);
    let (count, refusal) = fill(&plane);
    assert_eq!(count, 12);
    assert!(refusal.ends_with("range is full"), "{refusal}");

    webhook::create_ready(&plane, "newcidr1", &["10.96.0.0/24"]);
    eventually("new Services get addresses", || create_service(&plane, "more-0", None).0 == 201);
    for number in 1..4 {
        assert_eq!(create_service(&plane, &format!("more-{number}"), None).0, 201);
    }
    // 14 is full, so all of these are outside the first 16 addresses.
    let addresses = plane.get("/apis/networking.k8s.io/v1/ipaddresses").1;
    let outside = addresses["items"].as_array().unwrap().iter().filter(|address| {
        let last = address["metadata"]["name"].as_str().unwrap().rsplit('.').next().unwrap();
        last.parse::<u8>().unwrap() >= 15
    });
    assert_eq!(outside.count(), 4);

    let newcidr1 = format!("{SERVICE_CIDRS}/newcidr1");
    assert_eq!(plane.delete(&newcidr1).0, 200);
    eventually("its deletion waits", || condition(&plane.get(&newcidr1).1) == Some("False"));
    delete_services(&plane, "more-");
    eventually("it is gone with its Services", || plane.get(&newcidr1).0 == 404);
}
