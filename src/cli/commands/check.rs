//! `check`: evaluates manifests against a policy before they are applied.

mod evaluator;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::inventory::Inventory;
use crate::k8s::{Manifest, ManifestError, ManifestKind, RequestError, Version, read_manifests};
use crate::policy::{Policy, RuleId, ValidationActions};

use crate::cli::exit::Exit;
use crate::cli::support::findings::{self, CheckedFinding, CheckedObject, ReportKind};
use crate::cli::support::input::{InventoryArgs, LoadedInventory, ReadNodes};
use crate::cli::support::sources::{Depth, sources};
use crate::cli::support::{cluster, output, policy};
use crate::text::{escape_name, escape_truncated, plural};
use evaluator::Evaluator;

/// The largest number of ServiceCIDRs in one run: the results are printed at the end.
const MAX_OBJECTS: usize = 250_000;

/// Check ServiceCIDR manifests (and recorded AdmissionReviews) against a policy before applying them.
///
/// Manifests are evaluated in order, as by an API server with the webhook: each one sees the admitted ones before
/// it, and a known name is an update. What kube-apiserver itself rejects is denied by the rule invalid-request.
/// Other kinds are skipped.
///
/// Exit code: 0 allowed (with warnings: --warn-exit-code), 1 denied, 2 invalid input, 3 cluster or I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// Manifests, YAML or JSON, a folder of such files, or - for standard input; repeatable
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,

    /// Search folders recursively
    #[arg(short = 'R', long)]
    recursive: bool,

    /// The policy file
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// The cluster state: the output of `kubectl get servicecidrs,ipaddresses,nodes -o json`, or cluster to read
    /// the cluster of the kubeconfig
    #[arg(long, value_name = "FILE|cluster")]
    inventory: Option<PathBuf>,

    #[command(flatten)]
    cluster: cluster::Args,

    #[command(flatten)]
    findings: findings::Args,
}

const EXAMPLES: &str = "\
Examples:
  # Check the manifests of a pull request
  servicecidr-guard check -R -f deploy/ --policy policy.yaml
  # Check against a cluster, with annotations for GitHub Actions
  servicecidr-guard check -f team-a.yaml --policy policy.yaml --inventory cluster.json -o github
  # Check the output of another program, for example helm template or kustomize build
  cat team-a.yaml | servicecidr-guard check -f - --policy policy.yaml --warn-exit-code 4";

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let loaded = policy::load(&args.policy)?;
    let policy = &loaded.policy;
    let state = read_inventory(args, policy)?;
    let inventory = match &state {
        Some(state) => state.inventory.clone(),
        None => declared_inventory(policy),
    };
    note_missing_inventory(policy, state.is_some(), &inventory);
    let mut run =
        CheckRun { evaluator: Evaluator::new(policy, inventory), checked: Vec::new(), notes: Notes::default() };
    let depth = if args.recursive { Depth::Tree } else { Depth::Folder };
    for source in sources(&args.files, depth)? {
        let file: Rc<str> = source.name.as_str().into();
        let result = read_manifests(&source.name, source.open()?, &mut |manifest| run.take(&file, &manifest));
        result.map_err(|ReadError(failure)| failure)?;
    }
    run.notes.print();
    if let Some(state) = &state {
        state.ensure_complete()?;
    }
    findings::print_and_exit(&args.findings, ReportKind::Check, &run.checked)
}

/// The inventory that `--inventory` names.
fn read_inventory(args: &Args, policy: &Policy) -> Result<Option<LoadedInventory>, Exit> {
    let is_cluster = args.inventory.as_deref() == Some(Path::new("cluster"));
    if let (Some(flag), false) = (args.cluster.first_flag(), is_cluster) {
        return Err(Exit::input(format!("{flag} is for --inventory cluster only")));
    }
    let files = args.inventory.iter().filter(|_| !is_cluster).cloned().collect();
    let nodes = if policy.requires_nodes() { ReadNodes::Yes } else { ReadNodes::No };
    let source = args.inventory.as_ref().map(|_| InventoryArgs::of(files, args.cluster.clone()));
    source.map(|source| source.read(Some(policy), nodes)).transpose()
}

/// An inventory with the declarations of the policy only.
fn declared_inventory(policy: &Policy) -> Inventory {
    let mut inventory = Inventory::default();
    policy.declare_in(&mut inventory);
    inventory
}

fn note_missing_inventory(policy: &Policy, has_inventory: bool, inventory: &Inventory) {
    let name = |rule| match rule {
        RuleId::ReservedNetworks => "discover of reserved-networks",
        rule => rule.as_str(),
    };
    let rules: Vec<&str> = policy.rules_requiring_inventory().map(name).collect();
    if !has_inventory && !rules.is_empty() {
        let rules = rules.join(", ");
        output::message(&format!(
            "note: without --inventory, {rules} can only compare with these manifests, not with the cluster"
        ));
    } else if has_inventory && policy.requires_nodes() && inventory.nodes().next().is_none() {
        output::message("note: no Node was read: discover of reserved-networks has nothing to compare with");
    }
}

/// The results of the manifests so far.
struct CheckRun<'a> {
    evaluator: Evaluator<'a>,
    checked: Vec<CheckedObject>,
    notes: Notes,
}

impl CheckRun<'_> {
    fn take(&mut self, file: &Rc<str>, manifest: &Manifest<'_>) -> Result<(), ReadError> {
        let Manifest { text, places, what } = manifest;
        let place = |field: &str, sentence: String| text.diagnostic(places.of_field(field), sentence);
        let (name, exemption, found) = match what {
            ManifestKind::Other(kind) => {
                self.notes.skip(kind);
                return Ok(());
            }
            ManifestKind::ServiceCidr(manifest) => {
                if let Some(version) = manifest.version {
                    self.notes.version(version, &place("apiVersion", String::new()).to_string());
                }
                let (name, verdict) = self.evaluator.manifest(manifest);
                (name, verdict.exemption, CheckedFinding::all(&verdict, place))
            }
            ManifestKind::Review(Ok(request)) => {
                let verdict = self.evaluator.review(request);
                (request.change.name.clone(), verdict.exemption, CheckedFinding::all(&verdict, place))
            }
            ManifestKind::Review(Err(refusal)) => (String::new(), None, vec![invalid_request(refusal, place)]),
        };
        if self.checked.len() == MAX_OBJECTS {
            return Err(ReadError(Exit::input(format!("more than {MAX_OBJECTS} ServiceCIDRs: check them in parts"))));
        }
        let at = Some(text.at(places.first()));
        let name = findings::name(&name);
        self.checked.push(CheckedObject { file: Rc::clone(file), at, name, state: None, exemption, found });
        Ok(())
    }
}

/// The verdict on a review that the webhook rejects.
fn invalid_request(
    refusal: &RequestError,
    place: impl Fn(&str, String) -> crate::diagnostic::Diagnostic,
) -> CheckedFinding {
    let sentence = refusal.to_string();
    let (field, message) = sentence.split_once(": ").unwrap_or(("request", &sentence));
    CheckedFinding {
        rule: RuleId::InvalidRequest,
        actions: ValidationActions::DENY,
        field: field.to_owned(),
        message: message.to_owned(),
        alternative: None,
        diagnostic: place(field, sentence.clone()),
    }
}

/// Notes besides the findings, each printed once.
#[derive(Default)]
struct Notes {
    /// The number of skipped objects, by kind.
    skipped: BTreeMap<String, u64>,
    /// For each old API version, the number of manifests and the first position.
    old: BTreeMap<&'static str, (u64, String)>,
}

impl Notes {
    fn skip(&mut self, kind: &str) {
        // A stream may have a new kind in every document.
        let kind = match kind {
            "" => "without a kind".to_owned(),
            kind if self.skipped.len() < 20 || self.skipped.contains_key(&escape_name(kind)) => escape_truncated(kind),
            _ => "of other kinds".to_owned(),
        };
        *self.skipped.entry(kind).or_default() += 1;
    }

    fn version(&mut self, version: Version, place: &str) {
        let problem = match version {
            Version::V1 => return,
            Version::V1Beta1 => "networking.k8s.io/v1beta1 is not served from Kubernetes 1.37 on",
            Version::V1Alpha1 => "networking.k8s.io/v1alpha1 is not served by a Kubernetes that has v1",
        };
        let first = self.old.entry(problem).or_insert_with(|| (0, place.trim_end_matches(": ").to_owned()));
        first.0 += 1;
    }

    fn print(&self) {
        for (problem, (count, place)) in &self.old {
            let more = if *count == 1 { String::new() } else { format!(" (and {} more)", count - 1) };
            output::message(&format!("note: {place}{more}: {problem}: use networking.k8s.io/v1"));
        }
        let count: u64 = self.skipped.values().sum();
        if count > 0 {
            let kinds: Vec<String> = self.skipped.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let objects =
                plural(u128::from(count), "object that is not a ServiceCIDR", "objects that are not ServiceCIDRs");
            output::message(&format!("note: skipped {count} {objects}: {}", kinds.join(", ")));
        }
    }
}

/// Why a run ends early.
struct ReadError(Exit);

impl From<ManifestError> for ReadError {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Read { .. } => Self(Exit::io(error)),
            ManifestError::Invalid(diagnostic) => Self(Exit::input(diagnostic)),
        }
    }
}
