//! docs/messages.md lists every message of the program, and no other.

use std::fs;
use std::path::{Path, PathBuf};

/// The text before a message in the sources.
const MESSAGE_MARKERS: [&str; 7] = [
    "#[error(",
    "Exit::input(",
    "Exit::io(",
    "Exit::findings(",
    "output::message(",
    "with_hint(",
    "SearchError::NoneOfFamily(",
];
/// Files in which every string is a message.
const MESSAGE_FILES: [&str; 3] =
    ["policy/violation/message.rs", "inventory/unusable_reason.rs", "policy/change_preview.rs"];
/// The minimum length of a significant piece of a message.
const MIN_PIECE_LENGTH: usize = 12;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The string literal at the start of a source text, after `format!(` and the like.
fn literal(source: &str) -> Option<String> {
    let source = source.trim_start();
    let source = source.strip_prefix("&").unwrap_or(source);
    let source = source.strip_prefix("format!(").unwrap_or(source).trim_start();
    let mut characters = source.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                // A continued line.
                '\n' => {
                    let rest = characters.as_str().trim_start();
                    characters = rest.chars();
                }
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// The message of a log call: the last argument.
fn log_message(source: &str) -> Option<String> {
    let arguments = source.split_once("\")")?.0;
    arguments.rsplit('"').next().map(str::to_owned)
}

/// The longest piece of a text between placeholders.
fn longest_piece(text: &str) -> String {
    pieces(text).into_iter().max_by_key(String::len).unwrap()
}

/// Splits a piece where a message is composed of several texts.
fn split(piece: &str) -> Vec<String> {
    piece.split(": ").map(str::to_owned).collect()
}

/// The pieces of a text between placeholders.
pub fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for character in text.chars() {
        match character {
            '{' => {
                depth += 1;
                pieces.push(String::new());
            }
            '}' => depth -= 1,
            '\n' => pieces.push(String::new()),
            other if depth == 0 => pieces.last_mut().unwrap().push(other),
            _ => {}
        }
    }
    pieces.into_iter().map(|piece| piece.trim().to_owned()).collect()
}

/// Every message of the sources, by its longest constant piece.
fn messages() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in sources(&root().join("src")) {
        let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let mut texts: Vec<String> = MESSAGE_MARKERS
            .iter()
            .flat_map(|before| code.split(before).skip(1).filter_map(literal).collect::<Vec<_>>())
            .collect();
        texts.extend(code.split("write!(f, ").skip(1).filter_map(literal));
        texts.extend(code.split("write!(formatter, ").skip(1).filter_map(literal));
        texts.extend(["warn!(", "error!("].iter().flat_map(|call| code.split(call).skip(1).filter_map(log_message)));
        if MESSAGE_FILES.contains(&name.as_str()) {
            texts.extend(code.split("=> ").skip(1).filter_map(literal));
            texts.extend(code.split("format!(").skip(1).filter_map(literal));
        }
        let pieces = texts.iter().map(|text| longest_piece(text)).filter(|piece| piece.len() >= MIN_PIECE_LENGTH);
        found.extend(pieces.map(|piece| (name.clone(), piece)));
    }
    found
}

/// A text with normalized white space.
pub fn normalize_whitespace(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The messages in the document.
pub fn documented_messages() -> Vec<String> {
    let document = fs::read_to_string(root().join("docs/messages.md")).unwrap();
    let documented_messages =
        document.lines().filter_map(|line| line.strip_prefix("| ")).filter(|row| row.starts_with('`'));
    documented_messages
        .map(|row| row.split(" | ").next().unwrap().trim_matches('`').trim().replace("\\|", "|"))
        .collect()
}

#[test]
fn every_message_is_documented() {
    for file in MESSAGE_FILES {
        assert!(root().join("src").join(file).exists(), "src/{file} doesn't exist");
    }
    let all: String = sources(&root().join("src")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for marker in MESSAGE_MARKERS {
        assert!(all.contains(marker), "no source contains {marker}");
    }
    let documents =
        ["messages.md", "policy.md", "capacity.md", "planning.md"].map(|name| root().join("docs").join(name));
    let documented: Vec<String> = documents
        .iter()
        .map(|path| normalize_whitespace(&fs::read_to_string(path).unwrap()).replace('`', ""))
        .collect();
    let messages = messages();
    assert!(messages.len() > 80, "only {} messages were found", messages.len());
    let missing: Vec<_> = messages
        .iter()
        .filter(|(_, piece)| {
            !documented.iter().any(|text| text.contains(&normalize_whitespace(piece).replace('`', "")))
        })
        .collect();
    assert!(missing.is_empty(), "docs/messages.md lacks {missing:#?}");
}

#[test]
fn documented_messages_exist() {
    let all: String = sources(&root().join("src")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // The sources with continued lines joined.
    let all = normalize_whitespace(&all.replace("\\\n", " ")).replace("\\\"", "\"").replace('`', "");
    let documented_messages = documented_messages();
    assert!(documented_messages.len() > 40, "only {} rows were found", documented_messages.len());
    for sentence in documented_messages {
        // A message can be composed of several texts: each piece must exist.
        let pieces = pieces(&sentence)
            .into_iter()
            .flat_map(|piece| split(&piece))
            .map(|piece| normalize_whitespace(&piece).replace('`', ""));
        let missing: Vec<String> =
            pieces.filter(|piece| piece.len() >= MIN_PIECE_LENGTH && !all.contains(piece)).collect();
        assert!(missing.is_empty(), "the sources lack {missing:?} of `{sentence}`");
    }
}
