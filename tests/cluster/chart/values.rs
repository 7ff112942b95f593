//! Rejected values, the chart as a subchart, and permissions.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::install::Release;
use super::{chart, helm, of_kind, template};
use crate::control_plane::{ControlPlane, free_ports, output_text};
use crate::program::eventually;
use crate::webhook::{get, start_unregistered};

/// Values, and the expected error.
const REJECTED: [(&[&str], &str); 16] = [
    (&["polcy.denyAll=1"], "additional properties 'polcy' not allowed"),
    (&["policy.noOverlap.action=Deny"], "at '/policy/noOverlap': additional properties 'action' not allowed"),
    (&["webhook.failurePolicy=fail"], "at '/webhook/failurePolicy': value must be one of 'Fail', 'Ignore'"),
    (&["service.clusterIP=none"], "at '/service/clusterIP'"),
    (&["tls.certManager.issuerRef.kind=Issuer"], "properties 'name' required, if 'kind' exists"),
    (&["tls.mode=existingSecret"], "tls.existingSecret.name: tls.mode=existingSecret needs one"),
    (&["tls.existingSecret.caBundle=LS0t"], "at '/tls/existingSecret/caBundle'"),
    (&["tls.mode=helm"], "at '/tls/mode': value must be one of 'managed', 'certManager', 'existingSecret'"),
    (&["tls.helm.rotate=a"], "at '/tls': additional properties 'helm' not allowed"),
    (&["tls.managed.duration=30"], "at '/tls/managed/duration'"),
    (&["policy.noOverlap=null", "policy.usable=null", "policy.reservedNetworks=null"], "policy: set at least one of "),
    (
        &["inventory=none"],
        "policy: noOverlap, reservedNetworks.discover can't be evaluated with inventory=none: set inventory=cluster, or \
         policy.noOverlap=null,policy.reservedNetworks.discover=null",
    ),
    (&["drainDelaySeconds=11"], "terminationGracePeriodSeconds: must be at least drainDelaySeconds + 20 = 31"),
    (&["listen.healthPort=8443"], "listen.healthPort: must differ from listen.webhookPort"),
    (
        &["metrics.serviceMonitor.enabled=true", "metrics.podMonitor.enabled=true"],
        "metrics.podMonitor.enabled: can't be combined with metrics.serviceMonitor.enabled",
    ),
    (&["hostNetwork=true", "networkPolicy.enabled=true"], "a NetworkPolicy has no effect on pods with hostNetwork"),
];

#[test]
fn conflicting_values_are_rejected() {
    for (values, sentence) in REJECTED {
        let set: Vec<String> = values.iter().map(|value| format!("--set={value}")).collect();
        let arguments: Vec<&str> = set.iter().map(String::as_str).collect();
        let refused = helm(&[&["template", "guard", &chart(), "--kube-version=1.37.2"], &arguments[..]].concat());
        assert!(
            !refused.status.success() && output_text(&refused).contains(sentence),
            "{values:?}: {}",
            output_text(&refused)
        );
    }
}

#[test]
fn old_kubernetes_is_rejected() {
    let refused = helm(&["template", "guard", &chart(), "--kube-version=1.32.9"]);
    assert!(output_text(&refused).contains("chart requires kubeVersion: >=1.33.0-0"), "{}", output_text(&refused));
}

#[test]
fn works_as_subchart() {
    let parent = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(parent.path().join(name), text).unwrap();
    fs::create_dir(parent.path().join("charts")).unwrap();
    let copied = Command::new("cp").arg("-r").arg(chart()).arg(parent.path().join("charts")).status().unwrap();
    assert!(copied.success());
    let version = env!("CARGO_PKG_VERSION");
    let condition = format!(
        "dependencies: [{{name: servicecidr-guard, version: {version}, condition: servicecidr-guard.enabled}}]"
    );
    write("Chart.yaml", &format!("apiVersion: v2\nname: parent\nversion: 1.0.0\n{condition}\n"));
    write(
        "values.yaml",
        "global: {imageRegistry: registry.example.com, other: {a: b}}\n\
         servicecidr-guard: {enabled: true, policy: {usable: null, noOverlap: {validationActions: [Audit]}}}\n",
    );
    let rendered = |set: &str| {
        let folder = parent.path().to_str().unwrap();
        let output = helm(&["template", "guard", folder, "--kube-version=1.37.2", set]);
        assert!(output.status.success(), "{}", output_text(&output));
        output_text(&output)
    };
    let all = rendered("--set=servicecidr-guard.replicaCount=4");
    let image = format!("image: \"registry.example.com/servicecidr-guard:{version}\"");
    assert!(all.contains(&image) && all.contains("replicas: 4"), "{all}");
    assert!(all.contains("noOverlap:\n      validationActions:\n      - Audit"), "{all}");
    // As the README says: null in the values of the parent removes nothing, null set by the user does.
    assert!(rendered("--set=global.other.a=c").contains("\n    usable:\n"));
    assert!(!rendered("--set=servicecidr-guard.policy.usable=null").contains("\n    usable:\n"));
    assert_eq!(rendered("--set=servicecidr-guard.enabled=false").trim(), "");
}

#[test]
fn permissions_match_the_policy() {
    let plane = ControlPlane::start();
    plane.create_service_account("follower");
    let [port] = free_ports();
    let account = "--set=serviceAccount.create=false,serviceAccount.name=follower";
    Release::new(&plane, port).install(&[account]);
    // With the permissions of the release only.
    let policy = "noOverlap: {}\nreservedNetworks: {discover: [nodePodCIDRs]}\n";
    let server = start_unregistered(&plane, "follower", policy);
    eventually("the inventory is read", || get(&server, "/report").0 == 200 && get(&server, "/readyz").0 == 200);
    eventually("nodes are read", || {
        server.metric("servicecidr_guard_inventory_synced{kind=\"Node\"}").as_deref() == Some("1")
    });

    let files = "--set=tls.mode=existingSecret,tls.existingSecret.name=a";
    let rules = |values: &[&str]| of_kind(&template(&[&[files], values].concat()), "ClusterRole")["rules"].to_string();
    let own = r#"{"apiGroups":["networking.k8s.io"],"resources":["servicecidrs","ipaddresses"],"verbs":["get","list","watch"]}"#;
    let nodes = r#"{"apiGroups":[""],"resources":["nodes"],"verbs":["get","list","watch"]}"#;
    assert_eq!(rules(&[]), format!("[{own},{nodes}]"));
    assert_eq!(rules(&["--set=policy.reservedNetworks.discover=null"]), format!("[{own}]"));
    let none = template(&[files, "--set=inventory=none,policy.noOverlap=null,policy.reservedNetworks.discover=null"]);
    assert!(none.iter().all(|object| !object["kind"].as_str().unwrap().starts_with("ClusterRole")));
    let pod = &of_kind(&none, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
}
