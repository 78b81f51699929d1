//! `cargo xtask mutants`: cargo-mutants over what decides and counts, with the tests of the core and of conformance.
//!
//! Each mutant is a small change of the code that the tests ought to notice. Those that they cannot notice are listed in
//! `xtask/mutants.txt`, with the reason; another one that survives is an error, and so is a listed one that does not. Not a part of
//! `cargo xtask test`: it compiles the tests once for each mutant, which takes an hour or two.

use crate::Result;
use crate::process::{self, progress};
use crate::project::{self, Project};
use crate::tools::Tools;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the limits and the policy are decided.
const FILES: [&str; 6] = [
    "crates/core/src/gate.rs",
    "crates/core/src/quota.rs",
    "crates/core/src/capacity.rs",
    "crates/core/src/limits.rs",
    "crates/core/src/socket/metered.rs",
    "crates/core/src/policy/*.rs",
];

/// How much of all mutants must be caught, in percent.
const CAUGHT: usize = 95;

/// The survivors that are known: a mutant's name as cargo-mutants prints it, without its place, and the reason.
const KNOWN: &str = include_str!("../mutants.txt");

/// Runs them; `which` are parts of the names of mutants, none of them for all.
///
/// # Errors
/// When one survives that is not listed, or fewer are caught than must be.
pub(crate) fn run(project: &Project, tools: &Tools, which: &[&str]) -> Result<()> {
    let program = tools.cargo_mutants()?;
    let output = project.target.join("mutants");
    fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let host = project::host_triple(project)?;
    progress(
        "mutants",
        &format!("on {host}; the results go to {}", output.display()),
    );
    let mut command = std::process::Command::new(program);
    command
        .current_dir(&project.root)
        .args([
            "mutants",
            "--package",
            "guestnet-core",
            "--no-shuffle",
            "--colors",
            "never",
            "--jobs",
            "2",
            "--output",
        ])
        .arg(&output)
        .args(["--test-package", "guestnet-core,guestnet-conformance"])
        .args(["--minimum-test-timeout", "60"])
        // Incremental builds make each mutant a matter of seconds; what the policy's fuzzers try at length is not needed.
        .env("CARGO_INCREMENTAL", "1")
        .env_remove("CARGO_TARGET_DIR");
    for file in FILES {
        command.args(["--file", file]);
    }
    for part in which {
        command.args(["--re", part]);
    }
    command.args(["--", "--lib", "--tests"]);
    // It exits with 2 and 3 for mutants that survive and that hang, which the lists show better.
    let outcome = process::run(&mut command, "cargo mutants");
    let read = |name: &str| names(&output.join("mutants.out").join(name));
    let (missed, caught, timeout) = (read("missed.txt")?, read("caught.txt")?, read("timeout.txt")?);
    if missed.len() + caught.len() + timeout.len() == 0 {
        outcome?;
        return Err("no mutant was tried".into());
    }
    judge(&missed, caught.len() + timeout.len(), which.is_empty())
}

fn judge(missed: &[String], caught: usize, all: bool) -> Result<()> {
    let known: BTreeSet<&str> = KNOWN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" -- ").map(|(name, _)| name))
        .collect();
    let seen: BTreeSet<&str> = missed.iter().map(|line| without_place(line)).collect();
    let tried = missed.len() + caught;
    let percent = caught * 100 / tried.max(1);
    progress(
        "mutants",
        &format!(
            "{tried} tried, {caught} caught, {} survived: {percent} %",
            missed.len()
        ),
    );
    let unknown: Vec<&str> = seen.difference(&known).copied().collect();
    if !unknown.is_empty() {
        return Err(format!(
            "these survive, and xtask/mutants.txt does not say why:\n{}",
            unknown.join("\n")
        ));
    }
    if all {
        let gone: Vec<&str> = known.difference(&seen).copied().collect();
        if !gone.is_empty() {
            return Err(format!(
                "these stand in xtask/mutants.txt and do not survive:\n{}",
                gone.join("\n")
            ));
        }
        if percent < CAUGHT {
            return Err(format!("only {percent} % are caught, and {CAUGHT} % must be"));
        }
    }
    Ok(())
}

/// A mutant's name without the line and column, which every change of the file moves.
fn without_place(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, name)| name)
}

fn names(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_survivor_has_a_reason() {
        for line in KNOWN
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let reason = line.split_once(" -- ").map(|(_, reason)| reason);
            assert!(reason.is_some_and(|reason| reason.len() > 10), "{line}");
        }
    }

    #[test]
    fn a_survivor_that_is_not_listed_is_an_error_and_so_is_too_few_caught() {
        let unknown = ["src/a.rs:1:2: replace f with ()".to_owned()];
        assert!(
            judge(&unknown, 99, false)
                .unwrap_err()
                .contains("\nreplace f with ()")
        );
        assert!(judge(&[], 1, false).is_ok());
        assert_eq!(
            without_place("src/a.rs:1:2: replace f -> g: h"),
            "replace f -> g: h"
        );
    }
}
