//! `export`: prints a policy in another language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::vap::{VapBundle, VapError};

use crate::cli::exit::Exit;
use crate::cli::support::{output, policy};
use crate::text::is_dns_subdomain;

/// The longest name to which the validation actions can be appended.
const MAX_NAME: usize = 253 - "-warn-audit".len();

/// Print a policy in another language.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    language: Language,
}

#[derive(Debug, clap::Subcommand)]
enum Language {
    Vap(Vap),
}

/// Print ValidatingAdmissionPolicies and bindings for the rules of a policy that CEL can express.
///
/// kube-apiserver enforces them also while the webhook is down. One policy and binding is generated per set of
/// validation actions. A rule that CEL can't express is an error.
///
/// Exit code: 0 success, 2 invalid input or a rule that CEL can't express, 3 I/O error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard export vap --policy policy.yaml > vap.yaml
  servicecidr-guard export vap --policy policy.yaml --skip-unsupported -o json")]
struct Vap {
    /// The policy file, YAML or JSON
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// The prefix of the object names; the validation actions follow, as in servicecidr-guard-deny
    #[arg(long, value_name = "NAME", default_value = "servicecidr-guard")]
    name: String,

    /// Skip rules that CEL can't express, and list them on standard error
    #[arg(long)]
    skip_unsupported: bool,

    /// The output format
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// One document per object
    Yaml,
    /// A List
    Json,
}

pub(in crate::cli) fn run(args: &Args) -> Result<(), Exit> {
    let Language::Vap(args) = &args.language;
    if args.name.len() > MAX_NAME || !is_dns_subdomain(&args.name) {
        let message = format!("--name {:?}: not the name of an object of at most {MAX_NAME} characters", args.name);
        return Err(Exit::input(message).with_hint("lower-case letters, digits, `-` and `.`"));
    }
    let loaded = policy::load(&args.policy)?;
    let named = args.policy.display();
    let bundle = VapBundle::from_policy(&loaded.policy, &args.name).map_err(|error| {
        let failure = Exit::input(format!("{named}: {error}"));
        match error {
            VapError::Nothing(_) => failure.with_hint("only the webhook can enforce this policy"),
            VapError::TooLong { .. } | VapError::Cel(_) => failure,
        }
    })?;
    if !bundle.unsupported.is_empty() && !args.skip_unsupported {
        return Err(Exit::input(format!(
            "{named}: not all rules can be expressed in CEL: {}",
            bundle.unsupported.join("; ")
        ))
        .with_hint("--skip-unsupported exports the rest"));
    }
    print(&bundle.objects, args.output)?;
    for unsupported in &bundle.unsupported {
        output::message(&format!("skipped: {unsupported}"));
    }
    Ok(())
}

fn print(objects: &[Value], format: Format) -> Result<(), Exit> {
    let text = match format {
        Format::Yaml => {
            let documents = objects.iter().map(|object| Ok(format!("---\n{}", serde_saphyr::to_string(object)?)));
            documents.collect::<Result<String, serde_saphyr::ser::Error>>().map_err(Exit::io)?
        }
        Format::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            format!("{}\n", serde_json::to_string_pretty(&list).map_err(Exit::io)?)
        }
    };
    output::print(&text);
    Ok(())
}
