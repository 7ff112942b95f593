//! `kubectl servicecidr` with the real kubectl: output for a cluster equals that for files; impersonation and
//! permissions.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::binaries;
use crate::control_plane::{ControlPlane, output_text};
use crate::program::program;
use crate::webhook::create_ready;

/// A kubectl with the plugin on its PATH.
struct Kubectl<'p> {
    plane: &'p ControlPlane,
    folder: TempDir,
}

impl<'p> Kubectl<'p> {
    fn new(plane: &'p ControlPlane) -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["kubectl-servicecidr", "kubectl_complete-servicecidr"] {
            symlink(program().get_program(), folder.path().join(name)).unwrap();
        }
        symlink(binaries::path("kubectl"), folder.path().join("kubectl")).unwrap();
        Self { plane, folder }
    }

    /// Runs a line in a shell, in its own folder.
    fn run_line(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.path()).env("HOME", self.folder.path());
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        shell.env("PATH", path).env("KUBECONFIG", self.plane.kubeconfig()).output().unwrap()
    }

    /// The output of a line, stdout and stderr. Checks the exit code.
    #[track_caller]
    fn check_output(&self, line: &str, code: i32) -> String {
        let output = self.run_line(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", output_text(&output));
        output_text(&output)
    }
}

/// A control plane with two ServiceCIDRs and some Services.
fn plane() -> ControlPlane {
    let plane = ControlPlane::start();
    create_ready(&plane, "newcidr1", &["10.96.0.0/24"]);
    for number in 0..20 {
        plane.kubectl_ok(&["create", "service", "clusterip", &format!("web-{number}"), "--tcp=80"], "");
    }
    plane
}

#[test]
fn cluster_output_matches_file_output() {
    let plane = plane();
    let kubectl = Kubectl::new(&plane);
    kubectl.check_output("kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json > cluster.json", 0);
    for (command, code) in [
        ("report", 0),
        ("report -o wide", 0),
        ("report -o json", 0),
        ("report --add team-a=10.97.0.0/24", 0),
        ("overlaps", 1),
        ("simulate --services 300", 1),
        ("explain newcidr1", 0),
        ("explain 10.96.0.1", 0),
        ("suggest --prefix-length 24 --within 10.96.0.0/16 -o wide", 0),
        ("init", 0),
    ] {
        let live = kubectl.check_output(&format!("kubectl servicecidr {command}"), code);
        assert_eq!(
            live,
            kubectl.check_output(&format!("kubectl servicecidr {command} -f cluster.json"), code),
            "{command}"
        );
        assert!(!live.is_empty());
    }
    let report = kubectl.check_output("kubectl servicecidr report", 0);
    assert!(report.contains("\nIPv4: 233 of 254 addresses free (91.7%)\n"), "{report}");
    let piped =
        "kubectl get servicecidrs,ipaddresses,services --all-namespaces -o json | kubectl servicecidr report -f -";
    assert_eq!(kubectl.check_output(piped, 0), report);
    // The draft allows what exists.
    kubectl.check_output("kubectl servicecidr init > draft.yaml", 0);
    let scanned = kubectl.check_output("kubectl servicecidr scan --policy draft.yaml -o json 2> stderr", 0);
    let file =
        kubectl.check_output("kubectl servicecidr scan --policy draft.yaml -o json -f cluster.json 2> stderr", 0);
    assert_eq!(scanned.replace("\"cluster\"", "\"cluster.json\""), file);
    assert!(scanned.contains("\"no-overlap\""), "{scanned}");
    kubectl.check_output(
        "kubectl servicecidr suggest --prefix-length 24 --within 10.96.0.0/16 -o manifest > next.yaml",
        0,
    );
    kubectl.check_output("kubectl servicecidr check -f next.yaml --policy draft.yaml --inventory cluster", 0);
}

#[test]
fn lists_over_one_page_are_read() {
    let plane = ControlPlane::start_with("10.96.0.0/20");
    for number in 0..1203_u32 {
        let address = std::net::Ipv4Addr::from(0x0a60_0500 + number);
        let object = serde_json::json!({
            "metadata": {"name": address.to_string()},
            "spec": {"parentRef": {"resource": "gateways", "group": "gateway.networking.k8s.io", "namespace": "n", "name": "g"}},
        });
        assert_eq!(plane.post("/apis/networking.k8s.io/v1/ipaddresses", &object).0, 201);
    }
    let kubectl = Kubectl::new(&plane);
    let report: serde_json::Value =
        serde_json::from_str(&kubectl.check_output("kubectl servicecidr report -o json", 0)).unwrap();
    assert_eq!(report["families"][0]["used"], "1204");
    assert_eq!(report["foreignAddresses"]["count"], "1203");
}

#[test]
fn impersonation_is_used_and_missing_permissions_are_named() {
    let plane = ControlPlane::start();
    let kubectl = Kubectl::new(&plane);
    let refused = kubectl.check_output("kubectl servicecidr report --as jane --as-group team-a", 3);
    assert_eq!(
        refused,
        "error: can't list servicecidrs.networking.k8s.io: forbidden: servicecidrs.networking.k8s.io is forbidden: User \
         \"jane\" cannot list resource \"servicecidrs\" in API group \"networking.k8s.io\" at the cluster scope\n\
         hint: the account needs the verb list on servicecidrs.networking.k8s.io: `kubectl auth can-i list servicecidrs.networking.k8s.io`\n"
    );
    // The command of the hint reports the same.
    kubectl.check_output("kubectl auth can-i list servicecidrs.networking.k8s.io --as jane --as-group team-a", 1);
    kubectl.check_output(
        "kubectl create clusterrole reader --verb=list --resource=servicecidrs.networking.k8s.io,ipaddresses.networking.k8s.io && \
         kubectl create clusterrolebinding reader --clusterrole=reader --group=team-a",
        0,
    );
    let read = kubectl.check_output("kubectl servicecidr report --as jane --as-group team-a", 0);
    assert!(read.starts_with("FAMILY ") && read.contains("\nnote: can't list services: forbidden: "), "{read}");
    assert!(read.contains("IPv4: 13 of 14 addresses free (92.9%)\n"), "{read}");
    kubectl.check_output("kubectl servicecidr report --as jane", 3);
    let masters = kubectl.check_output("kubectl servicecidr report --as jane --as-group system:masters", 0);
    assert_eq!(masters, kubectl.check_output("kubectl servicecidr report", 0));
}

#[test]
fn kubeconfig_lookup_matches_kubectl() {
    let plane = ControlPlane::start();
    let kubectl = Kubectl::new(&plane);
    let expected = kubectl.check_output("kubectl servicecidr report", 0);
    let wrong = "kubectl config --kubeconfig wrong set-cluster c --server http://127.0.0.1:1 && \
                 kubectl config --kubeconfig wrong set-context wrong --cluster c && \
                 kubectl config --kubeconfig wrong use-context wrong";
    kubectl.check_output(wrong, 0);
    let admin = fs::read_to_string(plane.kubeconfig()).unwrap();
    fs::write(kubectl.folder.path().join("admin"), admin).unwrap();
    let context = kubectl.check_output("kubectl config current-context", 0);
    let context = context.trim();
    // The current-context is that of the first file.
    kubectl.check_output("KUBECONFIG=wrong:admin kubectl servicecidr report", 3);
    // A missing file is skipped.
    assert_eq!(kubectl.check_output("KUBECONFIG=absent:admin kubectl servicecidr report", 0), expected);
    assert_eq!(kubectl.check_output("KUBECONFIG=admin:wrong kubectl servicecidr report", 0), expected);
    assert_eq!(
        kubectl.check_output(&format!("KUBECONFIG=wrong:admin kubectl servicecidr report --context {context}"), 0),
        expected
    );
    assert_eq!(kubectl.check_output("KUBECONFIG=wrong kubectl servicecidr report --kubeconfig admin", 0), expected);
    kubectl.check_output("mkdir .kube && cp admin .kube/config", 0);
    assert_eq!(kubectl.check_output("unset KUBECONFIG; kubectl servicecidr report", 0), expected);
}

#[test]
fn kubectl_completion_works() {
    let plane = plane();
    let kubectl = Kubectl::new(&plane);
    let lines = |run_line: &str| {
        let output = kubectl.run_line(&format!("kubectl __complete servicecidr {run_line}"));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(lines("explain ''"), "kubernetes\nnewcidr1\n:4\n");
    assert_eq!(lines("explain new"), "newcidr1\n:4\n");
    assert_eq!(lines("overl").lines().next().unwrap().split('\t').next(), Some("overlaps"));
    assert_eq!(lines("report -o w"), "wide\tHuman-readable, with more columns\n:4\n");
    assert_eq!(lines("report --policy ''"), ":0\n");
    // An unreachable cluster neither delays completion nor prints an error.
    assert_eq!(lines("explain --kubeconfig /nowhere ''"), ":4\n");
}
