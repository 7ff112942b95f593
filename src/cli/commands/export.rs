//! `export`: a policy in another language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::vap::{Floor, FloorError};

use crate::cli::exit::Exit;
use crate::cli::support::{output, policy};
use crate::text::is_dns_subdomain;

/// The longest name that leaves room for the validation actions behind it.
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

/// Print ValidatingAdmissionPolicies and their bindings: what CEL can say of the policy.
///
/// They hold where the webhook is registered with `failurePolicy: Ignore` and doesn't answer. There is a
/// pair for each set of validation actions. A rule that CEL can't say is an error.
///
/// Exit code: 2 for bad input and for what CEL can't say, 3 if the policy can't be read, else 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard export vap --policy policy.yaml > vap.yaml
  servicecidr-guard export vap --policy policy.yaml --skip-unsupported -o json")]
struct Vap {
    /// The policy file, YAML or JSON
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// What the names of the objects begin with; the validation actions follow, as in servicecidr-guard-deny
    #[arg(long, value_name = "NAME", default_value = "servicecidr-guard")]
    name: String,

    /// Leave out what CEL can't say, and name it on standard error
    #[arg(long)]
    skip_unsupported: bool,

    /// How to print them
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A document each
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
    let floor = Floor::of(&loaded.policy, &args.name).map_err(|error| {
        let failure = Exit::input(format!("{named}: {error}"));
        match error {
            FloorError::Nothing(_) => failure.with_hint("the webhook alone can judge this policy"),
            FloorError::TooLong { .. } | FloorError::Cel(_) => failure,
        }
    })?;
    if !floor.left_out.is_empty() && !args.skip_unsupported {
        return Err(Exit::input(format!("{named}: CEL can't say all of it: {}", floor.left_out.join("; ")))
            .with_hint("--skip-unsupported leaves it to the webhook"));
    }
    print(&floor.objects, args.output)?;
    for left_out in &floor.left_out {
        output::message(&format!("left out: {left_out}"));
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
