//! Human-readable findings: a table, and each finding with its position.

use std::fmt::Write as _;

use crate::cli::support::table::{Align, Header, Table};

use super::checked::{CheckedFinding, CheckedObject, Level, actions, place};

/// One line per ServiceCIDR, then each finding with its source line.
pub(super) fn narrow(all: &[CheckedObject], header: Header) -> String {
    let is_stored = all.iter().any(|judged| judged.state.is_some());
    let first = if is_stored { ("STATE", Align::Left) } else { ("SOURCE", Align::Left) };
    let mut table = Table::new([first, ("NAME", Align::Left), ("VERDICT", Align::Left), ("RULES", Align::Left)]);
    for judged in all {
        let first = judged.state.map_or_else(|| judged.source(), str::to_owned);
        table.row([first, name(judged), judged.outcome().word().to_owned(), rules(&judged.found)]);
    }
    let mut text = if table.is_empty() { String::new() } else { table.render(header) };
    for judged in all {
        for found in &judged.found {
            // Writing to a String can't fail.
            let _ = write!(text, "\n{}: {:#}\n", word(judged.level(found)), found.diagnostic);
        }
    }
    text
}

/// One line per finding, and one for each ServiceCIDR without findings.
pub(super) fn wide(all: &[CheckedObject], header: Header) -> String {
    let names = ["SOURCE", "NAME", "STATE", "VERDICT", "RULE", "ACTIONS", "FIELD", "MESSAGE"];
    let mut table = Table::new(names.map(|name| (name, Align::Left)));
    for judged in all {
        let row = |source: String, found: [String; 4]| {
            let state = judged.state.unwrap_or("-").to_owned();
            let verdict = judged.outcome().word().to_owned();
            [source, name(judged), state, verdict].into_iter().chain(found)
        };
        if judged.found.is_empty() {
            table.row(row(judged.source(), ["-", "-", "-", ""].map(str::to_owned)));
        }
        for found in &judged.found {
            let message = found.with_hint(&found.message);
            let source = place(&judged.file, found.diagnostic.at);
            table.row(row(
                source,
                [found.rule.as_str().to_owned(), actions(found.actions).join(","), found.field.clone(), message],
            ));
        }
    }
    if table.is_empty() { String::new() } else { table.render(header) }
}

fn name(judged: &CheckedObject) -> String {
    if judged.name.is_empty() { "-".to_owned() } else { judged.name.clone() }
}

fn rules(found: &[CheckedFinding]) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for found in found {
        if !rules.contains(&found.rule.as_str()) {
            rules.push(found.rule.as_str());
        }
    }
    rules.join(",")
}

/// The label of a finding.
fn word(level: Level) -> &'static str {
    match level {
        Level::Denied => "denied",
        Level::Warned => "warned",
        Level::Audited => "audited",
    }
}
