//! The files of `src/` have no import circles. `pub use` is followed to the file that defines the name. Tests are
//! ignored.

use std::collections::{BTreeMap, BTreeSet};

use crate::invariants::{code, sources};

/// A module by its path below the crate: `["server", "http"]` is `crate::server::http`.
type Module = Vec<String>;

/// An imported path: a `use`, or a path in the code.
struct Import {
    is_reexport: bool,
    path: Vec<String>,
    /// The name in the module, after `as`.
    name: String,
}

/// Every module and its imports.
struct Modules(BTreeMap<Module, Vec<Import>>);

fn split(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).collect()
}

/// The paths of a use tree, such as `a::{b, c::{d, e}}`.
fn paths(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let body = rest.rsplit_once('}').unwrap().0;
    let (mut depth, mut branch, mut branches) = (0, String::new(), Vec::new());
    for character in body.chars().chain([',']) {
        match character {
            ',' if depth == 0 => branches.push(std::mem::take(&mut branch)),
            _ => {
                depth += i32::from(character == '{') - i32::from(character == '}');
                branch.push(character);
            }
        }
    }
    let branches = branches.iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| paths(branch)).map(|path| format!("{}{path}", prefix.trim())).collect()
}

/// The imports of a file, and its code without them.
fn uses(text: &str) -> (Vec<Import>, String) {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut lines = code(text);
    while let Some(line) = lines.next() {
        let (visibility, item) = match line.split_once("use ") {
            Some((visibility, item)) if visibility.is_empty() || visibility.starts_with("pub") => (visibility, item),
            _ => {
                // `pub(in crate::room)` imports nothing.
                let item = line.strip_prefix("pub(in ").and_then(|line| line.split_once(')'));
                rest += item.map_or(line, |(_, item)| item);
                rest.push('\n');
                continue;
            }
        };
        let mut tree = item.to_owned();
        while !tree.ends_with(';') {
            tree += lines.next().unwrap();
        }
        for path in paths(tree.trim_end_matches(';')) {
            let (path, alias) =
                path.split_once(" as ").map_or((path.as_str(), None), |(path, alias)| (path, Some(alias)));
            let path = split(path);
            let name = alias.unwrap_or(path.last().unwrap()).to_owned();
            imports.push(Import { is_reexport: visibility.starts_with("pub"), path, name });
        }
    }
    (imports, rest)
}

/// The paths in code that begin with `first`.
fn paths_from(code: &str, first: &str) -> Vec<Vec<String>> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    code.split(|character| !is_part(character))
        .filter(|path| path.strip_prefix(first).is_some_and(|rest| rest.starts_with("::")))
        .map(|path| split(path.trim_end_matches(':')))
        .collect()
}

impl Modules {
    fn read() -> Self {
        let mut modules = BTreeMap::new();
        let files: BTreeMap<Module, String> = sources()
            .into_iter()
            .filter(|(name, _)| name != "main.rs" && name != "lib.rs")
            .map(|(name, text)| (name.trim_end_matches(".rs").split('/').map(str::to_owned).collect(), text))
            .collect();
        for (module, text) in &files {
            let (mut imports, rest) = uses(text);
            let children = files.keys().filter(|child| child.len() == module.len() + 1 && child.starts_with(module));
            let children = children.map(|child| child.last().unwrap().as_str());
            for first in children.chain(["crate", "super", "self"]) {
                imports.extend(paths_from(&rest, first).into_iter().map(|path| Import {
                    is_reexport: false,
                    name: String::new(),
                    path,
                }));
            }
            modules.insert(module.clone(), imports);
        }
        Self(modules)
    }

    /// The path from the root of the crate; `None` for another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let mut base = module.clone();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                base.push(first.to_owned());
                let is_child = self.0.contains_key(&base);
                base.pop();
                if !is_child {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that defines the item of a path.
    fn defining(&self, path: &[String]) -> Option<Module> {
        let module =
            (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|module| self.0.contains_key(module))?;
        let reexport = path
            .get(module.len())
            .and_then(|name| self.0[&module].iter().find(|import| import.is_reexport && import.name == *name));
        let Some(target) = reexport.and_then(|import| self.absolute(&module, &import.path)) else {
            return Some(module);
        };
        self.defining(&target)
    }

    /// The modules that a module imports.
    fn imported(&self, module: &Module) -> BTreeSet<Module> {
        let imports = self.0[module].iter().filter(|import| !import.is_reexport);
        let paths = imports.filter_map(|import| self.absolute(module, &import.path));
        paths.filter_map(|path| self.defining(&path)).filter(|imported| imported != module).collect()
    }
}

/// An import circle, if there is one: each module imports the next, and the last the first.
fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    fn visit(
        module: &Module,
        imports: &BTreeMap<Module, BTreeSet<Module>>,
        path: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(start) = path.iter().position(|visited| visited == module) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(module.clone()) {
            return None;
        }
        path.push(module.clone());
        let found = imports.get(module)?.iter().find_map(|imported| visit(imported, imports, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| visit(module, imports, &mut Vec::new(), &mut done))
}

#[test]
fn files_have_no_import_circles() {
    let modules = Modules::read();
    let imports: BTreeMap<Module, BTreeSet<Module>> =
        modules.0.keys().map(|module| (module.clone(), modules.imported(module))).collect();
    let count: usize = imports.values().map(BTreeSet::len).sum();
    assert!(count > 400, "only {count} imports were found");
    let circle = circle(&imports).map(|circle| circle.iter().map(|module| module.join("::")).collect::<Vec<_>>());
    assert_eq!(circle, None, "each imports the next, and the last the first");
}

#[test]
fn circles_are_detected() {
    let module = |name: &str| vec![name.to_owned()];
    let imports = |edges: &[(&str, &str)]| {
        let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (from, to) in edges {
            imports.entry(module(from)).or_default().insert(module(to));
            imports.entry(module(to)).or_default();
        }
        imports
    };
    assert_eq!(circle(&imports(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert_eq!(circle(&imports(&[("a", "b"), ("b", "c"), ("c", "b")])), Some(vec![module("b"), module("c")]));
    assert_eq!(paths("a::{b, c::{d, e}}"), ["a::b", "a::c::d", "a::c::e"]);
}
