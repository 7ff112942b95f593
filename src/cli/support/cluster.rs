//! Flags that select a cluster, and reading its state.

use std::path::PathBuf;
use std::time::Duration;

use crate::inventory::Inventory;
use crate::k8s::{self, FailureReason, Impersonate, Snapshot, SnapshotError, Source, WatchConfig};

use crate::cli::exit::Exit;
use crate::cli::support::output;
use crate::cli::support::output::Progress;
use crate::text::thousands;

/// The cluster and the user, with the flags of kubectl.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct Args {
    /// The kubeconfig [default: the pod's ServiceAccount in a pod; else $KUBECONFIG or ~/.kube/config]
    #[arg(help_heading = "Cluster", long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current-context]
    #[arg(help_heading = "Cluster", long, value_name = "NAME")]
    context: Option<String>,

    /// The cluster of the kubeconfig [default: the context's]
    #[arg(help_heading = "Cluster", long, value_name = "NAME")]
    cluster: Option<String>,

    /// The user of the kubeconfig [default: the context's]
    #[arg(help_heading = "Cluster", long, value_name = "NAME")]
    user: Option<String>,

    /// The user to impersonate
    #[arg(help_heading = "Cluster", long = "as", value_name = "USER")]
    as_user: Option<String>,

    /// The UID to impersonate
    #[arg(help_heading = "Cluster", long, value_name = "UID", requires = "as_user")]
    as_uid: Option<String>,

    /// A group to impersonate; repeatable
    #[arg(help_heading = "Cluster", long, value_name = "GROUP", requires = "as_user")]
    as_group: Vec<String>,

    /// How long to wait for a response, for example 30s or 1m; a bare number is seconds, 0 waits forever
    /// [default: 30s, and 60s for a page of a list]
    #[arg(help_heading = "Cluster", long, value_name = "DURATION", value_parser = duration)]
    request_timeout: Option<Duration>,
}

impl Args {
    /// The first of these flags that is set.
    pub fn first_flag(&self) -> Option<&'static str> {
        let Self { kubeconfig, context, cluster, user, as_user, as_uid: _, as_group: _, request_timeout } = self;
        let flags = [
            ("--kubeconfig", kubeconfig.is_some()),
            ("--context", context.is_some()),
            ("--cluster", cluster.is_some()),
            ("--user", user.is_some()),
            ("--as", as_user.is_some()),
            ("--request-timeout", request_timeout.is_some()),
        ];
        flags.into_iter().find(|(_, is_set)| *is_set).map(|(flag, _)| flag)
    }

    /// Reads the state of the cluster. Optional kinds that can't be listed are reported on stderr.
    pub fn read(&self, inventory: &mut Inventory, requires_nodes: bool) -> Result<Snapshot, Exit> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Exit::io)?;
        let timing = self.timing();
        let mut progress = Progress::new();
        let outcome = runtime.block_on(async {
            let client = k8s::connect(&self.source()).await.map_err(|error| {
                Exit::io(error).with_hint("without a cluster, read the output of kubectl get -o json with -f FILE")
            })?;
            let mut show = |resource: &str, seen: u64, total: Option<u64>| {
                let total = total.map(|total| format!("/{}", thousands(u128::from(total)))).unwrap_or_default();
                progress.update(seen, || format!("{resource} {}{total}", thousands(u128::from(seen))));
            };
            let read = k8s::snapshot(&client, &timing, requires_nodes, inventory, &mut show).await;
            read.map_err(failure)
        });
        progress.clear();
        let snapshot = outcome?;
        for error in &snapshot.unlisted {
            output::message(&format!("note: {error}: {}", without(error.resource)));
        }
        Ok(snapshot)
    }

    fn source(&self) -> Source {
        let Self { kubeconfig, context, cluster, user, as_user, as_uid, as_group, request_timeout: _ } = self;
        let impersonate = as_user.as_ref().map(|user| Impersonate {
            user: user.clone(),
            uid: as_uid.clone(),
            groups: as_group.clone(),
        });
        Source {
            kubeconfig: kubeconfig.clone(),
            context: context.clone(),
            cluster: cluster.clone(),
            user: user.clone(),
            impersonate,
        }
    }

    fn timing(&self) -> WatchConfig {
        match self.request_timeout {
            None => WatchConfig::default(),
            Some(limit) => WatchConfig { response_timeout: limit, page_timeout: limit, ..WatchConfig::default() },
        }
    }
}

/// The names of the ServiceCIDRs of the cluster that the flags in a command line select; none if the cluster doesn't
/// respond quickly.
pub(in crate::cli) fn service_cidr_names(words: &[&str], patience: Duration) -> Vec<String> {
    let value = |flag: &str| {
        let behind = words.iter().zip(words.iter().skip(1)).find(|(word, _)| **word == flag).map(|(_, value)| *value);
        behind.or_else(|| words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='))).map(str::to_owned)
    };
    let args = Args {
        kubeconfig: value("--kubeconfig").map(PathBuf::from),
        context: value("--context"),
        cluster: value("--cluster"),
        user: value("--user"),
        request_timeout: Some(patience),
        ..Args::default()
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    // An error means no candidates: the shell can't show it.
    let ask = async {
        let client = k8s::connect(&args.source()).await.ok()?;
        k8s::service_cidr_names(&client, &args.timing()).await.ok()
    };
    let names = runtime.block_on(async { tokio::time::timeout(patience, ask).await });
    names.ok().flatten().unwrap_or_default()
}

fn failure(error: SnapshotError) -> Exit {
    let resource = error.resource;
    let hint = match error.reason {
        FailureReason::Forbidden => {
            Some(format!("the account needs the verb list on {resource}: `kubectl auth can-i list {resource}`"))
        }
        FailureReason::Unreachable | FailureReason::TimedOut => {
            Some("check the connection with `kubectl cluster-info`".to_owned())
        }
        FailureReason::Unauthorized => Some("check the account with `kubectl auth whoami`".to_owned()),
        FailureReason::NotFound
        | FailureReason::Disconnected
        | FailureReason::Expired
        | FailureReason::Throttled
        | FailureReason::Rejected
        | FailureReason::ServerError
        | FailureReason::InvalidResponse => None,
    };
    let failure = Exit::io(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// The information that is missing without a resource.
fn without(resource: &str) -> &'static str {
    match resource {
        "services" => "Services without an IPAddress, and IPAddresses without a Service, aren't found",
        _ => "the networks of nodes are unknown",
    }
}

/// Parses `--request-timeout` as kubectl does.
fn duration(text: &str) -> Result<Duration, String> {
    let wanted = "write it as 30s or 1m, or as a number of seconds";
    let go = || text.parse::<kube::core::Duration>().ok().filter(|duration| !duration.is_negative());
    let seconds = text.parse().ok().map(Duration::from_secs);
    let read = seconds.or_else(|| go().map(Duration::from)).ok_or(wanted)?;
    // Unlimited: longer than any wait, and short enough to add to an instant.
    Ok(if read.is_zero() { Duration::from_secs(u64::from(u32::MAX)) } else { read })
}
