//! A webhook that was paused for so long that no watch can resume.

use serde_json::json;

use crate::control_plane::{ADMIN, ControlPlane};
use crate::program::{Server, eventually};
use crate::webhook::{self, SERVICE_CIDRS, create_ready, exists, get};

use super::dry_run_scenario::synced_report;

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn count(server: &Server, metric: &str, labels: &str) -> u64 {
    let value = server.metric(&format!("servicecidr_guard_inventory_{metric}{{{labels}}}"));
    value.unwrap().parse().unwrap()
}

#[test]
fn missed_events_cause_a_relist() {
    let mut plane = ControlPlane::start();
    // Not registered, because the webhook doesn't respond while it is paused.
    let server = webhook::start_unregistered(&plane, ADMIN, "noOverlap: {}\n");
    eventually("the inventory is read", || get(&server, "/report").0 == 200);
    create_ready(&plane, "doomed", &["10.97.0.0/24"]);
    synced_report(&plane, &server);
    let kinds = [r#"kind="ServiceCIDR""#, r#"kind="IPAddress""#];
    assert_eq!(kinds.map(|kind| count(&server, "relists_total", kind)), [0, 0]);

    server.signal("STOP");
    create_ready(&plane, "missed", &["10.98.0.0/24"]);
    for last in 2..7 {
        // Not in `doomed`, whose deletion would never complete.
        let spec = json!({"clusterIP": format!("10.96.0.{last}"), "ports": [{"port": 80}]});
        let service = json!({"metadata": {"name": format!("s-{last}")}, "spec": spec});
        assert_eq!(plane.post(SERVICES, &service).0, 201);
    }
    assert_eq!(plane.delete(&format!("{SERVICE_CIDRS}/doomed")).0, 200);
    eventually("doomed is deleted", || !exists(&plane, "doomed"));
    plane.stop_apiserver();
    plane.compact_etcd();
    plane.start_apiserver();
    plane.wait_until_ready();
    server.signal("CONT");

    for kind in kinds {
        eventually("a relist has ended", || count(&server, "relists_total", kind) > 0);
        assert!(count(&server, "errors_total", &format!(r#"{kind},reason="expired""#)) > 0);
    }
    let report = synced_report(&plane, &server);
    let names: Vec<&str> =
        report["serviceCIDRs"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kubernetes", "missed"]);
    assert_eq!(report["families"][0]["used"], "6");
}
