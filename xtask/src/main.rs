//! Developer tasks: `cargo xtask test`, `demo`, `bench`, and what they are made of.
//!
//! This crate knows tools and processes. It does not depend on any other crate of the workspace, so that it
//! compiles in seconds and can report that the others do not compile.
#![expect(
    clippy::print_stdout,
    reason = "progress and results on stdout are what this program is for"
)]
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

mod bench;
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
mod soak;
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
  bench            everything that is measured, into docs/benchmarks.md: half an hour on an idle machine
  bench FAMILY [--rounds N] [--write] [ROW]...
                   one of wasi, p2, emscripten, quickjs, web, policy, apps and containers (needs root), or its rows whose
                   names contain ROW; with --write into docs/benchmarks.md
  soak scale [--seconds N] [--write] [ROW]...
                   many guests, many connections, and connections that come and go: what is left after an hour
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
                   emscripten, emscripten-variants, programs, examples-emscripten, bench-rust, bench-go, bench-emscripten or
                   bench-web
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
    /// What takes an hour.
    Soak {
        which: soak::Which<'a>,
    },
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
        ["soak", rest @ ..] => Command::Soak {
            which: soak::Which::parse(rest)?,
        },
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
        Command::Bench { names } => bench::run(&project, &tools, names),
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
        Command::Soak { which } => soak::run(&project, &tools, which),
        Command::Tools => tools.all(),
    }
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
