//! `cargo xtask guard`: how many instructions the calls take that guests make most, against what `guard/counts.txt` says.
//!
//! Times on a busy machine differ by more than a defect makes; instructions do not differ at all. valgrind's callgrind counts
//! them, in user mode: what the kernel does for a call is not ours to make slower. A count that is more than [`TOLERANCE`] off is
//! an error in both directions: a change that is meant writes the file anew (`--accept`), and its author sees by how much.

use crate::Result;
use crate::process::{self, capture, progress};
use crate::project::Project;
use crate::tools::Tools;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Of a count, in thousandths.
const TOLERANCE: u64 = 20;

/// A slowdown that the guard must notice, in thousandths.
const PLANTED: u64 = 50;

/// The path that it is planted in.
const PLANTED_IN: &str = "udp send of 64 bytes";

/// Turns of an empty loop that are too few to be noticed, to learn what one costs.
const FEW: u64 = 4;

/// What is counted (`guard/src/main.rs`).
const COUNTED: &str = "--toggle-collect=*guestnet_guard::measured*";

/// The C library's functions for any processor, and not those for the one that is there.
const ONE_LIBC: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

const COUNTS: &str = "guard/counts.txt";

const HEAD: &str =
    "# Instructions a call, counted by `cargo xtask guard`; written by `cargo xtask guard --accept`.\n";

/// A path and the instructions of one call.
type Count = (String, u64);

/// Counts, and compares; with `accept` writes the file instead.
///
/// # Errors
/// Names each path that is off, and by how much.
pub(crate) fn run(project: &Project, tools: &Tools, accept: bool) -> Result<()> {
    tools.valgrind()?;
    let mut cargo = project.cargo();
    cargo.args(["build", "--profile", "guard", "-p", "guestnet-guard"]);
    process::run(&mut cargo, "cargo build of guestnet-guard")?;
    let program = project.target.join("guard/guestnet-guard");
    let (times, paths) = paths(&program)?;
    let counter = Counter {
        program: &program,
        output: &project.target.join("guard/callgrind.out"),
        times,
    };
    let counts = paths
        .iter()
        .map(|path| Ok((path.clone(), counter.count(path, 0)?)))
        .collect::<Result<Vec<Count>>>()?;
    let file = project.root.join(COUNTS);
    if accept {
        progress("guard", &format!("writing {COUNTS}"));
        return fs::write(&file, written(&counts)).map_err(|error| format!("{COUNTS}: {error}"));
    }
    let text = fs::read_to_string(&file).map_err(|error| format!("{COUNTS}: {error}"))?;
    let known = read(&text)?;
    compare(&known, &counts)?;
    notices(&counter, &known)
}

/// How often the program makes each call, and which calls it has.
fn paths(program: &Path) -> Result<(u64, Vec<String>)> {
    // Without a path it says what there is, and fails.
    let output = Command::new(program)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines().map(str::to_owned);
    let times = lines.next().and_then(|times| times.parse().ok());
    let times = times.ok_or("guestnet-guard does not say how often it makes a call")?;
    Ok((times, lines.collect()))
}

struct Counter<'a> {
    program: &'a Path,
    output: &'a Path,
    times: u64,
}

impl Counter<'_> {
    /// The instructions of one call, with so many turns of an empty loop before it.
    fn count(&self, path: &str, planted: u64) -> Result<u64> {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .env("GLIBC_TUNABLES", ONE_LIBC)
            .args(["--tool=callgrind", "--collect-atstart=no", COUNTED])
            .arg(format!("--callgrind-out-file={}", self.output.display()))
            .arg(self.program)
            .args([path, &planted.to_string()]);
        capture(&mut valgrind, "valgrind")?;
        let text =
            fs::read_to_string(self.output).map_err(|error| format!("{}: {error}", self.output.display()))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        let total = total.and_then(|total| total.trim().parse::<u64>().ok());
        match total {
            Some(total) if total > 0 => Ok(total / self.times),
            _ => Err(format!("callgrind has counted nothing of {path:?}")),
        }
    }
}

/// A slowdown that is planted must be an error, or the comparison is worth nothing.
fn notices(counter: &Counter, known: &[Count]) -> Result<()> {
    let of = |planted| counter.count(PLANTED_IN, planted);
    let plain = of(0)?;
    let turn = of(FEW)?.saturating_sub(plain).div_ceil(FEW).max(1);
    let planted = of((plain * PLANTED).div_ceil(1000 * turn))?;
    match compare(known, &[(PLANTED_IN.to_owned(), planted)]) {
        Err(_) => {
            progress(
                "guard",
                &format!("{PLANTED_IN}: a planted slowdown, to {planted}, is noticed"),
            );
            Ok(())
        }
        Ok(()) => Err(format!(
            "{planted} instructions for {PLANTED_IN} instead of {plain} were not noticed"
        )),
    }
}

/// Compares what was counted with what is known.
fn compare(known: &[Count], counted: &[Count]) -> Result<()> {
    let mut off = String::new();
    for (path, count) in counted {
        let Some((_, before)) = known.iter().find(|(known, _)| known == path) else {
            let _ = writeln!(off, "{path}: {count}, and {COUNTS} does not have it");
            continue;
        };
        progress(
            "guard",
            &format!("{path}: {count} instructions, known are {before}"),
        );
        if count.abs_diff(*before) * 1000 > before * TOLERANCE {
            let _ = writeln!(off, "{path}: {count} instructions instead of {before}");
        }
    }
    if off.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{off}A change that is meant to do this writes the counts anew: cargo xtask guard --accept"
        ))
    }
}

fn written(counts: &[Count]) -> String {
    let lines = counts.iter().map(|(path, count)| format!("{count:>6}  {path}\n"));
    std::iter::once(HEAD.to_owned()).chain(lines).collect()
}

fn read(text: &str) -> Result<Vec<Count>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (count, path) = line.trim_start().split_once("  ").unwrap_or_default();
            match count.parse() {
                Ok(count) => Ok((path.to_owned(), count)),
                Err(_) => Err(format!("{COUNTS}: {line:?} is no count and a path")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(numbers: [u64; 2]) -> Vec<Count> {
        ["send", "receive"]
            .map(str::to_owned)
            .into_iter()
            .zip(numbers)
            .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let counts = counts([321, 72_505]);
        assert_eq!(read(&written(&counts)), Ok(counts));
    }

    #[test]
    fn two_percent_are_nothing_and_more_is_an_error_in_both_directions() {
        let known = counts([1000, 1000]);
        assert_eq!(compare(&known, &counts([1020, 980])), Ok(()));
        for off in [[1021, 1000], [1000, 979]] {
            assert!(compare(&known, &counts(off)).is_err(), "{off:?}");
        }
    }

    #[test]
    fn a_path_that_is_not_known_is_an_error() {
        assert!(compare(&counts([1, 1])[..1], &counts([1, 1])).is_err());
    }
}
