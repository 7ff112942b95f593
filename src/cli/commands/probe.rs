//! `probe`: tests a running webhook.

mod client;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::cli::exit::Exit;
use crate::cli::support::output;
use client::{ProbeClient, ProbeError};

/// Test a running webhook: for health checks, `helm test` and troubleshooting.
///
/// --url: sends a review that every policy allows (a dry-run update of `kubernetes`) and verifies the
/// certificate. The webhook counts and logs it like any other. --health-url: requests /livez, /readyz and
/// /metrics. Prints one line per check. A webhook with --client-ca rejects the probe, which has no client
/// certificate.
///
/// Exit code: 0 success, 1 unexpected response, 2 invalid input, 3 no response.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard probe --url https://127.0.0.1:8443 --ca certs/dev/ca.crt --health-url http://127.0.0.1:8080")]
pub(in crate::cli) struct Args {
    /// The URL of the webhook, `https://HOST[:PORT][/PATH]`; without a path, /validate
    #[arg(long, value_name = "URL", required_unless_present = "health_url")]
    url: Option<Uri>,

    /// The CA of the webhook's certificate, PEM [default: the CAs of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,

    /// The name that the certificate must be for [default: the host of --url]
    #[arg(long, value_name = "NAME", requires = "url")]
    server_name: Option<String>,

    /// The URL of /livez, /readyz and /metrics, `http://HOST[:PORT]`
    #[arg(long, value_name = "URL")]
    health_url: Option<Uri>,

    /// How long to wait for each response: 1 to 300 seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let url = args.url.as_ref().map(webhook_url).transpose()?;
    let health_url = args.health_url.as_ref().map(health_url).transpose()?;
    let ca = args.ca.as_ref().map(certificates).transpose()?;
    let timeout = Duration::from_secs(args.timeout);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Exit::io)?;
    let results = runtime.block_on(async {
        let mut results = Vec::new();
        if let Some(url) = url {
            let client = ProbeClient::new(&url, ca, args.server_name.clone(), timeout)?;
            results.push(("review", client.review(url.path()).await));
        }
        if let Some(url) = health_url {
            // No CA at all: without TLS, the system needs none.
            let client = ProbeClient::new(&url, Some(Vec::new()), None, timeout)?;
            results.push(("livez", client.is_ok("/livez").await));
            results.push(("readyz", client.is_ok("/readyz").await));
            results.push(("metrics", client.metrics().await));
        }
        Ok(results)
    })?;
    for (check, result) in &results {
        let result = result.as_ref().map_or_else(ToString::to_string, |()| "ok".to_owned());
        output::print(&format!("{check:<7}  {result}\n"));
    }
    let errors: Vec<&ProbeError> = results.iter().filter_map(|(_, result)| result.as_ref().err()).collect();
    if errors.is_empty() {
        Ok(())
    } else if errors.iter().any(|error| matches!(error, ProbeError::Unreachable(_))) {
        Err(Exit::io("no response from the webhook"))
    } else {
        Err(Exit::findings(""))
    }
}

/// An https URL with a host, and a path if it has none.
fn webhook_url(url: &Uri) -> Result<Uri, Exit> {
    let invalid = || Exit::input(format!("--url {url}: write it as https://HOST[:PORT][/PATH]"));
    if url.scheme() != Some(&Scheme::HTTPS) || !is_plain(url) {
        return Err(invalid());
    }
    let path = match url.path() {
        "/" => "/validate",
        path => path,
    };
    let authority = url.authority().ok_or_else(invalid)?.clone();
    Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query(path).build().map_err(|_| invalid())
}

/// An http URL with a host and no path.
fn health_url(url: &Uri) -> Result<Uri, Exit> {
    if url.scheme() == Some(&Scheme::HTTP) && is_plain(url) && url.path() == "/" {
        return Ok(url.clone());
    }
    Err(Exit::input(format!("--health-url {url}: write it as http://HOST[:PORT]")))
}

/// The URL without credentials and query.
fn is_plain(url: &Uri) -> bool {
    url.query().is_none() && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

/// The certificates of a PEM file.
fn certificates(path: &PathBuf) -> Result<Vec<Vec<u8>>, Exit> {
    let named = path.display();
    let bytes = fs::read(path).map_err(|error| Exit::io(format!("{named}: {error}")))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates.into_iter().map(|der| der.to_vec()).collect()),
        Ok(_) => Err(Exit::input(format!("--ca {named}: no certificate in it"))),
        Err(error) => Err(Exit::input(format!("--ca {named}: {error}"))),
    }
}
