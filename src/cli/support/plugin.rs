//! The program as a plugin of kubectl: its help uses the name of the plugin.

use std::ffi::OsString;
use std::path::Path;

use clap::Command;

/// The name under which the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Invocation {
    /// Its own name, or any other.
    Standalone,
    /// `kubectl-servicecidr`, which kubectl calls for `kubectl servicecidr`.
    KubectlPlugin,
    /// `kubectl_complete-servicecidr`, which kubectl calls to complete a line.
    KubectlCompletion,
}

/// The invocation for the name in the first argument.
pub(in crate::cli) fn invocation(arguments: &[OsString]) -> Invocation {
    let name = arguments.first().map(Path::new).and_then(Path::file_name).and_then(|name| name.to_str());
    match name.map(|name| name.strip_suffix(".exe").unwrap_or(name)) {
        Some("kubectl-servicecidr") => Invocation::KubectlPlugin,
        Some("kubectl_complete-servicecidr") => Invocation::KubectlCompletion,
        _ => Invocation::Standalone,
    }
}

/// The command line with that name in its help.
pub(in crate::cli) fn command(command: Command, invocation: Invocation) -> Command {
    match invocation {
        Invocation::Standalone => command,
        Invocation::KubectlPlugin | Invocation::KubectlCompletion => renamed(command.bin_name("kubectl servicecidr")),
    }
}

/// Help with examples that call the plugin.
fn renamed(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| {
            let after =
                sub.get_after_help().map(|text| text.to_string().replace("servicecidr-guard ", "kubectl servicecidr "));
            let sub = renamed(sub);
            match after {
                Some(after) => sub.after_help(after),
                None => sub,
            }
        })
    })
}
