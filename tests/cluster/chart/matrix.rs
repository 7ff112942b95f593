//! Every variant of values: compared with its fixture, and applied to a real kube-apiserver as a dry run.

use std::fs;

use serde_json::{Value, json};

use super::{Variant, chart, helm, of_kind};
use crate::control_plane::{ControlPlane, output_text};
use crate::program::run;

/// Kinds of cert-manager and the Prometheus operator, which kube-apiserver alone doesn't have.
const CUSTOM_KINDS: [&str; 5] = ["Certificate", "Issuer", "PodMonitor", "PrometheusRule", "ServiceMonitor"];

/// Objects in a fixed order, without the content of whole files.
fn normalized(mut objects: Vec<Value>) -> Vec<Value> {
    let dashboard = fs::read_to_string(format!("{}/files/dashboard.json", chart())).unwrap();
    for object in &mut objects {
        let text = object.pointer_mut("/data/servicecidr-guard.json");
        for text in text.into_iter().filter(|text| text.as_str().unwrap().trim() == dashboard.trim()) {
            *text = json!("files/dashboard.json");
        }
    }
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

/// The notes that `helm install` prints.
fn notes(variant: &Variant) -> String {
    let arguments = ["install", "guard", &chart(), "--namespace=guard", "--dry-run=client", "--values"];
    let printed = helm(&[&arguments[..], &[&variant.values()]].concat());
    assert!(printed.status.success(), "{}: {}", variant.name, output_text(&printed));
    let printed = String::from_utf8(printed.stdout).unwrap();
    printed.split_once("\nNOTES:\n").unwrap().1.to_owned()
}

#[test]
fn rendered_templates_match_fixtures() {
    let mut differing = Vec::new();
    let default = Variant::all().into_iter().find(|variant| variant.name == "default").unwrap();
    let default = normalized(default.objects());
    for variant in Variant::all() {
        let is_default = variant.name == "default";
        let objects = normalized(variant.objects()).into_iter();
        // For other variants, only the objects that differ from the default are kept.
        let own = objects.filter(|object| is_default || !default.contains(object));
        let rendered: Vec<String> =
            own.map(|object| format!("---\n{}", serde_saphyr::to_string(&object).unwrap())).collect();
        let rendered = rendered.concat();
        for (file, text) in [("rendered.yaml", rendered), ("notes.txt", notes(&variant))] {
            let path = variant.folder.join(file);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(path, text).unwrap();
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                differing.push(format!("--- {}/{file} would be\n{text}", variant.name));
            }
        }
    }
    assert!(differing.is_empty(), "UPDATE_GOLDEN=1 writes these files:\n{}", differing.join("\n"));
}

#[test]
fn helm_lint_passes() {
    for variant in Variant::all() {
        let linted = helm(&["lint", "--strict", "--values", &variant.values(), &chart()]);
        assert!(linted.status.success(), "{}: {}", variant.name, output_text(&linted));
    }
}

#[test]
fn pod_flags_exist() {
    let help = output_text(&run(&["serve", "--help"]));
    for variant in Variant::all() {
        let objects = variant.objects();
        let args = of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"].clone();
        for argument in args.as_array().unwrap().iter().skip(1) {
            let flag = argument.as_str().unwrap().split('=').next().unwrap();
            assert!(help.contains(&format!(" {flag} <")), "{}: serve has no {flag}", variant.name);
        }
    }
}

/// A control plane with the namespace of the release, which enforces Pod Security `restricted`.
fn plane() -> ControlPlane {
    let plane = ControlPlane::start();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: guard\n  labels: {pod-security.kubernetes.io/enforce: restricted}\n";
    plane.kubectl_ok(&["create", "-f", "-"], namespace);
    plane
}

#[test]
fn kube_apiserver_accepts_every_object() {
    let plane = plane();
    for variant in Variant::all() {
        let objects = variant.objects();
        let (custom, builtin): (Vec<Value>, Vec<Value>) =
            objects.into_iter().partition(|object| CUSTOM_KINDS.contains(&object["kind"].as_str().unwrap()));
        let groups = [json!("cert-manager.io/v1"), json!("monitoring.coreos.com/v1")];
        assert!(custom.iter().all(|object| groups.contains(&object["apiVersion"])), "{custom:?}");
        // The Pod of `helm test` is checked below, with that of the Deployment.
        let builtin: Vec<Value> = builtin.into_iter().filter(|object| object["kind"] != "Pod").collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": builtin}).to_string();
        let output = plane.kubectl_ok(&["apply", "--dry-run=server", "--validate=strict", "-f", "-"], &list);
        assert_eq!(output.matches("(server dry run)").count(), builtin.len(), "{}: {output}", variant.name);
    }
    // Strict validation detects typos.
    let typo = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "dta": {}}).to_string();
    let refused = plane.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-f", "-"], &typo);
    assert!(output_text(&refused).contains("unknown field \"dta\""), "{}", output_text(&refused));
}

/// The pods of a variant: one of the Deployment, and that of `helm test`.
fn pods(variant: &Variant) -> Vec<Value> {
    let objects = variant.objects();
    let template = of_kind(&objects, "Deployment")["spec"]["template"].clone();
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod"});
    pod["metadata"] = template["metadata"].clone();
    pod["metadata"]["name"] = json!("pod");
    pod["spec"] = template["spec"].clone();
    std::iter::once(pod).chain(objects.into_iter().filter(|object| object["kind"] == "Pod")).collect()
}

#[test]
fn pods_satisfy_pod_security_restricted() {
    let plane = plane();
    let create = |pod: &Value| {
        let mut pod = pod.clone();
        pod["metadata"]["namespace"] = json!("guard");
        output_text(&plane.kubectl(&["create", "--dry-run=server", "--validate=strict", "-f", "-"], &pod.to_string()))
    };
    for variant in Variant::all() {
        for pod in pods(&variant) {
            let output = create(&pod);
            let is_refused = pod["spec"]["hostNetwork"] == json!(true);
            let expected = if is_refused {
                "violates PodSecurity \"restricted:latest\": host namespaces"
            } else {
                " created (server dry run)"
            };
            assert!(output.contains(expected), "{}: {output}", variant.name);
            if is_refused {
                continue;
            }
            // Each of these fields is required.
            for (field, looser, complaint) in [
                ("/spec/securityContext/runAsNonRoot", json!(false), "runAsNonRoot != true"),
                ("/spec/securityContext/seccompProfile/type", json!("Unconfined"), "seccompProfile"),
                (
                    "/spec/containers/0/securityContext/allowPrivilegeEscalation",
                    json!(true),
                    "allowPrivilegeEscalation != false",
                ),
                ("/spec/containers/0/securityContext/capabilities/drop", json!([]), "unrestricted capabilities"),
            ] {
                let mut pod = pod.clone();
                *pod.pointer_mut(field).unwrap() = looser;
                let output = create(&pod);
                assert!(output.contains("violates PodSecurity") && output.contains(complaint), "{field}: {output}");
            }
        }
    }
}
