//! The control plane is never locked out, not even by a webhook that is down.

use std::thread;
use std::time::Duration;

use serde_json::json;
use servicecidr_guard::inventory::Operation;

use crate::control_plane::{ControlPlane, free_ports, is_ready};
use crate::program::eventually;
use crate::violations;
use crate::webhook::{self, SERVICE_CIDRS, configuration, create_ready, exists, register};

/// Whether the webhook is registered with the match conditions of the chart.
#[derive(Clone, Copy, PartialEq)]
enum Matching {
    AsInChart,
    Everything,
}

/// Restarts a control plane without `kubernetes` in etcd, while a webhook with failurePolicy Fail is registered and
/// down.
fn restarted_without_default(matching: Matching) -> ControlPlane {
    let mut plane = ControlPlane::start();
    let [port] = free_ports();
    let mut configuration = configuration(&format!("https://127.0.0.1:{port}/validate"), "");
    let webhook = &mut configuration["webhooks"][0];
    webhook["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    if matching == Matching::AsInChart {
        webhook["matchConditions"] = super::chart::match_conditions();
    }
    register(&plane, &configuration);
    eventually("the webhook is called, and down", || {
        let (_, answer) = webhook::create(&plane, "probe", &["10.97.0.0/24"], true);
        answer["message"].as_str().is_some_and(|message| message.contains("failed calling webhook"))
    });
    plane.stop_apiserver();
    plane.delete_from_etcd("/registry/servicecidrs/kubernetes");
    plane.start_apiserver();
    plane
}

#[test]
fn kubernetes_is_created_while_the_webhook_is_down() {
    let plane = restarted_without_default(Matching::AsInChart);
    plane.wait_until_ready();
    eventually("kubernetes is recreated, protected and ready", || {
        let default = plane.get(&format!("{SERVICE_CIDRS}/kubernetes")).1;
        default["metadata"]["finalizers"].is_array() && is_ready(&default)
    });
}

#[test]
fn missing_match_conditions_block_startup() {
    let plane = restarted_without_default(Matching::Everything);
    thread::sleep(Duration::from_secs(10));
    assert!(!plane.is_ready());
}

#[test]
fn kubernetes_is_recreated_under_deny_all() {
    let plane = ControlPlane::start();
    // `kubernetes` can only be deleted if another ServiceCIDR contains the address of the Service `kubernetes`.
    create_ready(&plane, "cover", &["10.96.0.0/24"]);
    let _server = webhook::start(&plane, "denyAll: {operations: [CREATE, UPDATE, DELETE]}\n");
    webhook::wait_until_refused(&plane, "10.97.0.0/24", &violations::denied(Operation::Create, "probe").to_string());
    let kubernetes = format!("{SERVICE_CIDRS}/kubernetes");
    let before = plane.get(&kubernetes).1["metadata"]["uid"].clone();
    assert_eq!(plane.delete(&kubernetes).0, 200);
    eventually("a new kubernetes is protected and ready", || {
        let now = plane.get(&kubernetes).1;
        let is_another = now["metadata"]["uid"].is_string() && now["metadata"]["uid"] != before;
        is_another && now["metadata"]["finalizers"].is_array() && is_ready(&now)
    });
    assert!(exists(&plane, "cover"));
    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/cover")).1["reason"], json!("Forbidden"));
}
