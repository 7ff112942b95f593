//! `certs`: a private CA and a serving certificate, for evaluation and tests.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::pki::{CertificateAuthority, PkiError, ServerNames, Validity, unix_now};

use crate::cli::exit::Exit;
use crate::cli::support::output;

/// The validity of the CA.
const CA_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The validity of the serving certificate.
const LEAF_VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);

/// Write a private CA and a serving certificate, for evaluation and tests.
///
/// Writes ca.crt, ca.key, tls.crt and tls.key (ECDSA P-256); only the owner can read the keys. The CA is valid
/// for ten years, the certificate for one. Existing files are kept, unless --force is given.
///
/// Exit code: 0 success, 2 invalid input, 3 I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard certs --out certs --dns servicecidr-guard.servicecidr-guard.svc")]
pub(in crate::cli) struct Args {
    /// The folder to write to; created if it doesn't exist
    #[arg(long, value_name = "DIR", default_value = "certs")]
    out: PathBuf,

    /// A DNS name to serve, such as servicecidr-guard.NAMESPACE.svc; repeatable [default without --dns and --ip: localhost]
    #[arg(long, value_name = "NAME")]
    dns: Vec<String>,

    /// An IP address to serve; repeatable [default without --dns and --ip: 127.0.0.1 and ::1]
    #[arg(long, value_name = "IP")]
    ip: Vec<IpAddr>,

    /// Replace existing files
    #[arg(long)]
    force: bool,
}

/// The paths of a written certificate and its key.
pub(in crate::cli) struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let names = names(&args.dns, &args.ip)?;
    let present = ["ca.crt", "ca.key", "tls.crt", "tls.key"].map(|name| args.out.join(name));
    if let Some(path) = present.iter().find(|path| path.exists() && !args.force) {
        return Err(Exit::input(format!("{}: already exists", path.display()))
            .with_hint("--force replaces it; --out writes to another folder"));
    }
    write(&args.out, &names)?;
    for path in &present {
        output::print(&format!("{}\n", path.display()));
    }
    Ok(())
}

/// Names of the local host.
pub(in crate::cli) fn loopback() -> Result<ServerNames, Exit> {
    names(&[], &[])
}

fn names(dns: &[String], ip: &[IpAddr]) -> Result<ServerNames, Exit> {
    if dns.is_empty() && ip.is_empty() {
        return names(&["localhost".to_owned()], &[[127, 0, 0, 1].into(), [0, 0, 0, 0, 0, 0, 0, 1].into()]);
    }
    ServerNames::new(dns, ip).map_err(|error| Exit::input(format!("--dns {error}")))
}

/// Creates a new CA and a new certificate for `names` in `folder`.
pub(in crate::cli) fn write(folder: &Path, names: &ServerNames) -> Result<Pair, Exit> {
    let now = unix_now();
    let failed = |error: PkiError| Exit::io(error);
    let ca = CertificateAuthority::generate("private CA", Validity::starting_at(now, CA_VALIDITY)).map_err(failed)?;
    let issued = ca.issue(names, Validity::starting_at(now, LEAF_VALIDITY)).map_err(failed)?;

    fs::create_dir_all(folder).map_err(|error| Exit::io(format!("{}: {error}", folder.display())))?;
    write_file(&folder.join("ca.crt"), &ca.certificate_pem(), 0o644)?;
    write_file(&folder.join("ca.key"), &ca.key_pem(), 0o600)?;
    let pair = Pair { cert: folder.join("tls.crt"), key: folder.join("tls.key") };
    write_file(&pair.cert, &issued.certificate_pem, 0o644)?;
    write_file(&pair.key, &issued.key_pem, 0o600)?;
    Ok(pair)
}

/// Replaces a file atomically: a reader gets the old content or the new one.
fn write_file(path: &Path, text: &str, mode: u32) -> Result<(), Exit> {
    let temporary = path.with_extension("new");
    let written = || {
        let _ = fs::remove_file(&temporary);
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?.write_all(text.as_bytes())?;
        fs::rename(&temporary, path)
    };
    written().map_err(|error| Exit::io(format!("{}: {error}", path.display())))
}
