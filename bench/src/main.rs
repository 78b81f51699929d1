//! Measurements: `cargo xtask bench`, with the name of a family: `wasi`, `p2`, `emscripten`, `quickjs`, `web`, `policy` or `containers`.
//!
//! All but the last three: sandboxed programs against the same work done natively and by others, under the same peer, in alternating
//! rounds. What the rows mean and what they must reach is in docs/performance.md. Only the CPU time of the program under
//! test counts, because on a machine with other work the rates of one binary differ several times from run to run. `policy`:
//! what the policy and the cache of names cost, call by call. `containers`: what a container costs, beside runc.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints results"
)]

mod census;
mod containers;
mod contest;
mod dns;
mod embed;
mod emscripten;
mod own;
mod p2;
mod peer;
mod plan;
mod policy;
mod quickjs;
mod run;
mod stats;
mod sys;
mod wasi;
mod web;
mod work;

use std::process::ExitCode;

pub(crate) use plan::{Plan, Result};

const USAGE: &str = "\
Usage: guestnet-bench [wasi|p2|emscripten|quickjs|web|policy|containers] [--rounds N] [ROW]...

  ROW        only rows whose name contains this
  --rounds   how often each side of a row runs (default 9)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((own::ARGUMENT, rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return own::run(rest);
    }
    let Some(plan) = parse(&args) else {
        eprintln!("guestnet-bench: cannot read: {}\n\n{USAGE}", args.join(" "));
        return ExitCode::from(2);
    };
    let mut chosen = FAMILIES
        .iter()
        .filter(|(name, _)| plan.family.is_none_or(|family| family == *name));
    match chosen.try_for_each(|(_, measure)| measure(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("guestnet-bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measurements that belong together.
type Measure = fn(&Plan) -> Result<()>;

const FAMILIES: [(&str, Measure); 7] = [
    ("wasi", wasi::measure),
    ("p2", p2::measure),
    ("emscripten", emscripten::measure),
    ("quickjs", quickjs::measure),
    ("web", web::measure),
    ("policy", policy::measure),
    ("containers", containers::measure),
];

fn parse(args: &[String]) -> Option<Plan> {
    let (family, mut rest) = match args.split_first() {
        None => (None, args),
        Some((family, rest)) => {
            let known = FAMILIES.iter().find(|(name, _)| name == family)?;
            (Some(known.0), rest)
        }
    };
    let mut plan = Plan {
        family,
        rounds: 9,
        rows: Vec::new(),
    };
    while let Some((arg, tail)) = rest.split_first() {
        rest = tail;
        if arg == "--rounds" {
            let (rounds, tail) = rest.split_first()?;
            plan.rounds = rounds.parse().ok().filter(|rounds| *rounds > 0)?;
            rest = tail;
        } else if arg.starts_with('-') {
            return None;
        } else {
            plan.rows.push(arg.clone());
        }
    }
    Some(plan)
}

#[cfg(test)]
mod tests {
    use super::{Plan, parse};

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
    fn what_is_not_understood_is_refused() {
        for bad in [
            &["node"][..],
            &["wasi", "--rounds"],
            &["wasi", "--rounds", "0"],
            &["wasi", "--fast"],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
