//! kube-apiserver authenticates to the webhook with a client certificate from `--admission-control-config-file`.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use crate::control_plane::ControlPlane;
use crate::program::{Server, eventually};
use crate::webhook::{ALLOWED, POLICY, create, register_server, wait_until_outside};

/// Writes a CA as `clients.crt`, and a configuration of kube-apiserver with a certificate of it.
fn configuration(folder: &Path) -> PathBuf {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(folder.join("clients.crt"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::default();
    own.distinguished_name.push(DnType::CommonName, "kube-apiserver-webhook-client");
    own.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    fs::write(folder.join("client.crt"), own.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap().pem()).unwrap();
    fs::write(folder.join("client.key"), key.serialize_pem()).unwrap();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config",
        "users": [{"name": "*", "user": {
            "client-certificate": folder.join("client.crt"), "client-key": folder.join("client.key"),
        }}],
    });
    fs::write(folder.join("kubeconfig"), kubeconfig.to_string()).unwrap();
    let admission = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ValidatingAdmissionWebhook", "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": folder.join("kubeconfig"),
        }}],
    });
    let path = folder.join("admission.json");
    fs::write(&path, admission.to_string()).unwrap();
    path
}

#[test]
fn kube_apiserver_client_certificate_is_verified() {
    let folder = TempDir::new().unwrap();
    let flag = format!("--admission-control-config-file={}", configuration(folder.path()).display());
    let plane = ControlPlane::start_with_flags("10.96.0.0/28", vec![flag]);
    let clients = folder.path().join("clients.crt");
    let answers = |name| {
        let more = ["--client-ca", clients.to_str().unwrap(), "--client-name", name];
        Server::start_with(&format!("{POLICY}{ALLOWED}"), &more)
    };
    let server = register_server(&plane, answers("kube-apiserver-webhook-client"));
    wait_until_outside(&plane, "172.20.0.0/16");
    assert_eq!(create(&plane, "inside", &["10.96.1.0/24"], true).0, 201);
    drop(server);

    plane.kubectl_ok(&["delete", "validatingwebhookconfiguration", "guard"], "");
    let _other = register_server(&plane, answers("somebody-else"));
    let mut message = String::new();
    eventually("a client with another name is rejected", || {
        message = create(&plane, "inside", &["10.96.1.0/24"], true).1["message"].to_string();
        message.contains("failed calling webhook")
    });
    assert!(message.contains("tls: "), "{message}");
}
