//! What the ServiceAccount of the chart may do, in each mode.

use std::fs;

use serde_json::Value;

use super::rendered;
use crate::control_plane::ControlPlane;
use crate::program::fixtures;

const UPDATE: &str = "UPDATE_GOLDEN";
const ACCOUNT: &str = "--as=system:serviceaccount:default:guard-servicecidr-guard";
const KINDS: [&str; 5] = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"];

/// What an account may do, according to kube-apiserver.
fn permissions(plane: &ControlPlane) -> Vec<String> {
    let list = ["auth", "can-i", "--list", "--no-headers", "--namespace=default", ACCOUNT];
    let groups = ["--as-group=system:serviceaccounts", "--as-group=system:authenticated"];
    let printed = plane.kubectl_ok(&[&list[..], &groups[..]].concat(), "");
    let lines = printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect()
}

#[test]
fn permissions_match_fixtures() {
    for (name, values) in [
        ("managed", "--set=tls.mode=managed"),
        (
            "managed-without-inventory",
            "--set=inventory=none,policy.noOverlap=null,policy.reservedNetworks.discover=null",
        ),
        ("cert-manager", "--set=tls.mode=certManager"),
        ("existing-secret", "--set=tls.mode=existingSecret,tls.existingSecret.name=a"),
    ] {
        let plane = ControlPlane::start();
        let everyone = permissions(&plane);
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered(8443, &[values])).unwrap();
        for object in objects.iter().filter(|object| KINDS.iter().any(|kind| object["kind"] == *kind)) {
            plane.kubectl_ok(&["apply", "--filename=-"], &object.to_string());
        }
        let mut own = permissions(&plane);
        own.retain(|line| !everyone.contains(line));
        own.sort();
        let path = fixtures().join(format!("permissions/{name}.txt"));
        let text = own.join("\n") + "\n";
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "{name}: {UPDATE}=1 writes it");
    }
}
