//! Runs the container of the Deployment as a process, in place of a kubelet.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::control_plane::{ControlPlane, free_ports};
use crate::program::{eventually, program};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/guard-servicecidr-guard";

/// A pod of the release `guard` in the namespace `default`: its arguments, environment and files. Killed on drop.
pub struct Pod {
    files: TempDir,
    child: Child,
    pub health: String,
}

impl Pod {
    /// `port` replaces the port of the pod, which another program on this machine may use.
    pub fn start(plane: &ControlPlane, port: u16) -> Self {
        let deployment = plane.get(DEPLOYMENT).1;
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
        // Replaces the token that the kubelet would mount.
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
        Self { files, child, health }
    }

    /// Updates the volumes, like the kubelet after a change of a ConfigMap or Secret.
    pub fn update_volumes(&self, plane: &ControlPlane) {
        let deployment = plane.get(DEPLOYMENT).1;
        mount(plane, &deployment["spec"]["template"]["spec"], self.files.path());
    }

    /// The body of a path of the health port.
    pub fn page(&self, path: &str) -> String {
        ureq::get(format!("{}{path}", self.health)).call().unwrap().body_mut().read_to_string().unwrap()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes every volume of a pod into its own folder below `folder`, like the kubelet: all files of a volume at once,
/// by renaming a link.
fn mount(plane: &ControlPlane, pod: &Value, folder: &Path) {
    for volume in pod["volumes"].as_array().unwrap() {
        let into = folder.join(volume["name"].as_str().unwrap());
        let (path, decode) = match (&volume["configMap"]["name"], &volume["secret"]["secretName"]) {
            (Value::String(name), _) => (format!("configmaps/{name}"), false),
            (_, Value::String(name)) => (format!("secrets/{name}"), true),
            _ => panic!("unknown kind of volume: {volume}"),
        };
        let object = plane.get(&format!("/api/v1/namespaces/default/{path}")).1;
        let version = into.join(format!("..{}", object["metadata"]["resourceVersion"].as_str().unwrap()));
        fs::create_dir_all(&version).unwrap();
        for (name, content) in object["data"].as_object().unwrap() {
            let content = content.as_str().unwrap();
            let content = if decode { decoded(plane, &path, name) } else { content.to_owned() };
            fs::write(version.join(name), content).unwrap();
            let link = into.join(name);
            if link.symlink_metadata().is_err() {
                std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
        let _ = fs::remove_file(into.join("..data_tmp"));
        std::os::unix::fs::symlink(&version, into.join("..data_tmp")).unwrap();
        fs::rename(into.join("..data_tmp"), into.join("..data")).unwrap();
    }
}

/// An entry of a Secret, decoded by kubectl.
fn decoded(plane: &ControlPlane, secret: &str, entry: &str) -> String {
    let template = format!("go-template={{{{ index .data \"{entry}\" | base64decode }}}}");
    plane.kubectl_ok(&["get", &secret.replace("secrets/", "secret/"), "-o", &template], "")
}
