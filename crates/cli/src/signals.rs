//! SIGINT and SIGTERM as something that poll(2) can wait for.

use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What service managers and kill(1) send.
    Terminate,
}

impl Signal {
    const ALL: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

    pub(crate) fn number(self) -> i32 {
        match self {
            Signal::Interrupt => SIGINT,
            Signal::Terminate => SIGTERM,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }
}

/// A pipe for each signal; its handler writes a byte.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) pipes: Vec<(Signal, PipeReader)>,
}

impl Signals {
    /// Takes the signals over. One that the process was started to ignore, as a shell does with SIGINT for what runs
    /// in the background, stays ignored.
    pub(crate) fn new() -> Result<Signals, Failure> {
        let failed = |error: std::io::Error| Failure::failed(format!("cannot take over signals: {error}"));
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let mut pipes = Vec::new();
        for signal in Signal::ALL {
            if ignored & (1 << (signal.number() - 1)) != 0 {
                continue;
            }
            let (reader, writer) = pipe().map_err(failed)?;
            signal_hook::low_level::pipe::register(signal.number(), OwnedFd::from(writer)).map_err(failed)?;
            pipes.push((signal, reader));
        }
        Ok(Signals { pipes })
    }

    /// Takes one signal out of its pipe, which is readable.
    pub(crate) fn take(mut pipe: &PipeReader) {
        // poll(2) said that there is one; a spurious wake-up would only be a signal that came twice.
        let _ = pipe.read(&mut [0]);
    }
}

/// The ignored signals in the text of /proc/PID/status (proc(5)): bit 0 is signal 1. None if it does not say.
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let mask =
            ignored("Name:\tguestnet\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001002\nSigCgt:\t0\n");
        assert_eq!(mask & (1 << (SIGINT - 1)), 2);
        assert_eq!(mask & (1 << (SIGTERM - 1)), 0);
        assert_eq!(ignored(""), 0);
    }
}
