//! The npm package `guestnet`, assembled in `<target>/npm/guestnet`: what a user installs, with the addon built here.
//!
//! `crates/guest-emscripten/npm` is the package as it is published, less what is made here: the addon, the objects, and one line of
//! the JavaScript library. The addon is the cdylib of `crates/addon`, and becomes `guestnet.node` next to the package's
//! `package.json`. The C sources in `crates/guest-emscripten/c` become objects in `lib`.

use super::stamp::{self, Inputs};
use super::{files, files_below, stem};
use crate::Result;
use crate::process::{self, capture, capture_both, progress};
use crate::project::Project;
use crate::tools::{Emscripten, Engine, Tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the package is, below the root of the repository.
pub(crate) const SOURCE: &str = "crates/guest-emscripten/npm";

/// The JavaScript library, and the directory of the parts that it includes.
const LIBRARY: &str = "libguestnet.js";
const PARTS: &str = "library";

/// Where the C sources are that it has objects of.
const C_SOURCE: &str = "crates/guest-emscripten/c";

/// How they are compiled. An object that is compiled for threads and for any place in memory can be linked without them,
/// but not the other way round.
const OBJECT_FLAGS: [&str; 7] = [
    "-O2",
    "-fPIC",
    "-matomics",
    "-mbulk-memory",
    "-Wall",
    "-Wextra",
    "-Werror",
];

/// What one of them needs besides.
const MORE_FLAGS: [(&str, &str); 1] = [("guestnet-jspi", "-mexception-handling")];

/// The command of the package that prints what emcc needs.
const COMMAND: &str = "guestnet-emcc";

/// The directory in it of what pages load.
const WEB: &str = "web";

/// What is no part of a program: what a browser loads by itself, what apps begin with, and the commands, but for the words that one of
/// them prints.
const NOT_LINKED: [&str; 5] = [WEB, "iwa", "bin", "package.json", "README.md"];

/// How the addon is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// For tests.
    Debug,
    /// For measurements.
    Release,
}

/// What a program is linked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// Node, Deno and Bun.
    Node,
    /// An Isolated Web App.
    Browser,
}

/// An assembled package.
#[derive(Debug, Clone)]
pub(super) struct Package {
    directory: PathBuf,
    /// What its command prints, by options.
    flags: Vec<(&'static [&'static str], Vec<String>)>,
    hash: u64,
}

/// The options of its command for programs that run on Node, for links with JSPI, and for Isolated Web Apps.
const OPTIONS: [&[&str]; 4] = [&[], &["--jspi"], &["--web"], &["--jspi", "--web"]];

impl Package {
    /// Builds the addon and puts the package together.
    ///
    /// # Errors
    /// When the crate or a C source does not build, or its package has no command `guestnet-emcc`.
    pub(super) fn build(project: &Project, tools: &Tools, profile: Profile) -> Result<Self> {
        let source = project.root.join(SOURCE);
        if !source.join("package.json").is_file() {
            return Err(format!("{} has no package.json", source.display()));
        }
        let addon = addon(project, profile)?;
        let directory = project.target.join(match profile {
            Profile::Debug => "npm/guestnet",
            Profile::Release => "npm-release/guestnet",
        });
        // Only what differs is written, so that a program under test that has a file open keeps it.
        let mut inputs = Inputs::default();
        let mut wanted = vec![directory.join("guestnet.node")];
        for file in files_below(&source)? {
            let name = file.strip_prefix(&source).unwrap_or(&file);
            if !NOT_LINKED.iter().any(|part| name.starts_with(part)) {
                inputs.text(&name.to_string_lossy()).file(&file)?;
            }
            let to = directory.join(name);
            if name == Path::new(LIBRARY) {
                put(&with_parts_named(&source)?, &to)?;
            } else {
                update(&file, &to)?;
            }
            wanted.push(to);
        }
        update(&addon, &directory.join("guestnet.node"))?;
        let module = directory.join(WEB).join("guestnet.wasm");
        update(&web(project, tools)?, &module)?;
        wanted.push(module);
        for object in objects(project, &tools.emscripten()?, &directory)? {
            inputs.text(&object.made_from.to_string());
            wanted.push(object.path);
        }
        for file in files_below(&directory)? {
            if !wanted.contains(&file) {
                fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
        let mut flags = Vec::new();
        for options in OPTIONS {
            let words = words(tools, &directory, options)?;
            inputs.text(&words.join(" "));
            flags.push((options, words));
        }
        Ok(Self {
            directory,
            flags,
            hash: inputs.hash(),
        })
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What `guestnet-emcc` prints, for a link with these flags.
    pub(super) fn flags(&self, link: &[&str], platform: Platform) -> &[String] {
        let jspi = link.iter().any(|flag| flag.starts_with("-sJSPI"));
        let wanted = (jspi, platform == Platform::Browser);
        self.flags
            .iter()
            .find(|(options, _)| (options.contains(&"--jspi"), options.contains(&"--web")) == wanted)
            .map_or(&[], |(_, words)| words)
    }

    /// Of everything that is linked into a program; the addon and what is [`NOT_LINKED`] are not.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

/// Builds the cdylib.
fn addon(project: &Project, profile: Profile) -> Result<PathBuf> {
    progress("guests", "the addon of the npm package");
    let mut cargo = project.cargo();
    cargo.args(["build", "-p", "guestnet-addon", "--lib"]);
    let directory = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    process::run(&mut cargo, "cargo build of guestnet-addon")?;
    Ok(project.target.join(directory).join("libguestnet.so"))
}

/// Builds the module for browsers. It is always the published one: what a debug build of it does is what the same crates do natively.
fn web(project: &Project, tools: &Tools) -> Result<PathBuf> {
    const TARGET: &str = "wasm32-unknown-unknown";
    const PROFILE: &str = "web";
    progress("guests", "the module for browsers of the npm package");
    tools.rust_targets()?;
    process::run(
        project.cargo().args([
            "build",
            "-p",
            "guestnet-web",
            "--target",
            TARGET,
            "--profile",
            PROFILE,
        ]),
        "cargo build of guestnet-web",
    )?;
    Ok(project
        .target
        .join(TARGET)
        .join(PROFILE)
        .join("guestnet_web.wasm"))
}

/// A C source, compiled.
struct Object {
    path: PathBuf,
    /// A hash of everything that it is made from.
    made_from: u64,
}

/// Compiles the C sources that have changed.
fn objects(project: &Project, emscripten: &Emscripten, package: &Path) -> Result<Vec<Object>> {
    let headers = package.join("include");
    let directory = package.join("lib");
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut common = Inputs::default();
    common
        .text(&emscripten.version)
        .text(&format!("{OBJECT_FLAGS:?} {MORE_FLAGS:?}"))
        .files(&files_below(&headers)?)?
        .files(&files(&project.root.join(C_SOURCE), Some("h"))?)?;
    let stamps = package.parent().unwrap_or(package);
    let mut objects = Vec::new();
    for source in files(&project.root.join(C_SOURCE), Some("c"))? {
        let mut inputs = common.clone();
        let made_from = inputs.file(&source)?.hash();
        let path = directory.join(format!("{}.o", stem(&source)));
        if !stamp::is_current(stamps, &path, Some(made_from)) {
            let mut emcc = emscripten.compiler();
            emcc.arg("-c").args(OBJECT_FLAGS).arg("-isystem").arg(&headers);
            emcc.args(
                MORE_FLAGS
                    .iter()
                    .filter(|(name, _)| *name == stem(&source))
                    .map(|(_, flag)| flag),
            );
            capture_both(emcc.arg(&source).arg("-o").arg(&path), "emcc")?;
            stamp::write(stamps, &path, Some(made_from))?;
        }
        objects.push(Object { path, made_from });
    }
    Ok(objects)
}

/// The words that the package's command prints.
fn words(tools: &Tools, package: &Path, options: &[&str]) -> Result<Vec<String>> {
    let manifest = package.join("package.json");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let parsed: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let script = parsed["bin"][COMMAND]
        .as_str()
        .ok_or_else(|| format!("{} has no command {COMMAND}", manifest.display()))?;
    let mut command = Command::new(tools.engine(Engine::Node20)?);
    let printed = capture(command.arg(package.join(script)).args(options), COMMAND)?;
    Ok(printed.split_whitespace().map(str::to_owned).collect())
}

/// The JavaScript library with a line that changes with its parts. emcc keeps the list of a library's symbols in its cache, under
/// a hash of the library's text, and that has the names of the parts only: with an upgraded package a program would be linked by
/// the list of the one before.
fn with_parts_named(package: &Path) -> Result<Vec<u8>> {
    let mut parts = Inputs::default();
    parts.files(&files_below(&package.join(PARTS))?)?;
    let library = package.join(LIBRARY);
    let text = fs::read_to_string(&library).map_err(|error| named(&library, error))?;
    Ok(format!("{text}// The parts: {:016x}\n", parts.hash()).into_bytes())
}

/// Copies a file unless it is there already.
fn update(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).map_err(|error| named(from, error))?;
    put(&content, to)?;
    let permissions = fs::metadata(from)
        .map_err(|error| named(from, error))?
        .permissions();
    fs::set_permissions(to, permissions).map_err(|error| named(to, error))
}

/// Writes a file unless it is there already, by way of a name of its own.
fn put(content: &[u8], to: &Path) -> Result<()> {
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory).map_err(|error| named(directory, error))?;
    }
    let part = to.with_file_name(format!("{}.part", stem(to)));
    fs::write(&part, content)
        .and_then(|()| fs::rename(&part, to))
        .map_err(|error| named(to, error))
}

fn named(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{LIBRARY, PARTS, with_parts_named};
    use std::fs;

    #[test]
    fn the_text_of_the_library_changes_with_each_of_its_parts() {
        let package = std::env::temp_dir().join(format!("guestnet-package-{}", std::process::id()));
        let parts = package.join(PARTS);
        fs::create_dir_all(&parts).expect("a temporary directory");
        let text = |one: &str, other: &str| {
            fs::write(package.join(LIBRARY), "the library\n").expect("written");
            fs::write(parts.join("one.js"), one).expect("written");
            fs::write(parts.join("other.js"), other).expect("written");
            with_parts_named(&package).expect("a library")
        };
        let first = text("a", "b");
        assert!(first.starts_with(b"the library\n//"));
        assert_eq!(text("a", "b"), first);
        assert_ne!(text("a", "c"), first);
        assert_ne!(text("b", "a"), first);
        fs::remove_dir_all(&package).expect("cleaned up");
    }
}
