//! The chart with the real helm: rendered templates, and releases on a real control plane.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::binaries;
use crate::control_plane::output_text;

mod alerts; // promtool, and the metrics of kube-apiserver
pub mod install; // install, upgrade, rollback, uninstall
mod matrix; // every variant of values: rendered, linted, accepted by kube-apiserver
pub mod pod; // runs the container of the Deployment
mod readme; // the commands of README.md
mod values; // rejected values, subchart, permissions
mod warn; // which webhook receives a request, and what the warn webhook reports

pub fn chart() -> String {
    format!("{}/charts/servicecidr-guard", env!("CARGO_MANIFEST_DIR"))
}

/// Runs helm without a cluster.
fn helm(arguments: &[&str]) -> Output {
    Command::new(binaries::path("helm")).args(arguments).env("KUBECONFIG", "/dev/null").output().unwrap()
}

/// The objects that `helm template` renders for the release `guard` in the namespace `guard`.
fn template(arguments: &[&str]) -> Vec<Value> {
    let fixed = ["template", "guard", &chart(), "--namespace=guard", "--kube-version=1.37.2"];
    let rendered = helm(&[&fixed, arguments].concat());
    assert!(rendered.status.success(), "{}", output_text(&rendered));
    serde_saphyr::from_multiple(&String::from_utf8(rendered.stdout).unwrap()).unwrap()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap()
}

/// The match conditions of the enforce webhook.
pub fn match_conditions() -> Value {
    let objects = template(&["--set-json=policy.denyAll={}"]);
    of_kind(&objects, "ValidatingWebhookConfiguration")["webhooks"][0]["matchConditions"].clone()
}

/// A variant: a folder with `values.yaml` and the rendered objects.
struct Variant {
    name: String,
    folder: PathBuf,
}

impl Variant {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chart");
        let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = |folder: PathBuf| Self { name: folder.file_name().unwrap().to_str().unwrap().to_owned(), folder };
        let mut all: Vec<Self> = folders.map(named).collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        assert!(all.len() >= 8, "only {} variants", all.len());
        all
    }

    fn values(&self) -> String {
        self.folder.join("values.yaml").to_str().unwrap().to_owned()
    }

    fn objects(&self) -> Vec<Value> {
        template(&["--values", &self.values()])
    }
}
