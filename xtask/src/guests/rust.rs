//! Rust guests: crates of their own outside the workspace. A crate with one program is built for wasip1, and some natively as well;
//! one with several, below `src/bin`, is built for wasip2 and natively.

use super::{Job, entries, stem};
use crate::Result;
use crate::process::capture;
use crate::process::progress;
use crate::project::{self, Project};
use crate::tools::Tools;
use std::fs;
use std::path::{Path, PathBuf};

/// One way to build a program.
#[derive(Clone, Copy)]
struct Build {
    /// Where the products lie.
    place: &'static str,
    /// `None`: natively.
    target: Option<&'static str>,
    release: bool,
}

const MODULE: Build = Build {
    place: "rust",
    target: Some("wasm32-wasip1"),
    release: true,
};

const MODULE_NATIVE: Build = Build {
    place: "rust-native",
    target: None,
    release: false,
};

const COMPONENT: Build = Build {
    place: "component",
    target: Some("wasm32-wasip2"),
    release: true,
};

const COMPONENT_NATIVE: Build = Build {
    place: "component-native",
    target: None,
    release: true,
};

/// What the measurements run of bench/rust.
const MEASURED: [Build; 2] = [
    Build {
        place: "bench-component",
        ..COMPONENT
    },
    Build {
        place: "bench-component-native",
        ..COMPONENT_NATIVE
    },
];

/// The guests for wasip1 that are built natively too: those on guestnet-guest, which has the same API there.
const NATIVE: [&str; 1] = ["sockets"];

/// The programs that the demonstration shows, with the crates that they are of.
const DEMONSTRATED: [(&str, &str); 3] = [
    ("std_preopened", "std_preopened"),
    ("tokio_net", "tokio_echo"),
    ("wasmedge_echo", "wasmedge_echo"),
];

/// The jobs of the programs that the demonstration shows, and the products of all others, which may lie there.
pub(super) fn demonstrated(project: &Project, tools: &Tools) -> Result<(Vec<Job>, Vec<PathBuf>)> {
    let is_shown = |name: &str| DEMONSTRATED.iter().any(|(of, _)| *of == name);
    let all = jobs_of(project, tools, is_shown)?;
    let (shown, others): (Vec<Job>, Vec<Job>) = all.into_iter().partition(|job| {
        let name = stem(&job.output);
        let is_wasm = job.output.extension().is_some();
        is_wasm && DEMONSTRATED.iter().any(|(_, program)| *program == name)
    });
    Ok((shown, others.into_iter().map(|job| job.output).collect()))
}

/// The jobs of guests/rust: a directory for each crate.
pub(super) fn jobs(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    jobs_of(project, tools, |_| true)
}

/// The same; what crates depend on is fetched for those of these names.
fn jobs_of(project: &Project, tools: &Tools, is_built: impl Fn(&str) -> bool) -> Result<Vec<Job>> {
    let mut crates: Vec<PathBuf> = entries(&project.root.join("guests/rust"))?
        .into_iter()
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    crates.sort();
    if crates.is_empty() {
        progress("guests", "guests/rust: no programs there");
        return Ok(Vec::new());
    }
    tools.rust_targets()?;
    let (mut jobs, mut native) = (Vec::new(), Vec::new());
    for directory in crates {
        let programs = directory.join("src/bin");
        let is_component = programs.is_dir();
        let target = if is_component { COMPONENT } else { MODULE }.target;
        if let Some(target) = target
            && is_built(&stem(&directory))
        {
            tools.guest_crates(&directory, target)?;
        }
        if is_component {
            for program in entries(&programs)? {
                let name = stem(&program);
                jobs.push(job(project, &directory, &name, COMPONENT));
                native.push(job(project, &directory, &name, COMPONENT_NATIVE));
            }
            continue;
        }
        // The binary has the directory's name.
        let name = stem(&directory);
        jobs.push(job(project, &directory, &name, MODULE));
        if NATIVE.contains(&name.as_str()) {
            native.push(job(project, &directory, &name, MODULE_NATIVE));
        }
    }
    jobs.append(&mut native);
    Ok(jobs)
}

/// The jobs of bench/rust.
pub(super) fn measured(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    let directory = project.root.join("bench/rust");
    tools.rust_targets()?;
    let mut jobs = Vec::new();
    for program in entries(&directory.join("src/bin"))? {
        let job = |build| job(project, &directory, &stem(&program), build);
        jobs.extend(MEASURED.map(job));
    }
    Ok(jobs)
}

/// Builds one program in one way.
fn job(project: &Project, directory: &Path, name: &str, build: Build) -> Job {
    let suffix = if build.target.is_some() { ".wasm" } else { "" };
    let output = project.guests().join(build.place).join(format!("{name}{suffix}"));
    let products = project.guests().join(".rust-build");
    let (directory, binary, to) = (directory.to_owned(), name.to_owned(), output.clone());
    Job {
        name: format!("rust {name} {}", build.target.unwrap_or("native")),
        output,
        // cargo knows better than we do; it takes a moment when nothing changed.
        inputs: None,
        make: Box::new(move || make(&directory, &binary, build, &products, &to).map(|()| String::new())),
    }
}

fn make(directory: &Path, name: &str, build: Build, products: &Path, output: &Path) -> Result<()> {
    let mut command = project::cargo();
    // The flags of a surrounding build (coverage, sanitizers) are not for guests.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
        .current_dir(directory)
        .args(["build", "--target-dir"])
        .arg(products);
    let mut made = products.to_owned();
    if let Some(target) = build.target {
        command.args(["--target", target]);
        made.push(target);
    }
    if build.release {
        command.arg("--release");
        made.push("release");
    } else {
        made.push("debug");
    }
    if directory.join("src/bin").is_dir() {
        command.args(["--bin", name]);
    }
    if directory.join("Cargo.lock").exists() {
        command.arg("--locked");
    }
    capture(&mut command, "cargo build")?;
    let suffix = if build.target.is_some() { ".wasm" } else { "" };
    // cargo keeps hyphens in the names of binaries; a directory may spell either.
    let made = [name.to_owned(), name.replace('_', "-")]
        .map(|name| made.join(format!("{name}{suffix}")))
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{} builds no binary of the name {name}", directory.display()))?;
    let part = output.with_extension("part");
    fs::copy(&made, &part)
        .and_then(|_| fs::rename(&part, output))
        .map_err(|error| format!("{}: {error}", output.display()))
}
