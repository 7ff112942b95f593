//! `serve --dev`: the files of the development server, and instructions.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::certs;
use crate::cli::exit::Exit;

const FOLDER: &str = "certs/dev";
const POLICY: &str = include_str!("../../../examples/policy.yaml");
const REVIEW: &str = include_str!("../../../examples/embedded/create-review.json");
const INVENTORY: &str = include_str!("../../../examples/embedded/inventory.json");

/// The files for the server.
pub(in crate::cli) struct Files {
    pub policy: PathBuf,
    pub tls_cert: PathBuf,
    pub tls_key: PathBuf,
    pub inventory: PathBuf,
}

/// Writes a policy, a review and a new CA with its certificate into the current folder.
pub(in crate::cli) fn files(listen: &[SocketAddr]) -> Result<Files, Exit> {
    if let Some(address) = listen.iter().find(|address| !address.ip().is_loopback()) {
        return Err(Exit::input(format!("--dev serves on loopback only, not on {address}"))
            .with_hint("127.0.0.1 and [::1] are loopback"));
    }
    let folder = Path::new(FOLDER);
    let pair = certs::write(folder, &certs::loopback()?)?;
    let policy = folder.join("policy.yaml");
    write(&policy, POLICY)?;
    // A dry run, as sent by `kubectl apply --dry-run=server`: the response contains a preview.
    write(&folder.join("review.json"), &REVIEW.replace("\"dryRun\": false", "\"dryRun\": true"))?;
    let inventory = folder.join("inventory.json");
    write(&inventory, INVENTORY)?;
    Ok(Files { policy, tls_cert: pair.cert, tls_key: pair.key, inventory })
}

/// The endpoints, and commands to try.
pub(in crate::cli) fn welcome(webhook: SocketAddr, health: SocketAddr) -> String {
    let served = [
        (format!("https://{webhook}/validate"), "evaluates AdmissionReviews"),
        (format!("http://{health}/"), "the web page: capacity and previews"),
        (format!("http://{health}/readyz"), "and /livez, /metrics, /report"),
        (format!("{FOLDER}/policy.yaml"), "the policy: edit it, it is reloaded within a second"),
        (format!("{FOLDER}/inventory.json"), "the cluster state: 10.96.0.0/28, full; you can edit it too"),
        (
            format!("{FOLDER}/review.json"),
            "a review of a real kube-apiserver: a dry run that creates newcidr1 (10.96.0.0/24)",
        ),
    ];
    let served: String = served.map(|(what, why)| format!("  {what:<36}{why}\n")).concat();
    let curl = format!("curl --silent --cacert {FOLDER}/ca.crt --header 'Content-Type: application/json'");
    let review = format!("{FOLDER}/review.json");
    let url = format!("https://{webhook}/validate");
    format!(
        "\
servicecidr-guard development server: for evaluation only.

{served}
In another terminal, in this folder, preview the effect of newcidr1:

  {curl} --data @{review} {url}

See a denial:

  sed 's#10.96.0.0/24#172.20.0.0/16#' {review} | {curl} --data @- {url}

Press Ctrl-C to stop.
"
    )
}

fn write(path: &Path, text: &str) -> Result<(), Exit> {
    fs::write(path, text).map_err(|error| Exit::io(format!("{}: {error}", path.display())))
}
