//! `cargo xtask test`: every check of the repository, in an order that shows cheap mistakes first.
//!
//! A step that fails does not stop the others; all failures are repeated at the end, and the last line counts
//! tests.

mod circles;
mod dependencies;
mod layers;
mod package;
mod sizes;
mod tally;
mod types;
mod wasm;

use crate::guests::{self, Kind};
use crate::image;
use crate::process::{self, progress};
use crate::project::Project;
use crate::tools::Tools;
use crate::{Result, fuzz, guard};
use std::cell::RefCell;
use std::process::Command;
use std::time::{Duration, Instant};
use tally::Tally;

/// How long each fuzz target runs as a part of the tests: enough to find a target that is broken, not a bug hunt.
const FUZZ_SMOKE: Duration = Duration::from_secs(10);

/// Which steps to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which<'a> {
    /// All of them.
    All,
    /// Those of the developer's loop.
    Quick,
    /// The one of this name.
    Step(&'a str),
}

/// What a run has to do and what it has counted.
struct Run<'a> {
    project: &'a Project,
    tools: &'a Tools,
    quick: bool,
    tally: RefCell<Tally>,
}

/// One check.
struct Step {
    name: &'static str,
    /// Whether `--quick` includes it.
    quick: bool,
    check: fn(&Run) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "formatting",
        quick: true,
        check: |run| cargo(run, &["fmt", "--all", "--check"], &[]),
    },
    Step {
        name: "file sizes",
        quick: true,
        check: |run| sizes::check(&run.project.root),
    },
    Step {
        name: "layering",
        quick: true,
        check: |run| layers::check(&run.project.root),
    },
    Step {
        name: "circles",
        quick: true,
        check: |run| circles::check(&run.project.root),
    },
    Step {
        name: "licences and sources",
        quick: false,
        check: |run| dependencies::check(&run.project.root),
    },
    Step {
        name: "spelling",
        quick: false,
        check: spelling,
    },
    Step {
        name: "clippy",
        quick: true,
        check: |run| {
            cargo(
                run,
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--keep-going",
                    "--",
                    "-D",
                    "warnings",
                ],
                &[],
            )
        },
    },
    Step {
        name: "documentation",
        quick: false,
        check: |run| {
            cargo(
                run,
                &["doc", "--workspace", "--no-deps", "--keep-going"],
                &[("RUSTDOCFLAGS", "-D warnings")],
            )
        },
    },
    Step {
        name: "types",
        quick: false,
        check: |run| types::check(run.project, run.tools),
    },
    Step {
        name: "without a system",
        quick: false,
        check: |run| wasm::check(run.project, run.tools),
    },
    Step {
        name: "guests",
        quick: true,
        check: |run| {
            let kinds = ["c", "go", "rust", "examples", "examples-rust", "bench"];
            guests::build(run.project, run.tools, &Kind::parse(&kinds)?)
        },
    },
    Step {
        name: "emscripten guests",
        quick: false,
        check: |run| {
            let kinds = [
                "emscripten",
                "emscripten-variants",
                "programs",
                "examples-emscripten",
            ];
            guests::build(run.project, run.tools, &Kind::parse(&kinds)?)
        },
    },
    Step {
        name: "npm package",
        quick: false,
        check: |run| package::check(run.project, run.tools),
    },
    Step {
        name: "build",
        quick: true,
        check: build,
    },
    Step {
        name: "container image",
        quick: false,
        check: |run| image::assemble(run.project, image::Profile::Debug).map(drop),
    },
    Step {
        name: "real peers",
        quick: false,
        check: |run| run.tools.peers().and_then(|()| run.tools.browser()),
    },
    Step {
        name: "tests",
        quick: true,
        check: tests,
    },
    Step {
        name: "instructions",
        quick: false,
        check: |run| guard::run(run.project, run.tools, false),
    },
    Step {
        name: "fuzz smoke",
        quick: false,
        check: |run| fuzz::all(run.project, run.tools, FUZZ_SMOKE),
    },
    Step {
        name: "lock files",
        quick: false,
        check: |run| dependencies::lock_files(&run.project.root),
    },
];

/// Runs the steps.
///
/// # Errors
/// When a step failed. The last line on stdout is `N passed, N failed`.
pub(crate) fn run(project: &Project, tools: &Tools, which: Which) -> Result<()> {
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| match which {
            Which::All => true,
            Which::Quick => step.quick,
            Which::Step(name) => step.name == name,
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("no such step; there are: {}", names.join(", ")));
    }
    let run = Run {
        project,
        tools,
        quick: which == Which::Quick,
        tally: RefCell::default(),
    };
    let began = Instant::now();
    let mut failures = Vec::new();
    for step in chosen {
        progress("test", &format!("== {} ==", step.name));
        let step_began = Instant::now();
        let failed_before = run.tally.borrow().failed;
        let outcome = (step.check)(&run);
        let seconds = step_began.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => progress("test", &format!("{}: ok in {seconds:.1} s", step.name)),
            Err(message) => {
                progress(
                    "test",
                    &format!("{}: FAILED in {seconds:.1} s\n{message}", step.name),
                );
                let mut tally = run.tally.borrow_mut();
                // A step that breaks before it can count tests must not read as "0 failed".
                if tally.failed == failed_before {
                    tally.failed += 1;
                }
                failures.push((step.name, message));
            }
        }
    }
    for (name, message) in &failures {
        println!("\n--- {name} failed ---\n{message}");
    }
    println!();
    progress("test", &format!("done in {:.0} s", began.elapsed().as_secs_f64()));
    let names: Vec<&str> = failures.iter().map(|(name, _)| *name).collect();
    if !names.is_empty() {
        println!("failed steps: {}", names.join(", "));
    }
    let tally = run.tally.borrow();
    if tally.ignored > 0 {
        println!("{} ignored", tally.ignored);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if names.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", names.join(", ")))
    }
}

fn cargo(run: &Run, args: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let mut command = run.project.cargo();
    command.args(args).envs(environment.iter().copied());
    process::run(
        &mut command,
        &format!("cargo {}", args.first().copied().unwrap_or_default()),
    )
}

/// Builds the tests and, since its own tests run it, the `guestnet` that the matrix runs. A `cargo build` of that
/// package alone would choose other features for its dependencies, and compile Wasmtime a second time.
fn build(run: &Run) -> Result<()> {
    cargo(run, &["test", "--workspace", "--no-run"], &[])?;
    // The command with a defect in it, for `attacks::confine`: only the crate itself is compiled again, as the whole
    // workspace chooses the features here too.
    let planted = [
        "build",
        "--workspace",
        "--example",
        "planted-bug",
        "--features",
        "guestnet-cli/planted-bug",
    ];
    cargo(run, &planted, &[])?;
    let program = run.project.guestnet("debug");
    if program.exists() {
        Ok(())
    } else {
        Err(format!("{} was not built", program.display()))
    }
}

fn spelling(run: &Run) -> Result<()> {
    process::run(
        Command::new(run.tools.typos()?).current_dir(&run.project.root),
        "typos",
    )
}

/// Parts of the names of tests that the developer's loop leaves out: those with real servers or a browser, and the columns of
/// Emscripten.
const SLOW: [&str; 18] = [
    "redis",
    "dnsmasq",
    "mariadb",
    "mosquitto",
    "nginx",
    "postgres",
    "curl",
    "socat",
    "systemd",
    "containerd",
    "chromium_",
    "chromium-",
    "web_page",
    "web_worker",
    "web_pthread",
    "many_threads",
    "emscripten-",
    "every_engine",
];

/// The unit tests, the matrix of guests and, in a full run, documentation tests and the real peers.
///
/// A test that needs a real server has the server's name in its own.
fn tests(run: &Run) -> Result<()> {
    let mut command = run.project.cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("GUESTNET_BIN", run.project.guestnet("debug"));
    if run.quick {
        command.args(["--lib", "--bins", "--tests", "--"]);
        command.args(SLOW.iter().flat_map(|name| ["--skip", name]));
    }
    let tally = run.tally.borrow().clone();
    let (outcome, tally) = tally::counted(&mut command, "cargo test", tally);
    let none = tally.passed == run.tally.borrow().passed;
    *run.tally.borrow_mut() = tally;
    outcome?;
    if none {
        Err("cargo test ran no test at all".into())
    } else {
        Ok(())
    }
}
