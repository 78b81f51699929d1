//! Measurements: `cargo xtask bench`, with the name of a family or all of them, and `cargo xtask soak scale`.
//!
//! Most families run sandboxed programs against the same work done natively and by others, under the same peer, in alternating
//! rounds. How that is done and why rows miss their bars is in docs/performance.md. Only the CPU time of the program under
//! test counts, because on a machine with other work the rates of one binary differ several times from run to run.
//!
//! A family reports its rows ([`report`]), which are kept in a file for each family ([`files`]); docs/benchmarks.md and its plots are made from these
//! files ([`page`]).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints results"
)]

mod apps;
mod bars;
mod bulk;
mod census;
mod containers;
mod contest;
mod dns;
mod embed;
mod emscripten;
mod families;
mod files;
mod many;
mod own;
mod p2;
mod page;
mod peer;
mod plan;
mod plot;
mod policy;
mod quickjs;
mod record;
mod report;
mod resident;
mod run;
mod server;
mod soak;
mod stats;
mod sys;
mod usage;
mod wasi;
mod web;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) use plan::{Plan, Result};
use report::Report;

const USAGE: &str = "\
Usage: guestnet-bench [FAMILY] [--rounds N] [--json DIR] [ROW]...
       guestnet-bench soak [--seconds N] [--json DIR] [ROW]...
       guestnet-bench render [DIR]

  FAMILY     wasi, p2, emscripten, quickjs, web, policy, apps or containers; all of them by default
  ROW        only rows whose name contains this
  --rounds   how often each side of a row runs (default 9)
  --seconds  how long the soak takes (default 3600)
  --json     writes the figures into files in DIR, a family each; rows that are not measured stay as they are
  render     makes DIR.md and the plots in DIR from the files in DIR (default docs/benchmarks)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some((own::ARGUMENT, rest)) => return own::run(rest),
        Some((many::ARGUMENT, rest)) => many::run(rest),
        Some((resident::ARGUMENT, rest)) => resident::run(rest),
        Some(("render", [])) => {
            page::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks"))
        }
        Some(("render", [directory])) => page::write(Path::new(directory)),
        _ => match parse(&args) {
            Some(plan) => measure(&plan),
            None => {
                eprintln!("guestnet-bench: cannot read: {}\n\n{USAGE}", args.join(" "));
                return ExitCode::from(2);
            }
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("guestnet-bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measurements that belong together.
type Measure = fn(&Plan, &mut Report) -> Result<()>;

/// The soak is the last, and measured only by its name.
const FAMILIES: [(&str, Measure); 9] = [
    ("wasi", wasi::measure),
    ("p2", p2::measure),
    ("emscripten", emscripten::measure),
    ("quickjs", quickjs::measure),
    ("web", web::measure),
    ("policy", policy::measure),
    ("apps", apps::measure),
    ("containers", containers::measure),
    ("soak", soak::measure),
];

/// Measures the families of a plan. One that fails does not stop the others, and what it has measured before is kept.
fn measure(plan: &Plan) -> Result<()> {
    let mut failures = Vec::new();
    for (name, family) in FAMILIES {
        if plan.family.map_or(name == "soak", |family| family != name) {
            continue;
        }
        let mut report = Report::new(name, if name == "soak" { 0 } else { plan.rounds });
        // On a thread of its own: a family chooses a processor for it, and for all that it starts.
        let outcome = std::thread::scope(|scope| {
            let thread = scope.spawn(|| family(plan, &mut report));
            thread.join().unwrap_or_else(|_| Err("panicked".into()))
        });
        let (record, failed) = report.finish();
        let written = match &plan.json {
            Some(directory) if !record.rows.is_empty() => files::write(&record, directory),
            _ => Ok(()),
        };
        let failed = failed.into_iter().chain(outcome.err()).chain(written.err());
        failures.extend(failed.map(|message| format!("{name}: {message}")));
        println!();
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!("failed:\n{}", failures.join("\n")))
    }
}

fn parse(args: &[String]) -> Option<Plan> {
    let (family, mut rest) = match args.split_first() {
        Some((family, rest)) if !family.starts_with('-') => {
            let known = FAMILIES.iter().find(|(name, _)| name == family)?;
            (Some(known.0), rest)
        }
        _ => (None, args),
    };
    let mut plan = Plan {
        family,
        rounds: 9,
        soak: Duration::from_hours(1),
        json: None,
        rows: Vec::new(),
    };
    while let Some((arg, tail)) = rest.split_first() {
        rest = tail;
        if !arg.starts_with('-') {
            plan.rows.push(arg.clone());
            continue;
        }
        let (value, tail) = rest.split_first()?;
        rest = tail;
        match arg.as_str() {
            "--rounds" => plan.rounds = value.parse().ok().filter(|rounds| *rounds > 0)?,
            "--seconds" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0)?;
                plan.soak = Duration::from_secs(seconds);
            }
            "--json" => plan.json = Some(PathBuf::from(value)),
            _ => return None,
        }
    }
    Some(plan)
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, Plan, families, parse};
    use std::path::PathBuf;
    use std::time::Duration;

    fn read(args: &[&str]) -> Option<Plan> {
        parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn rows_and_rounds_are_read() {
        let plan = read(&["wasi", "--rounds", "3", "udp"]).expect("readable");
        assert_eq!((plan.rounds, plan.rows.len()), (3, 1));
        assert!(plan.has("UDP: udp send") && !plan.has("tcp"));
        assert!(read(&["wasi"]).expect("readable").has("anything"));
        assert_eq!(read(&["policy"]).expect("readable").family, Some("policy"));
        assert_eq!(read(&[]).expect("readable").family, None);
    }

    #[test]
    fn where_the_figures_go_and_how_long_the_soak_takes_is_read() {
        let plan = read(&["--json", "figures", "--rounds", "2"]).expect("readable");
        assert_eq!((plan.family, plan.rounds), (None, 2));
        assert_eq!(plan.json, Some(PathBuf::from("figures")));
        let plan = read(&["soak", "--seconds", "20"]).expect("readable");
        assert_eq!((plan.family, plan.soak), (Some("soak"), Duration::from_secs(20)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            &["node"][..],
            &["wasi", "--rounds"],
            &["wasi", "--rounds", "0"],
            &["soak", "--seconds", "0"],
            &["wasi", "--fast"],
            &["wasi", "--fast", "1"],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_family_that_is_measured_is_on_the_page() {
        let measured = FAMILIES.map(|(name, _)| name);
        assert_eq!(measured, families::FAMILIES.map(|family| family.name));
    }
}
