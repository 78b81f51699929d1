//! Builds the guest programs: the same C source natively, for wasip1 and with emcc, Go for the first two, Rust for wasip1, for wasip2
//! and natively, or for some of them.
//!
//! A guest is built again only when what it is made of changed. What the products are and where they lie:
//! `<target>/guests/{native,wasip1}` (C), `{go,go-native}`, `{rust,rust-native}`, `{component,component-native}`, `overlay` (libguestnet.a),
//! `{examples,examples-native}` (examples/c), `{examples-rust,examples-rust-component,examples-rust-native}` (examples/rust),
//! `{bench-wasip1,bench-native}` (bench/c),
//! `{bench-component,bench-component-native}` (bench/rust), `{bench-go,bench-go-native}` (bench/go), `emscripten-*` (C, one directory a way to link; `emscripten-cpp` is
//! C++) and `native-linux` (guests/linux).

mod c;
mod cpp;
mod emscripten;
mod go;
mod package;
mod programs;
mod rust;
mod stamp;
mod together;

pub(crate) use emscripten::engines;
pub(crate) use package::SOURCE as PACKAGE;

use crate::Result;
use crate::cache;
use crate::process::progress;
use crate::project::Project;
use crate::tools::{Engine, Tools};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A family of guests that can be built by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// guests/c.
    C,
    /// guests/go.
    Go,
    /// guests/rust.
    Rust,
    /// Of guests/rust, what the demonstration shows.
    RustDemo,
    /// examples/c.
    Examples,
    /// examples/rust.
    ExamplesRust,
    /// bench/c.
    Bench,
    /// guests/c with emcc, the way that the developer's loop runs.
    Emscripten,
    /// guests/c with emcc, in all other ways, and a program in C++.
    EmscriptenVariants,
    /// Real programs with emcc.
    Programs,
    /// examples/ with emcc.
    ExamplesEmscripten,
    /// bench/rust.
    BenchRust,
    /// bench/go.
    BenchGo,
    /// bench/c with emcc.
    BenchEmscripten,
    /// bench/c for Isolated Web Apps.
    BenchWeb,
}

impl Kind {
    const ALL: [(&str, Self); 15] = [
        ("c", Self::C),
        ("go", Self::Go),
        ("rust", Self::Rust),
        ("rust-demo", Self::RustDemo),
        ("examples", Self::Examples),
        ("examples-rust", Self::ExamplesRust),
        ("bench", Self::Bench),
        ("emscripten", Self::Emscripten),
        ("emscripten-variants", Self::EmscriptenVariants),
        ("programs", Self::Programs),
        ("examples-emscripten", Self::ExamplesEmscripten),
        ("bench-rust", Self::BenchRust),
        ("bench-go", Self::BenchGo),
        ("bench-emscripten", Self::BenchEmscripten),
        ("bench-web", Self::BenchWeb),
    ];

    /// Parts of others, and what is measured only: built only by name.
    const PARTS: [Self; 3] = [Self::RustDemo, Self::BenchRust, Self::BenchGo];

    /// Those that need Emscripten, which takes its time to fetch: built only by name.
    const EMSCRIPTEN: [Self; 6] = [
        Self::Emscripten,
        Self::EmscriptenVariants,
        Self::Programs,
        Self::ExamplesEmscripten,
        Self::BenchEmscripten,
        Self::BenchWeb,
    ];

    /// The kinds of these names; for no name all that are not built only by name.
    pub(crate) fn parse(names: &[&str]) -> Result<BTreeSet<Self>> {
        if names.is_empty() {
            return Ok(Self::ALL
                .iter()
                .map(|(_, kind)| *kind)
                .filter(|kind| !Self::PARTS.contains(kind) && !Self::EMSCRIPTEN.contains(kind))
                .collect());
        }
        let one = |name: &&str| {
            let found = Self::ALL.iter().find(|(known, _)| known == name);
            found.map(|(_, kind)| *kind).ok_or_else(|| {
                let names = Self::ALL.map(|(name, _)| name).join(", ");
                format!("no such kind of guest: {name}; there are: {names}")
            })
        };
        names.iter().map(one).collect()
    }
}

/// One product and how to make it.
struct Job {
    /// What the progress line calls it: `c tcp_echo wasip1`.
    name: String,
    /// The file it makes.
    output: PathBuf,
    /// A hash of everything it is made from; `None` when the tool that makes it keeps track itself.
    inputs: Option<u64>,
    /// Makes the output; gives the warnings printed on the way.
    make: Box<dyn Fn() -> Result<String> + Send + Sync>,
}

/// Builds the guests of these kinds.
///
/// # Errors
/// Every guest that does not build, after all of them were tried.
pub(crate) fn build(project: &Project, tools: &Tools, kinds: &BTreeSet<Kind>) -> Result<()> {
    let out = project.guests();
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let _lock = cache::lock(&out.join(".lock"), "guests")?;
    let mut jobs = Vec::new();
    // The slowest first, so that none of them is left alone at the end.
    if kinds.contains(&Kind::Go) {
        jobs.extend(go::jobs(project, tools)?);
    }
    if kinds.contains(&Kind::BenchGo) {
        jobs.extend(go::measured(project, tools)?);
    }
    let mut kept = Vec::new();
    if kinds.contains(&Kind::Rust) {
        jobs.extend(rust::jobs(project, tools)?);
    } else if kinds.contains(&Kind::RustDemo) {
        let (shown, others) = rust::demonstrated(project, tools)?;
        jobs.extend(shown);
        kept = others;
    }
    if kinds.contains(&Kind::ExamplesRust) {
        jobs.extend(rust::examples(project, tools)?);
    }
    if kinds.contains(&Kind::BenchRust) {
        jobs.extend(rust::measured(project, tools)?);
    }
    let families = [
        (Kind::C, &c::GUESTS),
        (Kind::Examples, &c::EXAMPLES),
        (Kind::Bench, &c::BENCH),
    ];
    let families = families.map(|(kind, family)| kinds.contains(&kind).then_some(family));
    if families.iter().any(Option::is_some) {
        let overlay = c::Overlay::build(project, tools)?;
        for family in families.into_iter().flatten() {
            jobs.extend(c::jobs(project, tools, overlay.as_ref(), family)?);
        }
    }
    emscripten::engines(project, tools, engines_of(kinds))?;
    let of_emscripten = [
        Kind::Emscripten,
        Kind::EmscriptenVariants,
        Kind::Programs,
        Kind::ExamplesEmscripten,
    ];
    if of_emscripten.iter().any(|kind| kinds.contains(kind)) {
        let package = package::Package::build(project, tools, package::Profile::Debug)?;
        if kinds.contains(&Kind::Emscripten) || kinds.contains(&Kind::EmscriptenVariants) {
            jobs.extend(emscripten::native_jobs(project, tools)?);
        }
        if kinds.contains(&Kind::Programs) {
            jobs.extend(programs::jobs(project, tools, &package)?);
        }
        if kinds.contains(&Kind::ExamplesEmscripten) {
            jobs.extend(emscripten::jobs(project, tools, &package, emscripten::EXAMPLES)?);
        }
        if kinds.contains(&Kind::Emscripten) {
            jobs.extend(emscripten::jobs(project, tools, &package, emscripten::PLAIN)?);
        }
        if kinds.contains(&Kind::EmscriptenVariants) {
            jobs.extend(emscripten::jobs(project, tools, &package, emscripten::VARIANTS)?);
            jobs.extend(cpp::jobs(project, tools, &package)?);
        }
    }
    if kinds.contains(&Kind::BenchEmscripten) {
        let package = package::Package::build(project, tools, package::Profile::Release)?;
        jobs.extend(emscripten::jobs(project, tools, &package, emscripten::BENCH)?);
    }
    if kinds.contains(&Kind::BenchWeb) {
        let package = package::Package::build(project, tools, package::Profile::Debug)?;
        jobs.extend(emscripten::jobs(project, tools, &package, emscripten::BENCH_WEB)?);
    }
    run_all(&out, jobs, &kept)
}

/// The engines that run programs of these kinds.
fn engines_of(kinds: &BTreeSet<Kind>) -> &'static [Engine] {
    let mut chosen = Kind::EMSCRIPTEN.iter().filter(|kind| kinds.contains(kind));
    match chosen.next() {
        None => &[],
        // Nothing in the demonstration needs JSPI on Node.
        Some(Kind::ExamplesEmscripten) if chosen.next().is_none() => {
            &[Engine::Node20, Engine::Deno, Engine::Bun]
        }
        Some(_) => &Engine::ALL,
    }
}

/// Assembles the npm package for release, and returns its directory.
///
/// # Errors
/// When the addon does not build.
pub(crate) fn package(project: &Project, tools: &Tools) -> Result<PathBuf> {
    let package = package::Package::build(project, tools, package::Profile::Release)?;
    Ok(package.directory().to_owned())
}

/// Assembles the npm package for tests: its directory, and what `guestnet-emcc` prints.
///
/// # Errors
/// When the addon does not build.
pub(crate) fn debug_package(project: &Project, tools: &Tools) -> Result<(PathBuf, Vec<String>)> {
    let package = package::Package::build(project, tools, package::Profile::Debug)?;
    Ok((
        package.directory().to_owned(),
        package.flags(&[], package::Platform::Node).to_vec(),
    ))
}

/// Runs the jobs whose inputs changed, as many at once as there are processors. `kept` are products of other jobs.
fn run_all(out: &Path, jobs: Vec<Job>, kept: &[PathBuf]) -> Result<()> {
    let total = jobs.len();
    remove_strays(out, &jobs, kept)?;
    let due: Vec<Job> = jobs
        .into_iter()
        .filter(|job| !stamp::is_current(out, &job.output, job.inputs))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism()
        .map_or(2, std::num::NonZero::get)
        .min(due.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(message) = run_one(out, job)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(message);
                    }
                }
            });
        }
    });
    let failures = failures
        .into_inner()
        .map_err(|_| "a build thread panicked".to_owned())?;
    progress(
        "guests",
        &format!(
            "{total} there, {} of them built now, {} failed",
            due.len(),
            failures.len()
        ),
    );
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n\n"))
    }
}

fn run_one(out: &Path, job: &Job) -> Result<()> {
    progress("guests", &job.name);
    if let Some(directory) = job.output.parent() {
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    match (job.make)() {
        Ok(warnings) => {
            if !warnings.trim().is_empty() {
                progress(
                    "guests",
                    &format!("{} built with warnings:\n{}", job.name, warnings.trim_end()),
                );
            }
            stamp::write(out, &job.output, job.inputs)
        }
        Err(message) => {
            // An old product must not stand in for a source that does not compile.
            drop(fs::remove_file(&job.output));
            Err(format!("guest {}: {message}", job.name))
        }
    }
}

/// Removes products whose source is gone, in the directories that these jobs fill.
fn remove_strays(out: &Path, jobs: &[Job], kept: &[PathBuf]) -> Result<()> {
    // Without their extension: emcc writes a .wasm next to the file that it is asked for.
    let outputs = jobs.iter().map(|job| &job.output).chain(kept);
    let wanted: BTreeSet<PathBuf> = outputs.map(|output| output.with_extension("")).collect();
    let directories: BTreeSet<&Path> = jobs.iter().filter_map(|job| job.output.parent()).collect();
    for directory in directories
        .into_iter()
        .filter(|directory| directory.is_dir() && *directory != out)
    {
        for file in files(directory, None)? {
            if !wanted.contains(&file.with_extension("")) {
                fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// The files of a directory, sorted, with this extension or with any; none when there is no such directory.
fn files(directory: &Path, extension: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = entries(directory)?
        .into_iter()
        .filter(|path| path.is_file())
        .filter(|path| extension.is_none_or(|wanted| path.extension().is_some_and(|have| have == wanted)))
        .collect();
    found.sort();
    Ok(found)
}

/// Every file below a directory, sorted; none when there is no such directory.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let named = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::read_dir(directory)
        .map_err(named)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(named))
        .collect()
}

/// The name of a file without its extension.
fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
