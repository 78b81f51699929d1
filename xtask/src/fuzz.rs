//! `cargo xtask fuzz`: libFuzzer targets on the stable toolchain, without cargo-fuzz.
//!
//! The targets are the programs of the crate in fuzz/, which is outside the workspace because all it links has to
//! be instrumented. Stable rustc has no `-Zsanitizer`, but LLVM's coverage pass can be asked for by name, and that
//! is all libFuzzer needs. There is no address sanitizer in this: the code under it is safe Rust.

use crate::Result;
use crate::process::{self, progress};
use crate::project::{self, Project};
use crate::tools::Tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What cargo-fuzz passes, less the sanitizer.
const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions --cfg fuzzing";

/// Runs every target for a while.
pub(crate) fn all(project: &Project, tools: &Tools, each: Duration) -> Result<()> {
    let targets = targets(project)?;
    if targets.is_empty() {
        return Err("fuzz/ has no targets".into());
    }
    run(project, tools, &targets, each)
}

/// Runs one target for a while.
pub(crate) fn one(project: &Project, tools: &Tools, name: &str, time: Duration) -> Result<()> {
    let targets = targets(project)?;
    if !targets.iter().any(|target| target == name) {
        return Err(format!(
            "no fuzz target {name}; there are: {}",
            targets.join(", ")
        ));
    }
    run(project, tools, &[name.to_owned()], time)
}

/// The names of the programs in fuzz/, which lie where cargo-fuzz expects them too.
fn targets(project: &Project) -> Result<Vec<String>> {
    let directory = project.root.join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn run(project: &Project, tools: &Tools, names: &[String], time: Duration) -> Result<()> {
    tools.c_compiler()?;
    let programs = build(project)?;
    let mut failures = Vec::new();
    for name in names {
        progress("fuzz", &format!("{name} for {} s", time.as_secs()));
        if let Err(message) = fuzz(project, &programs.join(name), name, time) {
            failures.push(message);
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n\n"))
    }
}

/// Builds all targets and gives the directory they are in.
fn build(project: &Project) -> Result<PathBuf> {
    let host = project::host_triple(project)?;
    let target_dir = project.target.join("fuzz");
    progress("fuzz", "building the targets with coverage instrumentation");
    let mut cargo = project::cargo();
    cargo
        .current_dir(project.root.join("fuzz"))
        .args(["build", "--release", "--bins", "--target", &host]);
    // With --target the flags stay away from build scripts and procedural macros, which could not link.
    cargo
        .arg("--target-dir")
        .arg(&target_dir)
        .env("RUSTFLAGS", RUSTFLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    process::run(&mut cargo, "building the fuzz targets")?;
    Ok(target_dir.join(host).join("release"))
}

fn fuzz(project: &Project, program: &Path, name: &str, time: Duration) -> Result<()> {
    let state = project.target.join("fuzz-state").join(name);
    let (corpus, artifacts) = (state.join("corpus"), state.join("artifacts"));
    for directory in [&corpus, &artifacts] {
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let mut command = Command::new(program);
    command.arg(&corpus);
    // Inputs worth starting from, kept in the repository.
    let seeds = project.root.join("fuzz/seeds").join(name);
    if seeds.is_dir() {
        command.arg(&seeds);
    }
    command.arg(format!("-max_total_time={}", time.as_secs()));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let output = command
        .current_dir(&project.root)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("fuzz target {name}: cannot start {}: {error}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "fuzz target {name} failed ({}); run it again with {} FILE, FILE from {}\n{}",
            output.status,
            program.display(),
            artifacts.display(),
            last_lines(&log, 60)
        ));
    }
    let counters =
        instrumented(&log).ok_or_else(|| format!("fuzz target {name} is not instrumented:\n{log}"))?;
    let runs = final_stat(&log, "number_of_executed_units").unwrap_or(0);
    if runs == 0 {
        return Err(format!("fuzz target {name} executed nothing:\n{log}"));
    }
    progress(
        "fuzz",
        &format!("{name}: {runs} runs, {counters} counters, no crash"),
    );
    Ok(())
}

/// The number of coverage counters that libFuzzer found: `INFO: Loaded 1 modules   (2043 inline 8-bit counters)`.
fn instrumented(log: &str) -> Option<u64> {
    let line = log.lines().find(|line| line.contains("inline 8-bit counters"))?;
    let count = line.split_once('(')?.1.split_once(' ')?.0.parse().ok()?;
    (count > 0).then_some(count)
}

/// The value of one line of `-print_final_stats`: `stat::number_of_executed_units: 1234`.
fn final_stat(log: &str, name: &str) -> Option<u64> {
    let rest = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name))?;
    rest.trim_start_matches(':').trim().parse().ok()
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::{final_stat, instrumented, last_lines};

    const LOG: &str = "INFO: Running with entropic power schedule (0xFF, 100).\n\
        INFO: Loaded 1 modules   (2043 inline 8-bit counters): 2043 [0x55, 0x56), \n\
        stat::number_of_executed_units: 1234\nstat::average_exec_per_sec:     123\n";

    #[test]
    fn instrumentation_and_runs_are_read_from_the_log() {
        assert_eq!(instrumented(LOG), Some(2043));
        assert_eq!(instrumented("INFO: No corpus\n"), None);
        assert_eq!(final_stat(LOG, "number_of_executed_units"), Some(1234));
        assert_eq!(final_stat("", "number_of_executed_units"), None);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_repeated() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
