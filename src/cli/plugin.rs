//! The program as a plugin of kubectl: called by another name, it says so of itself.

use std::ffi::OsString;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use super::Args;

/// How the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// By its own name, or any that means nothing.
    Plainly,
    /// `kubectl-servicecidr`, which kubectl calls for `kubectl servicecidr`.
    AsPlugin,
    /// `kubectl_complete-servicecidr`, which kubectl calls to complete a line.
    ToComplete,
}

/// How the program was called, by the name in its arguments.
pub(super) fn called(arguments: &[OsString]) -> Called {
    let name = arguments.first().map(Path::new).and_then(Path::file_name).and_then(|name| name.to_str());
    match name.map(|name| name.strip_suffix(".exe").unwrap_or(name)) {
        Some("kubectl-servicecidr") => Called::AsPlugin,
        Some("kubectl_complete-servicecidr") => Called::ToComplete,
        _ => Called::Plainly,
    }
}

/// The command line, in the words by which it was called.
pub(super) fn command(called: Called) -> Command {
    let command = Args::command();
    match called {
        Called::Plainly => command,
        Called::AsPlugin | Called::ToComplete => renamed(command.bin_name("kubectl servicecidr")),
    }
}

/// With examples that call the plugin.
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
