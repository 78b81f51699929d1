//! C guests: one source, compiled by the machine's cc and by zig cc with the POSIX overlay for wasip1.

use super::stamp::{self, Inputs};
use super::{Job, files, files_below, stem};
use crate::Result;
use crate::process::{capture_both, progress};
use crate::project::Project;
use crate::tools::{OPTIMISE, Tools, Zig};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory of C programs and the two directories their builds go to.
pub(super) struct Family {
    label: &'static str,
    optimise: &'static str,
    source: &'static str,
    native: &'static str,
    wasip1: &'static str,
}

/// The programs whose transcripts the matrix compares.
pub(super) const GUESTS: Family = Family {
    label: "c",
    optimise: OPTIMISE,
    source: "guests/c",
    native: "native",
    wasip1: "wasip1",
};

/// The programs that the demonstration runs and a user reads.
pub(super) const EXAMPLES: Family = Family {
    label: "example",
    optimise: OPTIMISE,
    source: "examples/c",
    native: "examples-native",
    wasip1: "examples",
};

/// The programs that the measurements run.
pub(super) const BENCH: Family = Family {
    label: "bench",
    optimise: "-O2",
    source: "bench/c",
    native: "bench-native",
    wasip1: "bench-wasip1",
};

/// The built POSIX overlay.
pub(super) struct Overlay {
    zig: Zig,
    include: PathBuf,
    library: PathBuf,
    inputs: Inputs,
}

impl Overlay {
    /// Builds `libguestnet.a`; `None` when there is no source of it.
    pub(super) fn build(project: &Project, tools: &Tools) -> Result<Option<Self>> {
        let root = project.root.join("guest-libs/c");
        let include = root.join("include");
        let sources = files(&root.join("src"), Some("c"))?;
        if sources.is_empty() {
            return Ok(None);
        }
        let zig = tools.zig()?;
        let mut inputs = Inputs::default();
        inputs
            .text(Zig::VERSION)
            .files(&files_below(&include)?)?
            .files(&files_below(&root.join("src"))?)?;
        let out = project.guests();
        let library = out.join("overlay/libguestnet.a");
        if !stamp::is_current(&out, &library, Some(inputs.hash())) {
            progress(
                "guests",
                &format!("overlay libguestnet.a ({} sources)", sources.len()),
            );
            let warnings = archive(&zig, &include, &sources, &library)?;
            if !warnings.trim().is_empty() {
                progress(
                    "guests",
                    &format!("overlay built with warnings:\n{}", warnings.trim_end()),
                );
            }
            stamp::write(&out, &library, Some(inputs.hash()))?;
        }
        Ok(Some(Self {
            zig,
            include,
            library,
            inputs,
        }))
    }
}

fn archive(zig: &Zig, include: &Path, sources: &[PathBuf], library: &Path) -> Result<String> {
    let objects = library.with_extension("objects");
    let named = |error: std::io::Error| format!("{}: {error}", objects.display());
    if objects.exists() {
        fs::remove_dir_all(&objects).map_err(named)?;
    }
    fs::create_dir_all(&objects).map_err(named)?;
    if library.exists() {
        fs::remove_file(library).map_err(|error| format!("{}: {error}", library.display()))?;
    }
    let mut warnings = String::new();
    let mut members = Vec::new();
    for source in sources {
        let object = objects.join(stem(source)).with_extension("o");
        let mut command = zig.cc();
        command
            .args(["-c", "-O2", "-Wall", "-Wextra", "-I"])
            .arg(include)
            .arg(source)
            .arg("-o")
            .arg(&object);
        warnings += &capture_both(&mut command, "zig cc")?.1;
        members.push(object);
    }
    capture_both(zig.ar().arg("rcs").arg(library).args(&members), "zig ar")?;
    Ok(warnings)
}

/// The jobs of a family: each program natively and, where there is an overlay, for wasip1.
pub(super) fn jobs(
    project: &Project,
    tools: &Tools,
    overlay: Option<&Overlay>,
    family: &Family,
) -> Result<Vec<Job>> {
    let directory = project.root.join(family.source);
    let sources = files(&directory, Some("c"))?;
    if sources.is_empty() {
        progress("guests", &format!("{}: no programs there", family.source));
        return Ok(Vec::new());
    }
    tools.c_compiler()?;
    if overlay.is_none() {
        progress(
            "guests",
            &format!(
                "{}: guest-libs/c has no sources, so only native builds",
                family.source
            ),
        );
    }
    let mut common = Inputs::default();
    common
        .text(family.optimise)
        .files(&files(&directory, Some("h"))?)?;
    let Family { label, optimise, .. } = *family;
    let out = project.guests();
    let mut jobs = Vec::new();
    for source in sources {
        let name = stem(&source);
        let mut inputs = common.clone();
        inputs.file(&source)?;
        if let Some(overlay) = overlay {
            let output = out.join(family.wasip1).join(format!("{name}.wasm"));
            let (zig, include) = (overlay.zig.clone(), overlay.include.clone());
            let library = overlay.library.clone();
            let (from, to) = (source.clone(), output.clone());
            jobs.push(Job {
                name: format!("{label} {name} wasip1"),
                output,
                inputs: Some(
                    Inputs::clone(&inputs)
                        .text(&overlay.inputs.hash().to_string())
                        .hash(),
                ),
                make: Box::new(move || {
                    let mut command = zig.cc();
                    command.args([optimise, "-Wall", "-I"]).arg(&include).arg(&from);
                    // zig names its libc before our archive, so libc's own send and recv would be taken first.
                    command
                        .arg("-Wl,--whole-archive")
                        .arg(&library)
                        .arg("-Wl,--no-whole-archive");
                    compile(&mut command, &to, "zig cc")
                }),
            });
        }
        let output = out.join(family.native).join(&name);
        let to = output.clone();
        jobs.push(Job {
            name: format!("{label} {name} native"),
            output,
            inputs: Some(inputs.text("native").hash()),
            make: Box::new(move || {
                let mut command = Command::new("cc");
                compile(command.args([optimise, "-Wall"]).arg(&source), &to, "cc")
            }),
        });
    }
    Ok(jobs)
}

/// Compiles to a name of its own and renames, so that a program that is running can be replaced.
fn compile(command: &mut Command, output: &Path, what: &str) -> Result<String> {
    let part = output.with_extension("part");
    let (_, warnings) = capture_both(command.arg("-o").arg(&part), what)?;
    fs::rename(&part, output).map_err(|error| format!("{}: {error}", output.display()))?;
    Ok(warnings)
}
