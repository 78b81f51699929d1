//! Rust guests: crates of their own outside the workspace. A crate with one program is built for wasip1; one with several, below
//! `src/bin`, for wasip2 and natively. [`builds`] has those that are built in more ways.

use super::{Job, entries, stem};
use crate::Result;
use crate::process::capture;
use crate::process::progress;
use crate::project::{self, Project, host_triple};
use crate::tools::Tools;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One way to build a program.
#[derive(Clone, Copy)]
struct Build {
    /// Where the products lie.
    place: &'static str,
    /// `None`: natively.
    target: Option<&'static str>,
    release: bool,
}

impl Build {
    /// How the names of the products end.
    fn suffix(self) -> &'static str {
        if self.target.is_some() { ".wasm" } else { "" }
    }
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

/// How examples/rust is built.
const EXAMPLES: [Build; 3] = [
    Build {
        place: "examples-rust",
        ..MODULE
    },
    Build {
        place: "examples-rust-component",
        ..COMPONENT
    },
    Build {
        place: "examples-rust-native",
        ..MODULE_NATIVE
    },
];

/// In which ways a crate is built.
fn builds(name: &str, has_programs: bool) -> &'static [Build] {
    match name {
        // guestnet-guest has the same API on all three targets.
        "sockets" => &[MODULE, COMPONENT, MODULE_NATIVE],
        "std_net" => &[COMPONENT, MODULE, COMPONENT_NATIVE],
        // What they call only components have.
        "attacks" | "wasi_calls" => &[COMPONENT],
        _ if has_programs => &[COMPONENT, COMPONENT_NATIVE],
        _ => &[MODULE],
    }
}

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
        let name = stem(&directory);
        let programs = directory.join("src/bin");
        // The only binary of a crate has the directory's name.
        let binaries = if programs.is_dir() {
            entries(&programs)?.iter().map(|path| stem(path)).collect()
        } else {
            vec![name.clone()]
        };
        for build in builds(&name, programs.is_dir()) {
            if let Some(target) = build.target
                && is_built(&name)
            {
                tools.guest_crates(&directory, target)?;
            }
            let all = Package::new(project, &directory, *build);
            let to = if build.target.is_some() {
                &mut jobs
            } else {
                &mut native
            };
            to.extend(binaries.iter().map(|binary| job(project, &all, binary)));
        }
    }
    jobs.append(&mut native);
    // cargo would put both in one place.
    let mut outputs = BTreeSet::new();
    if let Some(twice) = jobs.iter().find(|job| !outputs.insert(&job.output)) {
        return Err(format!(
            "two crates of guests/rust make {}",
            twice.output.display()
        ));
    }
    Ok(jobs)
}

/// The jobs of examples/rust.
pub(super) fn examples(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    let directory = project.root.join("examples/rust");
    for build in EXAMPLES {
        let triple = build
            .target
            .map_or_else(|| host_triple(project), |target| Ok(target.to_owned()))?;
        tools.example_crates(&directory, &triple)?;
    }
    programs(project, tools, &directory, &EXAMPLES)
}

/// The jobs of bench/rust.
pub(super) fn measured(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    programs(project, tools, &project.root.join("bench/rust"), &MEASURED)
}

/// The jobs of a crate with several programs.
fn programs(project: &Project, tools: &Tools, directory: &Path, builds: &[Build]) -> Result<Vec<Job>> {
    tools.rust_targets()?;
    let binaries: Vec<String> = entries(&directory.join("src/bin"))?
        .iter()
        .map(|path| stem(path))
        .collect();
    let mut jobs = Vec::new();
    for build in builds {
        let all = Package::new(project, directory, *build);
        jobs.extend(binaries.iter().map(|binary| job(project, &all, binary)));
    }
    Ok(jobs)
}

/// A crate that is built in one way: all of its programs by one command of cargo, the first time that one of them is asked for.
struct Package {
    directory: PathBuf,
    build: Build,
    /// cargo's target directory.
    products: PathBuf,
    /// What came of it.
    result: Mutex<Option<Result<()>>>,
}

impl Package {
    fn new(project: &Project, directory: &Path, build: Build) -> Arc<Self> {
        Arc::new(Self {
            directory: directory.to_owned(),
            build,
            products: project.guests().join(".rust-build"),
            result: Mutex::new(None),
        })
    }

    fn build(&self) -> Result<()> {
        let mut result = self.result.lock().map_err(|_| "a build thread panicked")?;
        result.get_or_insert_with(|| self.run_cargo()).clone()
    }

    fn run_cargo(&self) -> Result<()> {
        let mut command = project::cargo();
        // The flags of a surrounding build (coverage, sanitizers) are not for guests.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
            .current_dir(&self.directory)
            .args(["build", "--target-dir"])
            .arg(&self.products);
        if let Some(target) = self.build.target {
            command.args(["--target", target]);
        }
        if self.build.release {
            command.arg("--release");
        }
        if self.directory.join("Cargo.lock").exists() {
            command.arg("--locked");
        }
        capture(&mut command, "cargo build").map(drop)
    }

    /// Builds the crate, and copies the program of this name.
    fn make(&self, name: &str, output: &Path) -> Result<()> {
        self.build()?;
        let mut made = self.products.clone();
        if let Some(target) = self.build.target {
            made.push(target);
        }
        made.push(if self.build.release { "release" } else { "debug" });
        let suffix = self.build.suffix();
        // cargo keeps hyphens in the names of binaries; a directory may spell either.
        let made = [name.to_owned(), name.replace('_', "-")]
            .map(|name| made.join(format!("{name}{suffix}")))
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| format!("{} builds no binary of the name {name}", self.directory.display()))?;
        let part = output.with_extension("part");
        fs::copy(&made, &part)
            .and_then(|_| fs::rename(&part, output))
            .map_err(|error| format!("{}: {error}", output.display()))
    }
}

/// Makes one program of a crate.
fn job(project: &Project, all: &Arc<Package>, name: &str) -> Job {
    let build = all.build;
    let file = format!("{name}{}", build.suffix());
    let output = project.guests().join(build.place).join(file);
    let (all, binary, to) = (Arc::clone(all), name.to_owned(), output.clone());
    Job {
        name: format!("rust {name} {}", build.target.unwrap_or("native")),
        output,
        // cargo knows better than we do; it takes a moment when nothing changed.
        inputs: None,
        make: Box::new(move || all.make(&binary, &to).map(|()| String::new())),
    }
}
