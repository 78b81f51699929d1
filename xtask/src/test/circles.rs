//! No circle of modules: inside a crate, a file never needs another one that needs it, over whatever way.
//!
//! An arrow is a path that one file takes into another one: `use crate::fd::Fd`, `super::Socket`, `stub::begin(…)`. What a file
//! declares (`mod fd;`) or passes on (`pub use fd::Fd`) is no arrow: a path through it leads to where the item is defined. Tests
//! do not count.

use crate::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that may stand in a circle with others: the crate, the file below its `src`, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Checks the crates that people build on, and the measurements.
///
/// # Errors
/// Each circle, with the paths that make it.
pub(super) fn check(root: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    for sources in sources(root)? {
        let package = Package::read(&sources)?;
        let name = sources
            .strip_prefix(root)
            .unwrap_or(&sources)
            .display()
            .to_string();
        wrong.extend(
            package
                .circles(&name)
                .into_iter()
                .map(|circle| format!("{name}: a circle of modules:\n{circle}")),
        );
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

/// Their `src` directories.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.join("bench/src")];
    let crates = root.join("crates");
    let entries = fs::read_dir(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    for entry in entries {
        let sources = entry.map_err(|error| error.to_string())?.path().join("src");
        if sources.is_dir() {
            found.push(sources);
        }
    }
    found.sort();
    Ok(found)
}

/// A path of a module from its crate's root, such as `["socket", "stub"]`.
type Module = Vec<String>;

/// One file of a crate.
#[derive(Debug, Default)]
struct File {
    children: BTreeSet<String>,
    /// What it passes on by `use`, by the name that it gets here.
    names: BTreeMap<String, Vec<String>>,
    /// What it names elsewhere.
    paths: BTreeSet<Vec<String>>,
}

/// The files of one crate.
#[derive(Debug, Default)]
struct Package {
    files: BTreeMap<Module, File>,
}

impl Package {
    fn read(sources: &Path) -> Result<Self> {
        let mut package = Package::default();
        for root in ["lib.rs", "main.rs"] {
            let path = sources.join(root);
            if path.is_file() {
                // A program next to a library has modules of its own only if it declares some.
                package.add(&path, Vec::new(), sources)?;
                break;
            }
        }
        Ok(package)
    }

    fn add(&mut self, path: &Path, module: Module, children_in: &Path) -> Result<()> {
        let code = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tokens: TokenStream = code
            .parse()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut file = File::default();
        Reader {
            file: &mut file,
            depth: 0,
        }
        .read(tokens);
        for child in file.children.clone() {
            let flat = children_in.join(format!("{child}.rs"));
            let deep = children_in.join(&child).join("mod.rs");
            let (path, known) = match (flat.is_file(), deep.is_file()) {
                (true, _) => (flat, true),
                (false, true) => (deep, true),
                (false, false) => (flat, false),
            };
            if known {
                let mut name = module.clone();
                name.push(child.clone());
                self.add(&path, name, &children_in.join(&child))?;
            }
        }
        self.files.insert(module, file);
        Ok(())
    }

    /// The file that a path of a file leads to.
    fn target(&self, from: &Module, path: &[String]) -> Option<Module> {
        let mut at = from.clone();
        let mut rest = path.iter();
        let first = rest.next()?;
        match first.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            child if self.files[from].children.contains(child) => at.push(child.to_owned()),
            _ => return None,
        }
        // An item that is passed on is followed to where it is defined, at most so often.
        self.walk(at, rest.cloned().collect(), 16)
    }

    fn walk(&self, mut at: Module, path: Vec<String>, fuel: u8) -> Option<Module> {
        let mut rest = path.into_iter();
        while let Some(segment) = rest.next() {
            if segment == "super" {
                at.pop();
                continue;
            }
            let mut child = at.clone();
            child.push(segment.clone());
            if self.files.contains_key(&child) {
                at = child;
                continue;
            }
            let file = self.files.get(&at)?;
            if let (Some(passed_on), Some(fuel)) = (file.names.get(&segment), fuel.checked_sub(1)) {
                let mut path = passed_on.clone();
                path.extend(rest);
                let first = path.remove(0);
                let start = match first.as_str() {
                    "crate" => Vec::new(),
                    "self" => at,
                    "super" => at[..at.len().saturating_sub(1)].to_vec(),
                    other => {
                        at.push(other.to_owned());
                        if !self.files.contains_key(&at) {
                            return None;
                        }
                        at
                    }
                };
                return self.walk(start, path, fuel);
            }
            break;
        }
        self.files.contains_key(&at).then_some(at)
    }

    /// The arrows, with one path for each.
    fn arrows(&self) -> BTreeMap<&Module, BTreeMap<Module, String>> {
        self.files
            .iter()
            .map(|(module, file)| {
                let mut targets = BTreeMap::new();
                for path in &file.paths {
                    if let Some(target) = self.target(module, path).filter(|target| target != module) {
                        targets.entry(target).or_insert_with(|| path.join("::"));
                    }
                }
                (module, targets)
            })
            .collect()
    }

    /// Every circle, as the lines to print.
    fn circles(&self, crate_name: &str) -> Vec<String> {
        let mut arrows = self.arrows();
        arrows.retain(|module, _| {
            let file = module.join("/");
            !EXCEPTIONS
                .iter()
                .any(|(of, excepted, _)| crate_name.ends_with(of) && file == *excepted)
        });
        // What is left when everything is taken away, again and again, that nothing leads to or that leads to nothing.
        loop {
            let targets: BTreeSet<Module> = arrows
                .values()
                .flat_map(|targets| targets.keys().cloned())
                .collect();
            let members: BTreeSet<Module> = arrows.keys().map(|module| (*module).clone()).collect();
            let before = arrows.len();
            for targets in arrows.values_mut() {
                targets.retain(|target, _| members.contains(target));
            }
            arrows.retain(|module, paths| !paths.is_empty() && targets.contains(*module));
            if arrows.len() == before {
                break;
            }
        }
        let reach: BTreeMap<&Module, BTreeSet<&Module>> = arrows
            .keys()
            .map(|module| (*module, reachable(&arrows, module)))
            .collect();
        let mut groups: BTreeMap<BTreeSet<&Module>, ()> = BTreeMap::new();
        for (module, targets) in &reach {
            let group: BTreeSet<&Module> = targets
                .iter()
                .filter(|target| reach.get(*target).is_some_and(|back| back.contains(module)))
                .copied()
                .collect();
            if !group.is_empty() {
                groups.insert(group, ());
            }
        }
        groups
            .keys()
            .map(|group| {
                let mut lines = String::new();
                for module in group {
                    for (target, path) in &arrows[*module] {
                        if group.contains(target) {
                            let (from, to) = (name(module), name(target));
                            lines.push_str(&format!("    {from} -> {to} by {path}\n"));
                        }
                    }
                }
                lines
            })
            .collect()
    }
}

/// Which modules can be reached from one by at least one arrow.
fn reachable<'a>(
    arrows: &'a BTreeMap<&'a Module, BTreeMap<Module, String>>,
    from: &Module,
) -> BTreeSet<&'a Module> {
    let mut seen: BTreeSet<&Module> = BTreeSet::new();
    let mut next: Vec<&Module> = arrows[from].keys().collect();
    while let Some(module) = next.pop() {
        if let Some((module, targets)) = arrows.get_key_value(module)
            && seen.insert(*module)
        {
            next.extend(targets.keys());
        }
    }
    seen
}

fn name(module: &Module) -> String {
    if module.is_empty() {
        "the root".to_owned()
    } else {
        module.join("/")
    }
}

/// Reads a file's tokens.
struct Reader<'a> {
    file: &'a mut File,
    /// How many modules within the file it is in.
    depth: usize,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        // Of the item that begins here.
        let (mut of_tests, mut public) = (false, false);
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) {
                        let words = attribute.stream().to_string().replace(' ', "");
                        of_tests |= words == "cfg(test)" || words == "test";
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if word == "pub" => public = true,
                // Of `pub(crate)`.
                TokenTree::Group(scope) if public && scope.delimiter() == Delimiter::Parenthesis => {}
                TokenTree::Ident(word) if word == "mod" => {
                    match (tokens.get(at + 1), tokens.get(at + 2)) {
                        (Some(TokenTree::Ident(child)), Some(TokenTree::Punct(_))) => {
                            if !of_tests && self.depth == 0 {
                                self.file.children.insert(child.to_string());
                            }
                            at += 2;
                        }
                        (Some(TokenTree::Ident(_)), Some(TokenTree::Group(body))) => {
                            if !of_tests {
                                self.depth += 1;
                                self.read(body.stream());
                                self.depth -= 1;
                            }
                            at += 2;
                        }
                        _ => {}
                    }
                    (of_tests, public) = (false, false);
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = tokens[at..].iter().position(is_semicolon).unwrap_or(1);
                    if !of_tests {
                        self.import(&[], &tokens[at + 1..at + end.max(1)], public);
                    }
                    at += end;
                    (of_tests, public) = (false, false);
                }
                TokenTree::Ident(_) => {
                    let (path, end) = path(&tokens, at);
                    let before = at.checked_sub(1).map(|before| &tokens[before]);
                    let member =
                        matches!(before, Some(TokenTree::Punct(mark)) if matches!(mark.as_char(), '.' | ':'));
                    if path.len() > 1 && !member && !of_tests {
                        self.file.paths.insert(self.inside(path));
                    }
                    at = end - 1;
                    public = false;
                }
                TokenTree::Group(group) => {
                    let last = group.delimiter() == Delimiter::Brace;
                    if !of_tests {
                        self.read(group.stream());
                    }
                    if last {
                        of_tests = false;
                    }
                    public = false;
                }
                other => {
                    if is_semicolon(other) {
                        of_tests = false;
                    }
                    public = false;
                }
            }
            at += 1;
        }
    }

    /// A path as the file itself would say it: less the `super` that lead out of modules within it.
    fn inside(&self, mut path: Vec<String>) -> Vec<String> {
        let mut depth = self.depth;
        while depth > 0 && path.first().is_some_and(|first| first == "super") {
            path.remove(0);
            depth -= 1;
            if path.first().is_none_or(|first| first != "super") {
                path.insert(0, "self".to_owned());
            }
        }
        path
    }

    fn import(&mut self, before: &[String], tree: &[TokenTree], public: bool) {
        for part in tree.split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',')) {
            let mut path = before.to_vec();
            let mut name = None;
            let mut tokens = part.iter().peekable();
            let mut done = false;
            while let Some(token) = tokens.next() {
                match token {
                    TokenTree::Ident(word) if word == "as" => {
                        name = tokens.next().map(ToString::to_string);
                    }
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.import(&path, &inner, public);
                        done = true;
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
            if done || path.is_empty() {
                continue;
            }
            if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
                path.pop();
            }
            let path = self.inside(path);
            // What is passed on is an arrow only of the one who asks for it here.
            if public && self.depth == 0 {
                let name = name.or_else(|| path.last().cloned());
                self.file.names.extend(name.map(|name| (name, path)));
            } else {
                self.file.paths.insert(path);
            }
        }
    }
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';')
}

/// The path that begins at a token, and where it ends.
fn path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        at += 1;
        let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
        if !(colon(tokens.get(at)) && colon(tokens.get(at + 1))) {
            break;
        }
        at += 2;
    }
    (path, at.max(1))
}

#[cfg(test)]
mod tests {
    use super::{File, Package, Reader};

    fn package(files: &[(&str, &str)]) -> Package {
        let mut package = Package::default();
        for (module, code) in files {
            let mut file = File::default();
            Reader {
                file: &mut file,
                depth: 0,
            }
            .read(code.parse().unwrap());
            let module = module
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            package.files.insert(module, file);
        }
        package
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        package(files).circles("x/src")
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle() {
        let found = circles(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "pub fn f() -> crate::a::A { todo() }"),
        ]);
        assert_eq!(found, ["    a -> b by crate::b::B\n    b -> a by crate::a::A\n"]);
    }

    #[test]
    fn a_child_that_uses_what_its_parent_defines_is_one_if_the_parent_uses_the_child() {
        let parent = "mod stub; pub struct Socket; fn f() { stub::begin() }";
        let found = circles(&[
            ("", "mod socket;"),
            ("socket", parent),
            ("socket/stub", "use super::Socket;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn what_a_file_declares_or_passes_on_is_no_arrow_of_its_own() {
        let found = circles(&[
            ("", "mod a; mod b; pub use a::A;"),
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "pub struct B;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_path_through_what_is_passed_on_leads_to_where_it_is_defined() {
        let found = circles(&[
            ("", "mod a; mod b; pub use a::A;"),
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "use crate::A; pub struct B;"),
        ]);
        assert_eq!(found, ["    a -> b by crate::b::B\n    b -> a by crate::A\n"]);
    }

    #[test]
    fn tests_do_not_count() {
        let found = circles(&[
            ("", "mod a; mod b;"),
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_module_within_a_file_is_the_file() {
        let found = circles(&[
            ("", "mod a;"),
            (
                "a",
                "pub struct A; mod inner { use super::A; use super::super::B; }",
            ),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
