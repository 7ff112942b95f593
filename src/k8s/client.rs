//! A client of the API server, from a ServiceAccount or a kubeconfig.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;

/// The timeout of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The user agent, which the audit log of the API server contains.
const AGENT: &str = concat!("servicecidr-guard/", env!("CARGO_PKG_VERSION"));

/// The cluster, and the user. By default the ServiceAccount in a pod, else the kubeconfig that kubectl would use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: a context of that file, or of the kubeconfig that kubectl would use.
    pub context: Option<String>,
    /// `--cluster`: another cluster of the kubeconfig than that of the context.
    pub cluster: Option<String>,
    /// `--user`: another user of the kubeconfig than that of the context.
    pub user: Option<String>,
    /// `--as`: the user to impersonate.
    pub impersonate: Option<Impersonate>,
}

/// The user to impersonate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonate {
    /// `--as`.
    pub user: String,
    /// `--as-uid`.
    pub uid: Option<String>,
    /// `--as-group`.
    pub groups: Vec<String>,
}

/// Why a client can't be created.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The pod has no usable ServiceAccount.
    #[error("the pod's account: {0}: set `automountServiceAccountToken: true`, or name a file with --kubeconfig FILE")]
    InCluster(#[source] InClusterError),
    /// The given file is not a valid kubeconfig.
    #[error("--kubeconfig {path}: {problem}")]
    File {
        /// The path of the file.
        path: String,
        /// What is wrong with the file.
        problem: String,
    },
    /// kubectl's default kubeconfig is missing or invalid.
    #[error("no cluster: {0}: set KUBECONFIG, or name a file with --kubeconfig FILE")]
    Default(String),
    /// The kubeconfig can't be used.
    #[error("no client for {server}: {problem}")]
    Unusable {
        /// The URL of the API server.
        server: String,
        /// What is wrong.
        problem: String,
    },
}

/// Creates a client, without a request to the API server. Runs in a tokio runtime.
///
/// The client doesn't retry: [`run`](super::run) does, with its own pauses.
///
/// # Errors
/// If there is no account, no kubeconfig, or one that can't be used.
pub async fn connect(source: &Source) -> Result<Client, ClientError> {
    let mut config = config(source).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    if let Some(Impersonate { user, uid, groups }) = &source.impersonate {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_uid.clone_from(uid);
        config.auth_info.impersonate_groups = Some(groups.clone()).filter(|groups| !groups.is_empty());
    }
    config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
    if config.cluster_url.scheme_str() == Some("http") {
        // kube would use the proxy of HTTPS_PROXY, which is for https only.
        config.proxy_url = None;
    }
    let server = config.cluster_url.to_string();
    Client::try_from(config).map_err(|error| ClientError::Unusable { server, problem: single_line(&error) })
}

async fn config(source: &Source) -> Result<Config, ClientError> {
    let Source { kubeconfig: _, context, cluster, user, impersonate: _ } = source.clone();
    let is_chosen = context.is_some() || cluster.is_some() || user.is_some();
    let options = KubeConfigOptions { context, cluster, user };
    let is_in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    match &source.kubeconfig {
        Some(path) => {
            let failed = |error: KubeconfigError| ClientError::File {
                path: path.display().to_string(),
                problem: problem(&error, Some(path)),
            };
            let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(failed)
        }
        None if is_in_pod && !is_chosen => Config::incluster_env().map_err(ClientError::InCluster),
        None => default(&options).await.map_err(|error| ClientError::Default(problem(&error, None))),
    }
}

/// The default kubeconfig of kubectl: the existing files of $KUBECONFIG, else ~/.kube/config.
async fn default(options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let there: Vec<PathBuf> = std::env::split_paths(&list).filter(|path| path.is_file()).collect();
    if there.is_empty() {
        return Config::from_kubeconfig(options).await;
    }
    let merged =
        there.iter().try_fold(Kubeconfig::default(), |merged, path| merged.merge(Kubeconfig::read_from(path)?))?;
    Config::from_custom_kubeconfig(merged, options).await
}

/// What is wrong with a kubeconfig. The caller prints `path`.
fn problem(error: &KubeconfigError, path: Option<&Path>) -> String {
    match error {
        KubeconfigError::ReadConfig(error, its) if path == Some(its.as_path()) => error.to_string(),
        KubeconfigError::ReadConfig(error, its) => format!("{}: {error}", its.display()),
        KubeconfigError::CurrentContextNotSet => "has no current-context: choose one with --context NAME".to_owned(),
        KubeconfigError::LoadContext(name) => {
            format!("has no context `{name}`: `kubectl config get-contexts` lists them")
        }
        KubeconfigError::LoadClusterOfContext(name) => format!("has no cluster `{name}`, which the context names"),
        other => single_line(other),
    }
}

fn single_line(error: &dyn std::error::Error) -> String {
    crate::text::single_line(&error.to_string())
}
