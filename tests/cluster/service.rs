//! kube-apiserver reaches the webhook through a Service, and verifies the certificate for its name.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually, run};
use crate::webhook::{ALLOWED, POLICY, configuration, create, register, wait_until_outside};

/// A webhook with a certificate for these names.
fn serve_as(names: &[&str]) -> Server {
    let folder = TempDir::new().unwrap();
    let mut arguments = vec!["certs", "--out", folder.path().to_str().unwrap()];
    for name in names {
        arguments.extend(["--dns", name]);
    }
    assert!(run(&arguments).status.success());
    fs::write(folder.path().join("policy.yaml"), format!("{POLICY}{ALLOWED}")).unwrap();
    Server::serve(folder, "policy.yaml", "tls.crt", "tls.key")
}

#[test]
fn kube_apiserver_reaches_the_webhook_through_a_service() {
    let plane = ControlPlane::start();
    let server = serve_as(&["guard.default.svc"]);
    let port: u16 = server.webhook.rsplit(':').next().unwrap().parse().unwrap();
    // There is no kube-proxy: the Service refers to this machine by an external name.
    let service = json!({
        "metadata": {"name": "guard"}, "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    let (status, answer) = plane.post("/api/v1/namespaces/default/services", &service);
    assert_eq!(status, 201, "{answer}");
    let ca = fs::read_to_string(server.path("ca.crt")).unwrap();
    let mut by_service = configuration("", &ca);
    let client = &mut by_service["webhooks"][0]["clientConfig"];
    client.as_object_mut().unwrap().remove("url");
    client["service"] = json!({"namespace": "default", "name": "guard", "path": "/validate", "port": port});
    register(&plane, &by_service);

    wait_until_outside(&plane, "172.20.0.0/16");
    assert_eq!(create(&plane, "inside", &["10.96.1.0/24"], true).0, 201);

    // kube-apiserver rejects a certificate for another name, and so denies the request.
    let other = serve_as(&["elsewhere.default.svc", "localhost"]);
    for name in ["tls.crt", "tls.key"] {
        fs::rename(other.path(name), server.path(name)).unwrap();
    }
    server.wait_for_log("certificate reloaded");
    let bundle = crate::control_plane::base64(&fs::read_to_string(other.path("ca.crt")).unwrap());
    let patch = format!(r#"[{{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":"{bundle}"}}]"#);
    plane.kubectl_ok(&["patch", "validatingwebhookconfiguration", "guard", "--type=json", "-p", &patch], "");
    let mut message = String::new();
    eventually("the certificate is rejected", || {
        message = create(&plane, "inside", &["10.96.1.0/24"], true).1["message"].to_string();
        message.contains("certificate is valid for elsewhere.default.svc, localhost, not guard.default.svc")
    });
    assert!(message.contains("failed calling webhook"), "{message}");
}
