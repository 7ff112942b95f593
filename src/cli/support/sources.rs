//! The sources of `-f`: files, the files of folders, and standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::text::escape_line;

/// One file, or standard input.
pub(in crate::cli) struct Source {
    /// The name for messages.
    pub name: String,
    path: Option<PathBuf>,
}

/// How deep folders are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Depth {
    /// Only the folder itself.
    Folder,
    /// The folder and all folders below.
    Tree,
}

/// All sources, in the order of kubectl.
pub(in crate::cli) fn sources(files: &[PathBuf], depth: Depth) -> Result<Vec<Source>, Exit> {
    let mut sources = Vec::new();
    for path in files {
        if path == Path::new("-") {
            sources.push(Source { name: "standard input".to_owned(), path: None });
        } else if path.is_dir() {
            sources.extend(within(path, depth)?.into_iter().map(Source::of));
        } else {
            sources.push(Source::of(path.clone()));
        }
    }
    Ok(sources)
}

impl Source {
    fn of(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), path: Some(path) }
    }

    /// Opens the source.
    pub fn open(&self) -> Result<Box<dyn Read>, Exit> {
        let Some(path) = &self.path else { return Ok(Box::new(io::stdin().lock())) };
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        Ok(Box::new(file))
    }
}

/// The files of a folder by name, as `kubectl -f DIR` reads them. Links to folders are not followed, because they may
/// form loops.
fn within(folder: &Path, depth: Depth) -> Result<Vec<PathBuf>, Exit> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))? {
            let entry = entry.map_err(|error| failed(&folder, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| failed(&path, &error))?;
            let is_text =
                path.extension().is_some_and(|ending| ending == "json" || ending == "yaml" || ending == "yml");
            if kind.is_dir() && depth == Depth::Tree {
                folders.push(path);
            } else if is_text && path.is_file() {
                paths.push(path);
            }
        }
    }
    if paths.is_empty() {
        let folder = escape_line(&folder.display().to_string());
        return Err(Exit::input(format!("{folder}: no *.json, *.yaml or *.yml in it")));
    }
    paths.sort();
    Ok(paths)
}

fn failed(path: &Path, error: &io::Error) -> Exit {
    Exit::io(format!("{}: {error}", escape_line(&path.display().to_string())))
}
