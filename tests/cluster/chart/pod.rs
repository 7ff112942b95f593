//! Runs the container of the Deployment as a process, in place of a kubelet.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::control_plane::ControlPlane;
use crate::program::{eventually, program};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/guard-servicecidr-guard";

/// A pod of the release `guard` in the namespace `default`: its arguments, environment, files and ServiceAccount. Killed
/// on drop.
pub struct Pod {
    files: TempDir,
    child: Child,
    pub health: String,
    /// The port of the webhook.
    pub port: u16,
}

impl Pod {
    /// Starts a pod and waits until it is ready. `port` replaces the port of the pod, which another program on this
    /// machine may use.
    pub fn start(plane: &ControlPlane, port: u16) -> Self {
        let pod = Self::spawn(plane, port);
        for probe in ["livenessProbe", "readinessProbe"] {
            eventually(probe, || pod.passes(plane, probe));
        }
        pod
    }

    /// Starts a pod and waits until it listens. Port 0 is a free port.
    pub fn spawn(plane: &ControlPlane, port: u16) -> Self {
        let deployment = plane.get(DEPLOYMENT).1;
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let files = TempDir::new().unwrap();
        mount(plane, pod, files.path());
        let here = |argument: &Value| {
            let mounts = container["volumeMounts"].as_array().unwrap();
            let argument = mounts.iter().fold(argument.as_str().unwrap().to_owned(), |argument, mount| {
                let volume = files.path().join(mount["name"].as_str().unwrap());
                argument.replace(mount["mountPath"].as_str().unwrap(), volume.to_str().unwrap())
            });
            argument.replace("0.0.0.0:8443", &format!("127.0.0.1:{port}")).replace("0.0.0.0:8080", "127.0.0.1:0")
        };
        let mut command = program();
        command.args(container["args"].as_array().unwrap().iter().map(here));
        // Replaces the token that the kubelet would mount.
        if pod["automountServiceAccountToken"] == true {
            let account = pod["serviceAccountName"].as_str().unwrap();
            command.arg("--kubeconfig").arg(plane.service_account_kubeconfig(account));
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            command.env(variable["name"].as_str().unwrap(), here(&variable["value"]));
        }
        let path = files.path().join("log");
        let log = fs::File::create(&path).unwrap();
        command.args(["--log-format", "json"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let mut serving = Value::Null;
        eventually("the pod listens", || {
            let log = fs::read_to_string(&path).unwrap();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            serving = lines.find(|line| line["message"] == "serving").unwrap_or_default();
            serving.is_object()
        });
        let address = |field: &str| serving[field].as_str().unwrap().to_owned();
        let port = address("listen").rsplit_once(':').unwrap().1.parse().unwrap();
        Self { files, child, health: format!("http://{}", address("health_listen")), port }
    }

    /// Whether a probe of the Deployment succeeds.
    fn passes(&self, plane: &ControlPlane, probe: &str) -> bool {
        let container = &plane.get(DEPLOYMENT).1["spec"]["template"]["spec"]["containers"][0];
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        ureq::get(format!("{}{path}", self.health)).call().is_ok()
    }

    /// Whether the pod is ready.
    pub fn is_ready(&self) -> bool {
        ureq::get(format!("{}/readyz", self.health)).call().is_ok()
    }

    /// What `/readyz?verbose` reports.
    pub fn readiness(&self) -> String {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let answer = agent.get(format!("{}/readyz?verbose", self.health)).call();
        answer.map_or_else(|error| error.to_string(), |mut answer| answer.body_mut().read_to_string().unwrap())
    }

    /// The log until now.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap()
    }

    /// The value of a metric with its labels; 0 if it is absent.
    pub fn metric(&self, name_and_labels: &str) -> u64 {
        let page = self.page("/metrics");
        let value = page.lines().find_map(|line| {
            let rest = line.strip_prefix(name_and_labels)?;
            rest.strip_prefix("{}").unwrap_or(rest).strip_prefix(' ')
        });
        value.map_or(0, |value| value.parse().unwrap())
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
    for volume in pod["volumes"].as_array().into_iter().flatten() {
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
