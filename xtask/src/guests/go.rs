//! Go guests and what is measured of Go: a module each, in it a directory for each program, built for wasip1 and natively.

use super::stamp::Inputs;
use super::{Job, entries, files_below};
use crate::Result;
use crate::process::{capture_both, progress};
use crate::project::Project;
use crate::tools::Tools;
use std::fs;
use std::path::PathBuf;

/// Variables of the environment.
type Environment = [(&'static str, &'static str)];

/// The environment that selects wasip1.
const WASIP1: &Environment = &[("GOOS", "wasip1"), ("GOARCH", "wasm")];

/// A module, and the directories that its products go to.
struct Module {
    source: &'static str,
    wasip1: &'static str,
    native: &'static str,
}

const GUESTS: Module = Module {
    source: "guests/go",
    wasip1: "go",
    native: "go-native",
};

const BENCH: Module = Module {
    source: "bench/go",
    wasip1: "bench-go",
    native: "bench-go-native",
};

/// Programs that are built for wasip1 once more with a build tag of a library, as `PROGRAM_TAG.wasm`.
const TAGGED: [(&str, &str); 1] = [("names", "getaddrinfo")];

/// The jobs of guests/go.
pub(super) fn jobs(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    of_module(project, tools, &GUESTS)
}

/// The jobs of bench/go.
pub(super) fn measured(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    of_module(project, tools, &BENCH)
}

fn of_module(project: &Project, tools: &Tools, family: &Module) -> Result<Vec<Job>> {
    let module = project.root.join(family.source);
    // Each with the directory, the suffix and the environment.
    let targets: [(&str, &str, &Environment); 2] =
        [(family.wasip1, ".wasm", WASIP1), (family.native, "", &[])];
    let mut programs: Vec<PathBuf> = entries(&module)?
        .into_iter()
        .filter(|path| path.join("main.go").is_file())
        .collect();
    programs.sort();
    if programs.is_empty() {
        progress("guests", &format!("{}: no programs there", family.source));
        return Ok(Vec::new());
    }
    let go = tools.go()?;
    go.modules(&module)?;
    // A package may import any other of the module: the whole module is the input of each program.
    let mut inputs = Inputs::default();
    inputs.text(&go.version).files(&files_below(&module)?)?;
    let mut jobs = Vec::new();
    for program in &programs {
        let name = program
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let tagged = TAGGED.iter().filter(|(program, _)| *program == name);
        let tagged = tagged.map(|(_, tag)| (targets[0], *tag));
        for ((directory, suffix, environment), tag) in
            targets.map(|target| (target, "")).into_iter().chain(tagged)
        {
            let product = if tag.is_empty() {
                name.clone()
            } else {
                format!("{name}_{tag}")
            };
            let output = project
                .guests()
                .join(directory)
                .join(format!("{product}{suffix}"));
            let (go, module, name, to) = (go.clone(), module.clone(), name.clone(), output.clone());
            jobs.push(Job {
                name: format!("{directory} {product}"),
                output,
                inputs: Some(inputs.hash()),
                make: Box::new(move || {
                    let part = to.with_extension("part");
                    let mut command = go.command();
                    command.current_dir(&module).envs(environment.iter().copied());
                    command
                        .args(["build", "-trimpath", "-tags", tag, "-o"])
                        .arg(&part)
                        .arg(format!("./{name}"));
                    let (_, warnings) = capture_both(&mut command, "go build")?;
                    fs::rename(&part, &to).map_err(|error| format!("{}: {error}", to.display()))?;
                    // What go says when it succeeds is which modules it downloads.
                    Ok(warnings
                        .lines()
                        .filter(|line| !line.starts_with("go: downloading"))
                        .collect())
                }),
            });
        }
    }
    Ok(jobs)
}
