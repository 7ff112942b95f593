//! The image of the Dockerfile, run like a container: only its own files, all read-only, and its own user. Run by
//! `make image-test`, which builds it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "../common/binaries.rs"]
mod binaries;
mod container;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use container::{Container, image};
use serde_json::{Value, json};
use tempfile::TempDir;

use program::{agent, eventually, fixtures, run};

const MIB: u64 = 1024 * 1024;

/// A folder with a policy and a serving certificate, readable by the user of the image.
fn files() -> TempDir {
    let folder = TempDir::new().unwrap();
    assert!(run(&["certs", "--out", folder.path().to_str().unwrap()]).status.success());
    let policy = "apiVersion: servicecidr-guard/v1alpha1\nkind: Policy\ndenyAll: {}\n";
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    container::open_to_all(folder.path());
    folder
}

#[test]
fn image_contains_only_program_and_cas() {
    let rootfs = image().join("rootfs");
    let mut found = Vec::new();
    let mut folders = vec![rootfs.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&rootfs).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, ["etc/ssl/certs/ca-certificates.crt", "servicecidr-guard"]);
    let binary = fs::read(rootfs.join("servicecidr-guard")).unwrap();
    println!("{} bytes", binary.len());
    assert!(binary.len() as u64 <= 15 * MIB, "{} bytes", binary.len());
    let has = |text: &[u8]| binary.windows(text.len()).any(|window| window == text);
    assert!(has(b".dep-v0"), "the program has no list of crates");
    let cas = fs::read_to_string(rootfs.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(cas.contains("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn image_configuration_matches_dockerfile() {
    let inspected: Value = serde_json::from_slice(&fs::read(image().join("config.json")).unwrap()).unwrap();
    let config = &inspected["OCIv1"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/servicecidr-guard"]));
    assert_eq!(config["Cmd"], json!(["serve"]));
    assert_eq!(config["ExposedPorts"], json!({"8443/tcp": {}, "8080/tcp": {}}));
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or_default();
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label("revision").len(), 40);
}

#[test]
fn commands_work_in_read_only_image() {
    let run_in_image = |arguments: &[&str], mounts: &[(&Path, &str)]| {
        let output = container::command(arguments, mounts, &[]).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code(), output.stderr)
    };
    let version = format!("servicecidr-guard {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run_in_image(&["--version"], &[]).0, version);
    let inventories = fixtures().join("inventories");
    let (report, code, _) = run_in_image(&["report", "-f", "/in/extended.json"], &[(&inventories, "/in")]);
    assert!(report.ends_with("IPv4: 236 of 254 addresses free (92.9%)\n"), "{report}");
    assert_eq!(code, Some(0));
    // The file system is read-only.
    let (_, code, problem) = run_in_image(&["certs", "--out", "/certs"], &[]);
    assert_eq!(
        (code, String::from_utf8(problem).unwrap().as_str()),
        (Some(3), "error: /certs: Read-only file system (os error 30)\n")
    );
}

#[test]
fn image_serves_reviews() {
    let files = files();
    let ca = fs::read(files.path().join("ca.crt")).unwrap();
    let [webhook, health] = container::free_ports();
    let (webhook, health) = (format!("127.0.0.1:{webhook}"), format!("127.0.0.1:{health}"));
    let arguments = [
        "serve",
        "--policy=/etc/guard/policy.yaml",
        "--tls-cert=/etc/guard/tls.crt",
        "--tls-key=/etc/guard/tls.key",
        &format!("--listen={webhook}"),
        &format!("--health-listen={health}"),
        "--drain-delay=0",
    ];
    let mut container = Container::start(&arguments, &[(files.path(), "/etc/guard")], &[]);
    eventually("the webhook is ready", || ureq::get(format!("http://{health}/readyz")).call().is_ok());
    assert_eq!(container.user(), "65532");
    let review = fs::read(fixtures().join("recorded/007-create-newcidr1.json")).unwrap();
    let mut answer = agent(&ca)
        .post(format!("https://{webhook}/validate"))
        .content_type("application/json")
        .send(&review[..])
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap();
    assert_eq!(answer["response"]["allowed"], false);
    assert_eq!(container.stop(), Some(0));
}

/// The rendered object of a kind.
fn rendered<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap()
}

/// Writes the content of a volume into its own folder.
fn volume(objects: &[Value], volume: &Value) -> TempDir {
    let folder = TempDir::new().unwrap();
    let (kind, name) = match (&volume["configMap"]["name"], &volume["secret"]["secretName"]) {
        (Value::String(name), _) => ("ConfigMap", name),
        (_, Value::String(name)) => ("Secret", name),
        _ => panic!("unknown kind of volume: {volume}"),
    };
    let object = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == **name).unwrap();
    for (file, content) in object["data"].as_object().unwrap() {
        let content = content.as_str().unwrap().as_bytes();
        let content = if kind == "Secret" { container::decoded(content) } else { content.to_vec() };
        fs::write(folder.path().join(file), content).unwrap();
    }
    container::open_to_all(folder.path());
    folder
}

/// The mounts of a container, as folder and path.
fn mounts<'v>(container: &'v Value, volumes: &'v [(Value, TempDir)]) -> Vec<(&'v Path, &'v str)> {
    let mounts = container["volumeMounts"].as_array().unwrap().iter();
    let of = |mount: &'v Value| {
        let (_, folder) = volumes.iter().find(|(name, _)| *name == mount["name"]).unwrap();
        (folder.path(), mount["mountPath"].as_str().unwrap())
    };
    mounts.map(of).collect()
}

/// A Secret with a certificate for the Service of the chart. No API server runs here, so that the pod can't manage its own.
fn tls_secret(name: &str, host: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(run(&["certs", "--out", path, "--dns", host]).status.success());
    let output = std::process::Command::new(binaries::path("kubectl"))
        .args(["create", "secret", "generic", name, "--dry-run=client", "--output=json"])
        .args(["tls.crt", "tls.key", "ca.crt"].map(|file| format!("--from-file={path}/{file}")))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn image_runs_with_the_chart_settings() {
    let host = "guard-servicecidr-guard.guard.svc";
    let [webhook, health] = container::free_ports();
    let values = json!({
        "inventory": "none",
        "drainDelaySeconds": 0,
        "tls": {"mode": "existingSecret", "existingSecret": {"name": "guard-tls"}},
        "listen": {"address": "127.0.0.1", "webhookPort": webhook, "healthPort": health},
        "policy": {"noOverlap": null, "reservedNetworks": null, "usable": null, "denyAll": {}},
    });
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("values.json"), values.to_string()).unwrap();
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/servicecidr-guard");
    let output = std::process::Command::new(binaries::path("helm"))
        .args(["template", "guard", chart.to_str().unwrap(), "--namespace=guard", "--kube-version=1.37.2", "--values"])
        .arg(folder.path().join("values.json"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    objects.push(tls_secret("guard-tls", host));
    let pod = &rendered(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();

    // The replacement of a container engine sets these in any case: the chart must set them too.
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    let user = format!("{}:{}", pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]);
    let volumes: Vec<_> = list(&pod["volumes"]).iter().map(|it| (it["name"].clone(), volume(&objects, it))).collect();
    let mounts = mounts(container, &volumes);
    let (arguments, variables) = (list(&container["args"]), list(&container["env"]));
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
    let variables: Vec<_> =
        variables.iter().map(|it| (it["name"].as_str().unwrap(), it["value"].as_str().unwrap())).collect();
    let mut running = Container::spawn(container::command_as(&user, &arguments, &mounts, &variables));
    let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
    for probe in ["livenessProbe", "readinessProbe"] {
        let url = format!("http://127.0.0.1:{health}{}", path(probe));
        eventually(probe, || ureq::get(&url).call().is_ok());
    }
    assert_eq!(running.user(), "65532");

    // Like `helm test`, except for the host name, which only the DNS of a cluster resolves.
    let test = &rendered(&objects, "Pod")["spec"]["containers"][0];
    let server_name = format!("--server-name={host}");
    let here = |argument: &Value| {
        let argument = argument.as_str().unwrap().replace(&format!("{host}:443"), &format!("127.0.0.1:{webhook}"));
        argument.replace(&format!("guard-servicecidr-guard-metrics.guard.svc:{health}"), &format!("127.0.0.1:{health}"))
    };
    let mut arguments: Vec<String> = list(&test["args"]).iter().map(here).collect();
    arguments.push(server_name);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = container::command_as(&user, &arguments, &self::mounts(test, &volumes), &[]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout.lines().count(), 4, "{stdout}");
    assert_eq!(running.stop(), Some(0));
}
