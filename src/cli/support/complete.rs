//! Completion of a command line for kubectl, which asks its plugins for candidates.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command};

use crate::cli::support::{cluster, output};

/// The value name of a positional that takes the name of a ServiceCIDR: the names are read from the cluster.
pub(in crate::cli) const SERVICE_CIDR_OR_IP: &str = "NAME|IP";

/// How long reading names from the cluster may take.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(1);
/// The shell completes files: cobra's ShellCompDirectiveDefault.
const SHELL_COMP_DEFAULT: &str = ":0";
/// The shell doesn't complete files: cobra's ShellCompDirectiveNoFileComp.
const SHELL_COMP_NO_FILE_COMP: &str = ":4";

/// Prints the candidates for the last word, one line each with a tab before its description, then the directive for the
/// shell, as kubectl expects it of a plugin. The last word is the one that is being typed.
pub(in crate::cli) fn print(command: Command, words: &[OsString]) {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let Some((typed, done)) = words.split_last() else { return output::print(&format!("{SHELL_COMP_NO_FILE_COMP}\n")) };
    let (candidates, directive) = candidates(command, done, typed);
    let fits = candidates.into_iter().filter(|(candidate, _)| candidate.starts_with(typed));
    let lines = fits.map(|(candidate, meaning)| match meaning.as_str() {
        "" => candidate,
        meaning => format!("{candidate}\t{meaning}"),
    });
    output::lines(&lines.chain([directive.to_owned()]).collect::<Vec<_>>());
}

type Candidates = (Vec<(String, String)>, &'static str);

fn candidates(mut command: Command, done: &[&str], typed: &str) -> Candidates {
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
        return option.map_or((Vec::new(), SHELL_COMP_NO_FILE_COMP), |it| {
            values(it, &format!("--{}=", it.get_long().unwrap_or_default()))
        });
    }
    if typed.starts_with('-') {
        return (options(command), SHELL_COMP_NO_FILE_COMP);
    }
    if command.has_subcommands() {
        let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        let subs = subs.map(|sub| (sub.get_name().to_owned(), first_line(sub.get_about())));
        return (subs.collect(), SHELL_COMP_NO_FILE_COMP);
    }
    match command.get_positionals().next() {
        Some(positional) if value_names(positional).any(|name| name == SERVICE_CIDR_OR_IP) => {
            let names = cluster::service_cidr_names(done, CLUSTER_TIMEOUT);
            (names.into_iter().map(|name| (name, String::new())).collect(), SHELL_COMP_NO_FILE_COMP)
        }
        Some(positional) => values(positional, ""),
        None => (Vec::new(), SHELL_COMP_NO_FILE_COMP),
    }
}

fn value_names(argument: &Arg) -> impl Iterator<Item = &str> {
    argument.get_value_names().unwrap_or_default().iter().map(clap::builder::Str::as_str)
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// The possible values of an argument, each with the prefix `before`.
fn values(argument: &Arg, before: &str) -> Candidates {
    let possible: Vec<(String, String)> = argument
        .get_possible_values()
        .iter()
        .map(|value| (format!("{before}{}", value.get_name()), first_line(value.get_help())))
        .collect();
    let is_file = value_names(argument).any(|name| name.contains("FILE") || name.contains("DIR"));
    (possible, if is_file { SHELL_COMP_DEFAULT } else { SHELL_COMP_NO_FILE_COMP })
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
