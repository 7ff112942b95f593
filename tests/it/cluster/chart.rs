//! The chart: `helm install`, `helm upgrade`, `helm uninstall`. There is no kubelet, so the test runs
//! the program as the rendered pod says.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;
use crate::control_plane::{ControlPlane, free_ports, said};
use crate::program::{eventually, program};
use crate::webhook::{CONFIGURATIONS, SERVICE_CIDRS, create, wait_until_refused};

fn chart() -> String {
    format!("{}/charts/servicecidr-guard", env!("CARGO_MANIFEST_DIR"))
}

/// The match conditions of the chart's webhook.
pub fn match_conditions() -> Value {
    let rendered = Command::new(binaries::path("helm"))
        .args(["template", "guard", &chart(), "--kube-version=1.37.2", "--set-json=policy.denyAll={}"])
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", said(&rendered));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(rendered.stdout).unwrap()).unwrap();
    let configuration =
        documents.into_iter().find(|object| object["kind"] == "ValidatingWebhookConfiguration").unwrap();
    configuration["webhooks"][0]["matchConditions"].clone()
}

/// The one container of the Deployment, run by hand: its arguments, environment and files. Ends
/// with the value.
struct Pod {
    files: TempDir,
    child: std::process::Child,
}

impl Pod {
    /// `port` stands in for the pod's own: another program on this machine may have that one.
    fn start(plane: &ControlPlane, port: u16) -> Self {
        let deployment = plane.get("/apis/apps/v1/namespaces/default/deployments/guard-servicecidr-guard").1;
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let files = TempDir::new().unwrap();
        mount(plane, pod, files.path());
        let [health_port] = free_ports();
        let here = |argument: &Value| {
            let mounts = container["volumeMounts"].as_array().unwrap();
            let argument = mounts.iter().fold(argument.as_str().unwrap().to_owned(), |argument, mount| {
                let volume = files.path().join(mount["name"].as_str().unwrap());
                argument.replace(mount["mountPath"].as_str().unwrap(), volume.to_str().unwrap())
            });
            argument
                .replace("0.0.0.0:8443", &format!("127.0.0.1:{port}"))
                .replace("0.0.0.0:8080", &format!("127.0.0.1:{health_port}"))
        };
        let mut command = program();
        command.args(container["args"].as_array().unwrap().iter().map(here));
        // In place of the token that the kubelet would mount.
        if container["args"].as_array().unwrap().iter().any(|argument| argument == "--inventory=cluster") {
            command.arg("--kubeconfig").arg(plane.kubeconfig());
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            command.env(variable["name"].as_str().unwrap(), here(&variable["value"]));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let health = format!("http://127.0.0.1:{health_port}");
        let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
        for probe in ["livenessProbe", "readinessProbe"] {
            eventually(probe, || ureq::get(format!("{health}{}", path(probe))).call().is_ok());
        }
        Self { files, child }
    }

    /// What the kubelet does when a ConfigMap or a Secret has changed.
    fn update_volumes(&self, plane: &ControlPlane) {
        let deployment = plane.get("/apis/apps/v1/namespaces/default/deployments/guard-servicecidr-guard").1;
        mount(plane, &deployment["spec"]["template"]["spec"], self.files.path());
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes every volume of a pod below `folder`, a folder each.
fn mount(plane: &ControlPlane, pod: &Value, folder: &Path) {
    for volume in pod["volumes"].as_array().unwrap() {
        let into = folder.join(volume["name"].as_str().unwrap());
        fs::create_dir_all(&into).unwrap();
        let (path, decode) = match (&volume["configMap"]["name"], &volume["secret"]["secretName"]) {
            (Value::String(name), _) => (format!("configmaps/{name}"), false),
            (_, Value::String(name)) => (format!("secrets/{name}"), true),
            _ => panic!("a volume of an unknown kind: {volume}"),
        };
        let object = plane.get(&format!("/api/v1/namespaces/default/{path}")).1;
        for (name, content) in object["data"].as_object().unwrap() {
            let content = content.as_str().unwrap();
            let content = if decode { decoded(plane, &path, name) } else { content.to_owned() };
            fs::write(into.join("..new"), content).unwrap();
            fs::rename(into.join("..new"), into.join(name)).unwrap();
        }
    }
}

/// One entry of a Secret, as kubectl decodes it.
fn decoded(plane: &ControlPlane, secret: &str, entry: &str) -> String {
    let template = format!("go-template={{{{ index .data \"{entry}\" | base64decode }}}}");
    plane.kubectl_ok(&["get", &secret.replace("secrets/", "secret/"), "-o", &template], "")
}

#[test]
fn install_upgrade_and_uninstall() {
    let plane = ControlPlane::start();
    let [port] = free_ports();
    let url = format!("--set=webhook.url=https://127.0.0.1:{port}/validate");
    let helm = |arguments: &[&str]| {
        let output = plane.tool("helm", arguments, "");
        assert!(output.status.success(), "helm {arguments:?}: {}", said(&output));
        said(&output)
    };

    helm(&["install", "guard", &chart(), &url, "--set-json=policy.allowedRanges.ranges=[\"10.96.0.0/16\"]"]);
    let pod = Pod::start(&plane, port);
    wait_until_refused(&plane, "172.20.0.0/16", "is outside the allowed ranges: use a CIDR within 10.96.0.0/16");
    assert_eq!(create(&plane, "inside", &["10.96.1.0/24"], false).0, 201);

    // The certificate is kept: the running pod goes on serving under the new configuration.
    let bundle = |plane: &ControlPlane| {
        let list = plane.get(CONFIGURATIONS).1;
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        list["items"][0]["webhooks"][0]["clientConfig"]["caBundle"].clone()
    };
    let before = bundle(&plane);
    helm(&[
        "upgrade",
        "guard",
        &chart(),
        &url,
        "--set-json=policy.denyAll.operations=[\"CREATE\",\"UPDATE\",\"DELETE\"]",
    ]);
    assert_eq!(bundle(&plane), before);
    pod.update_volumes(&plane);
    let denied = "the policy denies it for all but `kubernetes`";
    wait_until_refused(&plane, "10.96.2.0/24", denied);
    let refused = plane.delete(&format!("{SERVICE_CIDRS}/inside")).1;
    assert!(refused["message"].as_str().unwrap().contains(denied), "{refused}");
    plane.kubectl_ok(&["label", "servicecidr", "inside", "team=a"], "");

    helm(&["uninstall", "guard"]);
    drop(pod);
    eventually("nothing judges any more", || create(&plane, "probe", &["172.20.0.0/16"], true).0 == 201);
    assert_eq!(plane.get(CONFIGURATIONS).1["items"], serde_json::json!([]));
    for kind in ["configmaps", "secrets", "services"] {
        let left = plane.get(&format!("/api/v1/namespaces/default/{kind}")).1;
        assert!(!left.to_string().contains("servicecidr-guard"), "{left}");
    }
}
