//! `certs`: a private CA and a serving certificate, for evaluation and tests.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls_pki_types::DnsName;
use time::{Duration, OffsetDateTime};

use crate::cli::exit::Exit;
use crate::cli::support::output;

/// The validity of the CA.
const CA_DAYS: i64 = 10 * 365;
/// The validity of the serving certificate.
const LEAF_DAYS: i64 = 365;

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

/// The names that a certificate is valid for.
pub(in crate::cli) struct Names(Vec<SanType>);

/// The paths of a written certificate and its key.
pub(in crate::cli) struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let names = Names::of(&args.dns, &args.ip)?;
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

impl Names {
    /// Names of the local host.
    pub fn loopback() -> Result<Self, Exit> {
        Self::of(&[], &[])
    }

    fn of(dns: &[String], ip: &[IpAddr]) -> Result<Self, Exit> {
        if dns.is_empty() && ip.is_empty() {
            return Self::of(&["localhost".to_owned()], &[[127, 0, 0, 1].into(), [0, 0, 0, 0, 0, 0, 0, 1].into()]);
        }
        let dns = dns.iter().map(|name| match name.as_str().try_into() {
            Ok(valid) if is_dns_name(name) => Ok(SanType::DnsName(valid)),
            _ => Err(Exit::input(format!("--dns {name:?}: not a DNS name"))),
        });
        let ip = ip.iter().map(|address| Ok(SanType::IpAddress(*address)));
        dns.chain(ip).collect::<Result<_, _>>().map(Self)
    }
}

/// Whether a text is a DNS name, or one with a wildcard as its first label.
fn is_dns_name(name: &str) -> bool {
    DnsName::try_from(name.strip_prefix("*.").unwrap_or(name)).is_ok()
}

/// Creates a new CA and a new certificate for `names` in `folder`.
pub(in crate::cli) fn write(folder: &Path, names: &Names) -> Result<Pair, Exit> {
    let now = OffsetDateTime::now_utc();
    let failed = |error: rcgen::Error| Exit::io(format!("certificate: {error}"));

    let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut ca = valid_for(now, CA_DAYS, "servicecidr-guard private CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_cert = ca.self_signed(&ca_key).map_err(failed)?;

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut leaf = valid_for(now, LEAF_DAYS, "servicecidr-guard");
    leaf.subject_alt_names.clone_from(&names.0);
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let cert = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).map_err(failed)?;

    fs::create_dir_all(folder).map_err(|error| Exit::io(format!("{}: {error}", folder.display())))?;
    write_file(&folder.join("ca.crt"), &ca_cert.pem(), 0o644)?;
    write_file(&folder.join("ca.key"), &ca_key.serialize_pem(), 0o600)?;
    let pair = Pair { cert: folder.join("tls.crt"), key: folder.join("tls.key") };
    write_file(&pair.cert, &cert.pem(), 0o644)?;
    write_file(&pair.key, &key.serialize_pem(), 0o600)?;
    Ok(pair)
}

fn valid_for(now: OffsetDateTime, days: i64, common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // So that the certificate is valid for clients whose clock is slightly behind.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(days);
    params
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
