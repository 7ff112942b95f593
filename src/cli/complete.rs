//! What a line may go on with: for kubectl, which asks its plugins, and for shells.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::Shell;

use super::plugin::{self, Called};
use super::{Failure, cluster, output};

/// For how long a cluster may be asked for names.
const PATIENCE: Duration = Duration::from_secs(1);
/// The shell may go on with files: cobra's ShellCompDirectiveDefault.
const FILES: &str = ":0";
/// It may not: ShellCompDirectiveNoFileComp.
const NO_FILES: &str = ":4";

/// Print the completion script of a shell, to be sourced.
///
/// kubectl completes `kubectl servicecidr` by itself where `kubectl_complete-servicecidr` is on the PATH.
///
/// Exit code: 2 for bad input, else 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  servicecidr-guard completion bash > servicecidr-guard.bash")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = plugin::command(Called::Plainly);
    clap_complete::generate(args.shell, &mut command, "servicecidr-guard", &mut script);
    output::data(&String::from_utf8(script).map_err(Failure::io)?);
    Ok(())
}

/// Prints what the last of the words may become, a line each with a tab before what it means, and then what the shell may do,
/// as kubectl expects it of a plugin. The last word is the one that is being typed.
pub(super) fn print(words: &[OsString]) {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let Some((typed, done)) = words.split_last() else { return output::data(&format!("{NO_FILES}\n")) };
    let (candidates, directive) = candidates(done, typed);
    let fits = candidates.into_iter().filter(|(candidate, _)| candidate.starts_with(typed));
    let lines = fits.map(|(candidate, meaning)| match meaning.as_str() {
        "" => candidate,
        meaning => format!("{candidate}\t{meaning}"),
    });
    output::lines(&lines.chain([directive.to_owned()]).collect::<Vec<_>>());
}

type Candidates = (Vec<(String, String)>, &'static str);

fn candidates(done: &[&str], typed: &str) -> Candidates {
    let mut command = plugin::command(Called::AsPlugin);
    command.build();
    let mut command = &command;
    // The option whose value comes next.
    let mut open: Option<&Arg> = None;
    for word in done {
        if open.take().is_some() {
            continue;
        }
        if let Some(option) = word.strip_prefix("--").filter(|option| !option.contains('=')) {
            open = command
                .get_arguments()
                .find(|argument| argument.get_long() == Some(option))
                .filter(|it| takes_value(it));
        } else if let Some(short) = word.strip_prefix('-') {
            let is_it = |argument: &&Arg| argument.get_short().is_some_and(|it| short == it.to_string());
            open = command.get_arguments().find(is_it).filter(|it| takes_value(it));
        } else if let Some(sub) = command.find_subcommand(word) {
            command = sub;
        }
    }
    if let Some(option) = open {
        return values(option, "");
    }
    if let Some((option, _)) = typed.strip_prefix("--").and_then(|typed| typed.split_once('=')) {
        let option = command.get_arguments().find(|argument| argument.get_long() == Some(option));
        return option
            .map_or((Vec::new(), NO_FILES), |it| values(it, &format!("--{}=", it.get_long().unwrap_or_default())));
    }
    if typed.starts_with('-') {
        return (options(command), NO_FILES);
    }
    if command.has_subcommands() {
        let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        let subs = subs.map(|sub| (sub.get_name().to_owned(), first_line(sub.get_about())));
        return (subs.collect(), NO_FILES);
    }
    if command.get_name() == "explain" {
        return (
            cluster::service_cidr_names(done, PATIENCE).into_iter().map(|name| (name, String::new())).collect(),
            NO_FILES,
        );
    }
    command.get_positionals().next().map_or((Vec::new(), NO_FILES), |positional| values(positional, ""))
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// What the value of an option may be, each behind what was typed already.
fn values(argument: &Arg, before: &str) -> Candidates {
    let possible: Vec<(String, String)> = argument
        .get_possible_values()
        .iter()
        .map(|value| (format!("{before}{}", value.get_name()), first_line(value.get_help())))
        .collect();
    let names = argument.get_value_names().unwrap_or_default();
    let is_file = names.iter().any(|name| name.contains("FILE") || name.contains("DIR"));
    (possible, if is_file { FILES } else { NO_FILES })
}

fn options(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let longs =
        shown.filter_map(|argument| Some((format!("--{}", argument.get_long()?), first_line(argument.get_help()))));
    longs.collect()
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}
