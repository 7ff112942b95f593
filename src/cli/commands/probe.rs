//! `probe`: whether a running webhook answers as it should.

mod ask;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::cli::exit::Exit;
use crate::cli::support::output;
use ask::{Asker, Fault};

/// Ask a running webhook whether it answers as it should: for health checks, `helm test` and people.
///
/// --url: over TLS, whose certificate must be good, a review that every policy lets through, a dry run of a
/// change of `kubernetes`; it is counted and logged as any other. --health-url: /livez, /readyz and /metrics. One
/// line a check. A webhook with --client-ca answers none without a certificate.
///
/// Exit code: 1 if an answer isn't as it should be, 2 for bad input, 3 if there is none, else 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard probe --url https://127.0.0.1:8443 --ca certs/dev/ca.crt --health-url http://127.0.0.1:8080")]
pub(in crate::cli) struct Args {
    /// Where the webhook answers, `https://HOST[:PORT][/PATH]`; without a path, /validate
    #[arg(long, value_name = "URL", required_unless_present = "health_url")]
    url: Option<Uri>,

    /// The CA of its certificate, PEM [default: the CAs of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,

    /// The name that the certificate must be for [default: the host of --url]
    #[arg(long, value_name = "NAME", requires = "url")]
    server_name: Option<String>,

    /// Where /livez, /readyz and /metrics are answered, `http://HOST[:PORT]`
    #[arg(long, value_name = "URL")]
    health_url: Option<Uri>,

    /// For how long to wait for each answer: 1 to 300 seconds
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
            let asker = Asker::new(&url, ca, args.server_name.clone(), timeout)?;
            results.push(("review", asker.review(url.path()).await));
        }
        if let Some(url) = health_url {
            // No CA at all: where there is no TLS, the system needs none.
            let asker = Asker::new(&url, Some(Vec::new()), None, timeout)?;
            results.push(("livez", asker.is_ok("/livez").await));
            results.push(("readyz", asker.is_ok("/readyz").await));
            results.push(("metrics", asker.metrics().await));
        }
        Ok(results)
    })?;
    for (check, result) in &results {
        let result = result.as_ref().map_or_else(ToString::to_string, |()| "ok".to_owned());
        output::print(&format!("{check:<7}  {result}\n"));
    }
    let faults: Vec<&Fault> = results.iter().filter_map(|(_, result)| result.as_ref().err()).collect();
    if faults.is_empty() {
        Ok(())
    } else if faults.iter().any(|fault| matches!(fault, Fault::Unreached(_))) {
        Err(Exit::io("no answer from the webhook"))
    } else {
        Err(Exit::findings(""))
    }
}

/// An https URL with a host; a path is added where there is none.
fn webhook_url(url: &Uri) -> Result<Uri, Exit> {
    let wanted = || Exit::input(format!("--url {url}: write it as https://HOST[:PORT][/PATH]"));
    if url.scheme() != Some(&Scheme::HTTPS) || !is_plain(url) {
        return Err(wanted());
    }
    let path = match url.path() {
        "/" => "/validate",
        path => path,
    };
    let authority = url.authority().ok_or_else(wanted)?.clone();
    Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query(path).build().map_err(|_| wanted())
}

/// An http URL with a host and no path.
fn health_url(url: &Uri) -> Result<Uri, Exit> {
    if url.scheme() == Some(&Scheme::HTTP) && is_plain(url) && url.path() == "/" {
        return Ok(url.clone());
    }
    Err(Exit::input(format!("--health-url {url}: write it as http://HOST[:PORT]")))
}

/// Without credentials and without a query.
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
