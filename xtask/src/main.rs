//! Developer tasks: `cargo xtask test`, `demo`, `bench`, and what they are made of.
//!
//! This crate knows tools and processes. It does not depend on any other crate of the workspace, so that it
//! compiles in seconds and can report that the others do not compile.
#![expect(
    clippy::print_stdout,
    reason = "progress and results on stdout are what this program is for"
)]
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

mod cache;
mod demo;
mod fuzz;
mod guard;
mod guests;
mod image;
mod mutants;
mod process;
mod project;
mod sanitize;
mod test;
mod tools;

use std::process::ExitCode;
use std::time::Duration;
use test::Which;

/// Failures are sentences for the person who typed the command; nothing here handles one by kind.
pub(crate) type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [--quick]   every check and every test; with --quick the developer's loop:
                   formatting, clippy, unit tests, and the guests without real servers
  test --step NAME one step of it, by the name that its progress line has
  demo             guests in C, Go, Rust and JavaScript on real sockets, against real servers: a table; takes some 12
                   minutes the first time
  bench [NAME]...  ratios against native C and against others; NAME is wasi, p2, emscripten, quickjs, web, policy or
                   containers (needs root), followed by parts of rows' names
  soak web         the tests of Isolated Web Apps with long transfers, and what depends on luck many times
  soak component   connections that come and go through one component, for an hour or $GUESTNET_SOAK_SECONDS
  fuzz [TARGET] [--seconds N]
                   run one fuzz target, or all of them, for N seconds each (default: 60)
  guard [--accept] the instructions of the calls that guests make most, against guard/counts.txt; --accept writes that file
  sanitize         the tests of scripts under AddressSanitizer: the engine's C, and the Rust around it
  mutants [PART]...
                   small changes of what decides and counts, each of which a test of the core or of conformance must
                   notice; PART is a part of a mutant's name
  guests [KIND]... build the guest programs; KIND is c, go, rust, examples, examples-rust, bench (default: these), rust-demo,
                   emscripten, emscripten-variants, programs, examples-emscripten, bench-rust, bench-emscripten or bench-web
  image [--debug]  the container image of guestnet; prints where it is
  package          the npm package with its addon, for release; prints where it is
  tools            fetch every tool that the other commands need

Fetched tools are kept in $GUESTNET_CACHE, by default ~/.cache/guestnet.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(command) = parse(&args) else {
        eprintln!("xtask: cannot read: {}\n\n{USAGE}", args.join(" "));
        return ExitCode::from(2);
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Help,
    Demo,
    Test {
        which: test::Which<'a>,
    },
    Bench {
        names: &'a [&'a str],
    },
    Fuzz {
        target: Option<&'a str>,
        time: Duration,
    },
    Guard {
        accept: bool,
    },
    Guests {
        kinds: &'a [&'a str],
    },
    Image {
        profile: image::Profile,
    },
    Mutants {
        which: &'a [&'a str],
    },
    Package,
    Sanitize,
    /// The long test of components.
    SoakComponent,
    /// The long tests of Isolated Web Apps.
    SoakWeb,
    Tools,
}

fn parse<'a>(args: &'a [&'a str]) -> Option<Command<'a>> {
    Some(match args {
        [] | ["help" | "--help" | "-h"] => Command::Help,
        ["demo"] => Command::Demo,
        ["test"] => Command::Test { which: Which::All },
        ["test", "--quick"] => Command::Test { which: Which::Quick },
        ["test", "--step", name] => Command::Test {
            which: Which::Step(name),
        },
        ["bench", names @ ..] => Command::Bench { names },
        ["fuzz", rest @ ..] => {
            let (target, rest) = match rest {
                [target, rest @ ..] if !target.starts_with("--") => (Some(*target), rest),
                rest => (None, rest),
            };
            let seconds = match rest {
                [] => 60,
                ["--seconds", seconds] => seconds.parse().ok()?,
                _ => return None,
            };
            Command::Fuzz {
                target,
                time: Duration::from_secs(seconds),
            }
        }
        ["guard"] => Command::Guard { accept: false },
        ["guard", "--accept"] => Command::Guard { accept: true },
        ["guests", kinds @ ..] => Command::Guests { kinds },
        ["image"] => Command::Image {
            profile: image::Profile::Release,
        },
        ["image", "--debug"] => Command::Image {
            profile: image::Profile::Debug,
        },
        ["mutants", which @ ..] => Command::Mutants { which },
        ["package"] => Command::Package,
        ["sanitize"] => Command::Sanitize,
        ["soak", "component"] => Command::SoakComponent,
        ["soak", "web"] => Command::SoakWeb,
        ["tools"] => Command::Tools,
        _ => return None,
    })
}

fn run(command: Command) -> Result<()> {
    if command == Command::Help {
        println!("{USAGE}");
        return Ok(());
    }
    let project = project::Project::find()?;
    let tools = tools::Tools::new(&project)?;
    match command {
        Command::Help => Ok(()),
        Command::Demo => demo::run(&project, &tools),
        Command::Test { which } => test::run(&project, &tools, which),
        Command::Bench { names } => bench(&project, &tools, names),
        Command::Fuzz {
            target: Some(name),
            time,
        } => fuzz::one(&project, &tools, name, time),
        Command::Fuzz { target: None, time } => fuzz::all(&project, &tools, time),
        Command::Guard { accept } => guard::run(&project, &tools, accept),
        Command::Guests { kinds } => guests::build(&project, &tools, &guests::Kind::parse(kinds)?),
        Command::Image { profile } => {
            println!("{}", image::build(&project, &tools, profile)?.display());
            Ok(())
        }
        Command::Mutants { which } => mutants::run(&project, &tools, which),
        Command::Package => {
            println!("{}", guests::package(&project, &tools)?.display());
            Ok(())
        }
        Command::Sanitize => sanitize::run(&project, &tools),
        Command::SoakComponent => soak_component(&project, &tools),
        Command::SoakWeb => soak_web(&project, &tools),
        Command::Tools => tools.all(),
    }
}

/// The measurements are a package of their own; this makes sure of what they run.
fn bench(project: &project::Project, tools: &tools::Tools, names: &[&str]) -> Result<()> {
    if !project.root.join("bench/Cargo.toml").exists() {
        return Err("there is no bench/ in this tree".into());
    }
    let family = names.first().copied();
    let mut kinds = vec!["bench"];
    if family.is_none_or(|family| family == "p2") {
        kinds.push("bench-rust");
    }
    if family.is_none_or(|family| family == "emscripten") {
        kinds.push("bench-emscripten");
    }
    if family.is_none_or(|family| family == "web") {
        tools.browser()?;
        kinds.push("bench-web");
    }
    let containers = family.is_none_or(|family| family == "containers");
    if containers {
        tools.containers()?;
        kinds.extend(["examples", "go"]);
    }
    guests::build(project, tools, &guests::Kind::parse(&kinds)?)?;
    if family.is_none_or(|family| ["emscripten", "quickjs"].contains(&family)) {
        guests::engines(project, tools, &tools::Engine::ALL)?;
    }
    process::progress("bench", "building guestnet and the measurements for release");
    // Together: each by itself would choose other features of their dependencies, and compile Wasmtime once more.
    let mut cargo = project.cargo();
    cargo.args(["build", "--release", "-p", "guestnet-cli", "-p", "guestnet-bench"]);
    if containers {
        cargo.args(["-p", "guestnet-shim"]);
    }
    process::run(&mut cargo, "cargo build")?;
    let mut command = std::process::Command::new(project.target.join("release/guestnet-bench"));
    command
        .current_dir(&project.root)
        .args(names)
        .env("GUESTNET_BIN", project.guestnet("release"))
        .env("GUESTNET_GUESTS", project.guests())
        .env("GUESTNET_ENGINES", project.engines());
    process::run(&mut command, "guestnet-bench")
}

/// What CI does with some thousand connections, for an hour: what is left of them in the end.
fn soak_component(project: &project::Project, tools: &tools::Tools) -> Result<()> {
    const SECONDS: &str = "GUESTNET_SOAK_SECONDS";
    guests::build(project, tools, &guests::Kind::parse(&["rust"])?)?;
    build_command(project)?;
    let seconds = std::env::var(SECONDS).unwrap_or_else(|_| "3600".to_owned());
    process::progress(
        "soak",
        &format!("connections through a component, for {seconds} s"),
    );
    run_suite(
        project,
        "component",
        &["churn", "--nocapture"],
        (SECONDS, &seconds),
    )
}

/// What CI has no time for: the browser's sockets with 1 GiB each way, and every guest that runs in an Isolated Web App again and again.
fn soak_web(project: &project::Project, tools: &tools::Tools) -> Result<()> {
    const TIMES: usize = 10;
    tools.browser()?;
    let kinds = ["c", "emscripten", "emscripten-variants"];
    guests::build(project, tools, &guests::Kind::parse(&kinds)?)?;
    build_command(project)?;
    let test = |suite, rest| run_suite(project, suite, rest, ("GUESTNET_SOAK", "1"));
    for round in 1..=TIMES {
        process::progress("soak", &format!("the guests, {round} of {TIMES}"));
        test("matrix", &["chromium"])?;
        test("web", &[])?;
    }
    process::progress("soak", "the browser's sockets, with long transfers");
    test("chromium", &[])
}

/// The command that [`run_suite`] tests.
fn build_command(project: &project::Project) -> Result<()> {
    process::run(
        project.cargo().args(["build", "-p", "guestnet-cli"]),
        "cargo build",
    )
}

/// Runs one suite of tests with a variable in its environment. `rest` is for the suite itself.
fn run_suite(project: &project::Project, suite: &str, rest: &[&str], variable: (&str, &str)) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["test", "-p", "guestnet-tests", "--test", suite, "--"]);
    cargo
        .args(rest)
        .env("GUESTNET_BIN", project.guestnet("debug"))
        .envs([variable]);
    process::run(&mut cargo, suite)
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};
    use crate::test::Which;
    use std::time::Duration;

    #[test]
    fn commands_are_read_with_their_options() {
        assert_eq!(
            parse(&["test", "--quick"]),
            Some(Command::Test { which: Which::Quick })
        );
        assert_eq!(
            parse(&["fuzz", "addr", "--seconds", "5"]),
            Some(Command::Fuzz {
                target: Some("addr"),
                time: Duration::from_secs(5)
            })
        );
        assert_eq!(
            parse(&["fuzz"]),
            Some(Command::Fuzz {
                target: None,
                time: Duration::from_secs(60)
            })
        );
        assert_eq!(
            parse(&["guests", "c", "go"]),
            Some(Command::Guests { kinds: &["c", "go"] })
        );
    }

    #[test]
    fn what_is_not_a_command_is_refused_and_not_guessed() {
        for bad in [
            &["tests"][..],
            &["test", "-quick"],
            &["fuzz", "--seconds"],
            &["fuzz", "a", "b"],
            &["tools", "x"],
            &["image", "--release"],
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
