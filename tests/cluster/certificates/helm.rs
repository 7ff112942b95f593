//! Releases by Helm 3 and Helm 4: after each operation, requests are evaluated and `caBundle` is in place.

use std::time::Duration;

use serde_json::Value;

use super::{ALLOWED, Balancer, Installation, under_load};
use crate::chart::{chart, pod::Pod};
use crate::control_plane::{ControlPlane, output_text};
use crate::program::{eventually, fixtures};
use crate::webhook::{create, wait_until_outside};

struct Helm<'a> {
    name: &'static str,
    installation: &'a Installation,
}

impl Helm<'_> {
    fn run(&self, arguments: &[&str]) {
        let output = self.installation.plane.run_tool(self.name, arguments, "");
        assert!(output.status.success(), "{} {arguments:?}: {}", self.name, output_text(&output));
    }

    /// The next requests are evaluated.
    fn check(&self, after: &str) {
        let plane = &self.installation.plane;
        let (status, answer) = create(plane, "outside", &["172.20.0.0/16"], true);
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(status == 403 && message.contains("outside the allowed ranges"), "{} {after}: {answer}", self.name);
        let (status, answer) = create(plane, "inside", &["10.96.1.0/24"], true);
        assert_eq!(status, 201, "{} {after}: {answer}", self.name);
    }

    fn bundles(&self) -> Vec<Value> {
        let configuration = self.installation.configuration();
        let webhooks = configuration["webhooks"].as_array().unwrap();
        webhooks.iter().map(|webhook| webhook["clientConfig"]["caBundle"].clone()).collect()
    }
}

fn check_releases(name: &'static str) {
    let (plane, balancer) = (ControlPlane::start(), Balancer::start());
    let url = format!("--set=webhook.url=https://127.0.0.1:{}/validate", balancer.port);
    let mut installation = Installation { pods: Vec::new(), balancer, plane };
    let chart = chart();
    for round in ["first", "second"] {
        let helm = Helm { name, installation: &installation };
        helm.run(&["install", "guard", &chart, ALLOWED, &url]);
        let pod = Pod::start(&installation.plane, 0);
        installation.pods = vec![pod];
        installation.send_to_pods();
        let helm = Helm { name, installation: &installation };
        wait_until_outside(&installation.plane, "172.20.0.0/16");
        helm.check(&format!("{round} install"));
        let (before, ca) = (helm.bundles(), installation.secret()["data"]["ca.crt"].clone());
        assert_eq!(before.len(), 2);

        let more = "--set=webhook.timeoutSeconds=7";
        for (what, arguments) in [
            ("upgrade", &["upgrade", "guard", &chart, ALLOWED, &url, more][..]),
            ("upgrade --reuse-values", &["upgrade", "guard", &chart, "--reuse-values", "--set=replicaCount=3"]),
            ("rollback", &["rollback", "guard", "1"]),
            (
                "without the second webhook",
                &["upgrade", "guard", &chart, "--reuse-values", "--set=webhook.warn.enabled=false"],
            ),
            ("with the second webhook", &["upgrade", "guard", &chart, ALLOWED, &url]),
        ] {
            helm.run(arguments);
            if what.starts_with("with") {
                eventually("every webhook has a caBundle", || helm.bundles().iter().all(|bundle| *bundle == before[0]));
            } else {
                assert_eq!(helm.bundles(), before, "{name} {what}");
            }
            helm.check(what);
        }
        // `--force` replaces the objects: the bundle is restored at once, and the CA is the same.
        let force = if name == "helm" { "--force-replace" } else { "--force" };
        let replace = ["upgrade", "guard", &chart, ALLOWED, &url, more, force];
        let replace = if name == "helm" { [&replace[..], &["--server-side=false"]].concat() } else { replace.to_vec() };
        helm.run(&replace);
        eventually("the bundle is restored", || helm.bundles() == before);
        eventually("kube-apiserver has the bundle", || {
            create(&installation.plane, "inside", &["10.96.1.0/24"], true).0 == 201
        });
        helm.check("forced upgrade");
        assert_eq!(installation.secret()["data"]["ca.crt"], ca);

        helm.run(&["uninstall", "guard"]);
        eventually("no webhook is called", || create(&installation.plane, "probe", &["172.20.0.0/16"], true).0 == 201);
    }
}

#[test]
fn helm_4_releases_keep_the_ca_bundle() {
    check_releases("helm");
}

#[test]
fn helm_3_releases_keep_the_ca_bundle() {
    check_releases("helm3");
}

/// A packaged chart of the time when Helm created the certificate.
fn previous_chart() -> String {
    fixtures().join("charts/helm-mode.tgz").to_str().unwrap().to_owned()
}

#[test]
fn helm_mode_is_upgraded_to_managed() {
    let (plane, balancer) = (ControlPlane::start(), Balancer::start());
    let url = format!("--set=webhook.url=https://127.0.0.1:{}/validate", balancer.port);
    let mut installation = Installation { pods: Vec::new(), balancer, plane };
    let helm = Helm { name: "helm", installation: &installation };
    helm.run(&["install", "guard", &previous_chart(), ALLOWED, &url]);
    let old = Pod::start(&installation.plane, 0);
    installation.balancer.send_to([old.port]);
    wait_until_outside(&installation.plane, "172.20.0.0/16");
    assert!(helm.bundles()[0].is_string());

    let helm = Helm { name: "helm", installation: &installation };
    helm.run(&["upgrade", "guard", &chart(), "--reset-then-reuse-values"]);
    installation.pods.push(Pod::start(&installation.plane, 0));
    installation.send_to_pods();
    drop(old);
    eventually("kube-apiserver trusts the new pod", || {
        create(&installation.plane, "inside", &["10.96.1.0/24"], true).0 == 201
    });
    // The rollout has ended.
    let ((), load) = under_load(&installation.plane, 4, Duration::from_millis(5), |load| {
        eventually("requests are answered", || load.sent() > 400);
    });
    assert_eq!(load.failures(), Vec::<Value>::new());
    let helm = Helm { name: "helm", installation: &installation };
    helm.check("upgrade from the mode helm");
    assert_eq!(installation.plane.get("/api/v1/namespaces/default/secrets/guard-servicecidr-guard-tls").0, 404);
}
