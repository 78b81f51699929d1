//! What the programs under test are given to do, and what they print.

use crate::Result;
use crate::peer::Peer;
use crate::run::{Outcome, Work};

/// How much work one run of a program does: about half a second natively.
pub(crate) const BULK: u64 = 1 << 30;
pub(crate) const ECHOES: u64 = 30_000;
pub(crate) const ACCEPTS: u64 = 10_000;
pub(crate) const DATAGRAMS: u64 = 100_000;

/// A program whose last argument says how much it does.
pub(crate) fn work(program: &'static str, args: &[&str], count: u64, peer: Peer) -> Work {
    let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    args.push(count.to_string());
    Work { program, args, peer }
}

/// What a program printed.
pub(crate) fn numbers(outcome: &Outcome) -> Result<Vec<u64>> {
    let words = outcome.printed.split_whitespace();
    words
        .map(|word| word.parse().map_err(|_| format!("not a number: {word:?}")))
        .collect()
}
