//! `serve`: runs the webhook.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::ConfigError;
use crate::k8s::Source;
use crate::server::{ClientAuthConfig, InventorySource, MinTlsVersion, Server, ServerError, Settings, TlsSource};
use crate::telemetry::{self, LogFormat};

use super::dev;
use super::managed_tls::ManagedTlsArgs;
use crate::cli::exit::Exit;
use crate::cli::support::output;

/// Run the admission webhook: serve AdmissionReviews of kube-apiserver over TLS.
///
/// Policy, certificate and key are reloaded within a second of a change, and immediately on SIGHUP. On SIGTERM it
/// keeps serving for --drain-delay, then exits. SIGINT or a second signal exits immediately.
///
/// Exit code: 0 success, 2 invalid input, 3 can't listen or run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard serve --dev
  servicecidr-guard serve --policy policy.yaml --tls-cert certs/tls.crt --tls-key certs/tls.key --inventory cluster")]
pub(in crate::cli) struct Args {
    /// The policy file, YAML or JSON
    #[arg(long, value_name = "FILE", env = "SERVICECIDR_GUARD_POLICY", required_unless_present = "dev")]
    policy: Option<PathBuf>,

    /// The certificate chain in PEM, leaf first
    #[arg(
        long,
        value_name = "FILE",
        env = "SERVICECIDR_GUARD_TLS_CERT",
        required_unless_present_any = ["dev", "tls_secret"],
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate in PEM: PKCS#8, PKCS#1 or SEC1
    #[arg(
        long,
        value_name = "FILE",
        env = "SERVICECIDR_GUARD_TLS_KEY",
        required_unless_present_any = ["dev", "tls_secret"],
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,

    #[command(flatten)]
    managed_tls: ManagedTlsArgs,

    /// The source of the cluster state: none; cluster, which lists and watches the API server; or a file with the
    /// output of `kubectl get servicecidrs,ipaddresses -o json`, which is reloaded when it changes
    #[arg(long, value_name = "none|cluster|FILE", default_value = "none", env = "SERVICECIDR_GUARD_INVENTORY")]
    inventory: PathBuf,

    /// The kubeconfig for --inventory cluster and --tls-secret [default: the pod's ServiceAccount; else $KUBECONFIG or
    /// ~/.kube/config]
    #[arg(long, value_name = "FILE", env = "SERVICECIDR_GUARD_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current-context]
    #[arg(long, value_name = "NAME", env = "SERVICECIDR_GUARD_CONTEXT")]
    context: Option<String>,

    /// The address of the webhook, HTTPS [default: 0.0.0.0:8443, with --dev 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SERVICECIDR_GUARD_LISTEN")]
    listen: Option<SocketAddr>,

    /// The address of /livez, /readyz, /report and /metrics, plain HTTP [default: 0.0.0.0:8080, with --dev
    /// 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SERVICECIDR_GUARD_HEALTH_LISTEN")]
    health_listen: Option<SocketAddr>,

    /// Accept only clients with a certificate of this CA, PEM. kube-apiserver sends one if its admission
    /// configuration names a kubeconfig for the webhook
    #[arg(long, value_name = "FILE", env = "SERVICECIDR_GUARD_CLIENT_CA")]
    client_ca: Option<PathBuf>,

    /// A name that the client certificate must have, as common name or DNS name; repeatable, one match is enough
    #[arg(
        long,
        value_name = "NAME",
        requires = "client_ca",
        value_delimiter = ',',
        env = "SERVICECIDR_GUARD_CLIENT_NAME"
    )]
    client_name: Vec<String>,

    /// The oldest TLS version to accept
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.2", env = "SERVICECIDR_GUARD_TLS_MIN_VERSION")]
    tls_min_version: MinTlsVersion,

    /// How long to keep serving after SIGTERM, not ready and closing each connection, before the ports are
    /// closed: 0 to 25 seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=25), env = "SERVICECIDR_GUARD_DRAIN_DELAY")]
    drain_delay: u64,

    /// The format of the log on stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "auto", env = "SERVICECIDR_GUARD_LOG_FORMAT")]
    log_format: LogFormat,

    /// What to log: error, warn, info, debug, trace, or directives such as info,actix_server=warn
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info,actix_server=warn,kube_client=off",
        env = "SERVICECIDR_GUARD_LOG_LEVEL"
    )]
    log_level: String,

    /// Run without files or a cluster: on loopback only, with an example policy and a temporary CA under
    /// certs/dev
    #[arg(long, env = "SERVICECIDR_GUARD_DEV", conflicts_with_all = ["policy", "tls_cert", "tls_key", "tls_secret", "inventory"])]
    dev: bool,
}

pub(in crate::cli) fn run(args: Args) -> Result<(), Exit> {
    let _log = telemetry::init(args.log_format, &args.log_level)
        .map_err(|error| Exit::input(format!("--log-level {}: {error}", args.log_level)))?;
    let host = if args.dev { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    let listen = args.listen.unwrap_or_else(|| (host, 8443).into());
    let health_listen = args.health_listen.unwrap_or_else(|| (host, 8080).into());
    let source = Source { kubeconfig: args.kubeconfig, context: args.context, ..Source::default() };
    let managed = args.managed_tls.managed(&source)?;
    let flags = [("--kubeconfig", source.kubeconfig.is_some()), ("--context", source.context.is_some())];
    let needs_cluster = args.inventory == Path::new("cluster") || managed.is_some();
    if let (false, Some((flag, _))) = (needs_cluster, flags.iter().find(|(_, is_given)| *is_given)) {
        return Err(Exit::input(format!("{flag} is for --inventory cluster and --tls-secret only")));
    }
    let (policy, tls, inventory) = match (args.policy, args.tls_cert, args.tls_key, managed) {
        (Some(policy), _, _, Some(managed)) => (policy, TlsSource::Managed(Box::new(managed)), args.inventory),
        (Some(policy), Some(cert), Some(key), None) => (policy, TlsSource::Files { cert, key }, args.inventory),
        _ => {
            let dev::Files { policy, tls_cert, tls_key, inventory } = dev::files(&[listen, health_listen])?;
            (policy, TlsSource::Files { cert: tls_cert, key: tls_key }, inventory)
        }
    };
    let inventory = match inventory.to_str() {
        Some("none") => InventorySource::None,
        Some("cluster") => InventorySource::Cluster(source),
        _ => InventorySource::File(inventory),
    };
    let min_tls_version = args.tls_min_version;
    let drain_delay = Duration::from_secs(args.drain_delay);
    let client_auth = args.client_ca.map(|ca| ClientAuthConfig { ca, names: args.client_name });
    let settings =
        Settings { policy, tls, inventory, listen, health_listen, client_auth, min_tls_version, drain_delay };
    let bound = Server::bind(&settings).map_err(failure)?;
    for note in &bound.notes {
        output::message(&format!("note: {note:#}"));
    }
    if args.dev {
        let address = |address: std::io::Result<SocketAddr>| address.map_err(Exit::io);
        output::message(&dev::welcome(address(bound.local_addr())?, address(bound.health_addr())?));
    }
    bound.run().map_err(failure)
}

fn failure(error: ServerError) -> Exit {
    match &error {
        ServerError::Policy(ConfigError::Read { .. }) | ServerError::Run(_) | ServerError::Client(_) => Exit::io(error),
        ServerError::Policy(_) | ServerError::Tls(_) | ServerError::Inventory(_) | ServerError::Name(_) => {
            Exit::input(error)
        }
        ServerError::NeedsInventory { .. } => {
            Exit::input(error).with_hint("serve --inventory cluster, or remove the rule from the policy")
        }
        ServerError::Listen { flag, .. } => {
            let hint = format!("choose another address with {flag} ADDRESS:PORT; port 0 selects a free port");
            Exit::io(error).with_hint(hint)
        }
    }
}
