//! A client of the API server, from a pod's account or a kubeconfig.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the API server's audit log shows.
const AGENT: &str = concat!("servicecidr-guard/", env!("CARGO_PKG_VERSION"));

/// Which cluster, and as whom. With neither: the pod's account in a pod, else what kubectl would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`, of that file or of what kubectl would take.
    pub context: Option<String>,
    /// `--cluster`: another cluster of the kubeconfig than the context's.
    pub cluster: Option<String>,
    /// `--user`: another user of the kubeconfig than the context's.
    pub user: Option<String>,
    /// `--as`: whom to act as, if the user may.
    pub impersonate: Option<Impersonate>,
}

/// Whom to act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonate {
    /// `--as`.
    pub user: String,
    /// `--as-uid`.
    pub uid: Option<String>,
    /// `--as-group`.
    pub groups: Vec<String>,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The pod has no account that can be used.
    #[error("the pod's account: {0}: set `automountServiceAccountToken: true`, or name a file with --kubeconfig FILE")]
    InCluster(#[source] InClusterError),
    /// The file that was named is no kubeconfig.
    #[error("--kubeconfig {path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing that kubectl would take, or it is no kubeconfig.
    #[error("no cluster: {0}: set KUBECONFIG, or name a file with --kubeconfig FILE")]
    Default(String),
    /// What it says can't be used.
    #[error("no client for {server}: {problem}")]
    Unusable {
        /// The API server.
        server: String,
        /// What is wrong.
        problem: String,
    },
}

/// Makes a client. Nothing is asked of the API server yet. To be called in a tokio runtime.
///
/// It doesn't try again on its own: [`run`](super::run) does, with its own pauses.
///
/// # Errors
/// If there is no account, no kubeconfig, or what it says can't be used.
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
        // kube would send it through the proxy of HTTPS_PROXY, which is for https.
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

/// What kubectl would take: of the files of $KUBECONFIG those that are there, else ~/.kube/config.
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

/// What is wrong with a kubeconfig, in the words of one. `path` is named already.
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
