//! The signals of the process as something that poll(2) can wait for, and what a script may do with them.
//!
//! SIGINT and SIGTERM end every run. A script may handle them too, which is offered to it once: the next of either ends
//! it, so that no script makes itself unkillable. SIGHUP, SIGUSR1 and SIGUSR2 are left to the kernel until a script asks
//! for them. No other signal is a script's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guestnet::core::Errno;
use guestnet::quickjs::SignalAction;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::low_level;

use crate::failure::Failure;

/// A signal that may mean something to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    /// The terminal is gone; to daemons, "read your configuration again".
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// Means what the program says.
    User1,
    /// As above.
    User2,
    /// What service managers and kill(1) send.
    Terminate,
}

impl Signal {
    /// Those that end a run.
    const ENDING: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];
    /// Those that are taken over when a script asks for them.
    const ASKED_FOR: [Signal; 3] = [Signal::Hangup, Signal::User1, Signal::User2];

    pub(crate) fn number(self) -> i32 {
        match self {
            Signal::Hangup => SIGHUP,
            Signal::Interrupt => SIGINT,
            Signal::User1 => SIGUSR1,
            Signal::User2 => SIGUSR2,
            Signal::Terminate => SIGTERM,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Hangup => "SIGHUP",
            Signal::Interrupt => "SIGINT",
            Signal::User1 => "SIGUSR1",
            Signal::User2 => "SIGUSR2",
            Signal::Terminate => "SIGTERM",
        }
    }

    /// The signal of a number, if it is one that a script may handle.
    fn of(number: i32) -> Option<Signal> {
        let mut all = Signal::ENDING.into_iter().chain(Signal::ASKED_FOR);
        all.find(|signal| signal.number() == number)
    }

    fn ends(self) -> bool {
        Signal::ENDING.contains(&self)
    }
}

/// A pipe for each signal; its handler writes a byte.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) pipes: Vec<(Signal, PipeReader)>,
    /// What the handlers of those that end a run write to.
    writers: Vec<RawFd>,
    /// What a script has asked for; `None` for a guest that cannot ask.
    script: Option<Arc<SignalRequests>>,
}

/// What is to be done about a signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The run ends.
    End,
    /// The script has it, or has said that it does not want it.
    GoOn,
}

impl Signals {
    /// Takes over the signals that end a run. One that the process was started to ignore, as a shell does with SIGINT
    /// for what runs in the background, stays ignored.
    ///
    /// # Errors
    /// One sentence on what the system refused.
    pub(crate) fn new() -> Result<Signals, Failure> {
        Signals::but(ignored_at_start())
    }

    /// As [`Signals::new`], but for these.
    fn but(ignored: u64) -> Result<Signals, Failure> {
        let (mut pipes, mut writers) = (Vec::new(), Vec::new());
        for signal in not_in(ignored, &Signal::ENDING) {
            let (reader, writer) = pipe().map_err(failed)?;
            writers.push(writer.as_raw_fd());
            take_over(signal, writer).map_err(failed)?;
            pipes.push((signal, reader));
        }
        Ok(Signals {
            pipes,
            writers,
            script: None,
        })
    }

    /// The signals that were taken over from the start.
    pub(crate) fn numbers(&self) -> Vec<i32> {
        let ending = self.pipes.iter().filter(|(signal, _)| signal.ends());
        ending.map(|(signal, _)| signal.number()).collect()
    }

    /// The descriptors that this owns, and those of the handlers of [`Signals::numbers`].
    pub(crate) fn descriptors(&self) -> Vec<RawFd> {
        let mut descriptors = self.writers.clone();
        descriptors.extend(self.pipes.iter().map(|(_, pipe)| pipe.as_raw_fd()));
        if let Some(requests) = &self.script {
            descriptors.push(requests.to_script.as_raw_fd());
            descriptors.extend(requests.writers.values().map(AsRawFd::as_raw_fd));
        }
        descriptors
    }

    /// As [`Signals::new`], for a script: its requests, and where it reads the numbers of signals.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn of_script() -> Result<(Signals, Arc<SignalRequests>, PipeReader), Failure> {
        let ignored = ignored_at_start();
        let mut signals = Signals::but(ignored)?;
        let mut writers = BTreeMap::new();
        for signal in not_in(ignored, &Signal::ASKED_FOR) {
            let (reader, writer) = pipe().map_err(failed)?;
            signals.pipes.push((signal, reader));
            writers.insert(signal, writer);
        }
        let (numbers, to_script) = pipe().map_err(failed)?;
        // A script that does not read loses signals, as it does that has one pending already, and delays no other thread.
        rustix::io::ioctl_fionbio(&to_script, true).map_err(|errno| failed(errno.into()))?;
        let requests = Arc::new(SignalRequests {
            state: Mutex::default(),
            writers,
            to_script,
        });
        signals.script = Some(Arc::clone(&requests));
        Ok((signals, requests, numbers))
    }

    /// Takes one signal out of its pipe, which is readable, and judges it.
    pub(crate) fn take(&self, signal: Signal, mut pipe: &PipeReader) -> Verdict {
        // poll(2) said that there is one; a spurious wake-up would only be a signal that came twice.
        let _ = pipe.read(&mut [0]);
        match &self.script {
            Some(requests) => requests.judge(signal),
            None => Verdict::End,
        }
    }
}

/// What a script has asked for.
#[derive(Debug)]
pub(crate) struct SignalRequests {
    state: Mutex<RequestState>,
    /// The pipes' ends of what a script must ask for. Kept open: a pipe without any would look as if a signal had come.
    writers: BTreeMap<Signal, PipeWriter>,
    to_script: PipeWriter,
}

#[derive(Debug, Default)]
struct RequestState {
    actions: BTreeMap<Signal, SignalAction>,
    /// Those of the pipes that have a handler.
    taken: BTreeSet<Signal>,
    /// A signal that ends runs went to the script: the next one does not.
    warned: bool,
}

impl SignalRequests {
    /// Does what a script asks with `os.signal`.
    ///
    /// # Errors
    /// `EINVAL`: the signal is not a script's; or what the system refused.
    pub(crate) fn set(&self, number: i32, action: SignalAction) -> Result<(), Errno> {
        let signal = Signal::of(number).ok_or(Errno::EINVAL)?;
        let mut state = self.lock();
        if action != SignalAction::Default
            && !state.taken.contains(&signal)
            && let Some(writer) = self.writers.get(&signal)
        {
            let writer = writer.try_clone().map_err(|_| Errno::EMFILE)?;
            take_over(signal, writer).map_err(|_| Errno::EINVAL)?;
            state.taken.insert(signal);
        }
        state.actions.insert(signal, action);
        Ok(())
    }

    fn judge(&self, signal: Signal) -> Verdict {
        let mut state = self.lock();
        let action = state.actions.get(&signal).copied();
        match action.unwrap_or(SignalAction::Default) {
            SignalAction::Default => {
                drop(state);
                if !signal.ends() {
                    // The kernel's own default; it ends the process.
                    let _ = low_level::emulate_default_handler(signal.number());
                }
                return Verdict::End;
            }
            SignalAction::Ignore | SignalAction::Deliver if signal.ends() && state.warned => {
                return Verdict::End;
            }
            SignalAction::Ignore => {}
            SignalAction::Deliver => {
                let number = u8::try_from(signal.number()).unwrap_or(0);
                // Full, or the script has ended: it is lost.
                let _ = (&self.to_script).write(&[number]);
            }
        }
        state.warned |= signal.ends();
        Verdict::GoOn
    }

    fn lock(&self) -> MutexGuard<'_, RequestState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::failed(format!("cannot take over signals: {error}"))
}

fn take_over(signal: Signal, writer: PipeWriter) -> std::io::Result<()> {
    low_level::pipe::register(signal.number(), OwnedFd::from(writer)).map(drop)
}

/// Those that are not in a mask.
fn not_in(mask: u64, signals: &[Signal]) -> impl Iterator<Item = Signal> {
    signals
        .iter()
        .copied()
        .filter(move |signal| mask & (1 << (signal.number() - 1)) == 0)
}

/// The signals that the process was started to ignore.
fn ignored_at_start() -> u64 {
    ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// The ignored signals in the text of /proc/PID/status (proc(5)): bit 0 is signal 1. None if it does not say.
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
impl Signals {
    /// Pipes of a test, without any handler.
    pub(crate) fn of_pipes(pipes: Vec<(Signal, PipeReader)>) -> Signals {
        Signals {
            pipes,
            writers: Vec::new(),
            script: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> (SignalRequests, PipeReader) {
        let (numbers, to_script) = pipe().unwrap();
        let requests = SignalRequests {
            state: Mutex::default(),
            writers: BTreeMap::new(),
            to_script,
        };
        (requests, numbers)
    }

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let mask =
            ignored("Name:\tguestnet\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001002\nSigCgt:\t0\n");
        assert_eq!(mask & (1 << (SIGINT - 1)), 2);
        assert_eq!(mask & (1 << (SIGTERM - 1)), 0);
        assert_eq!(ignored(""), 0);
    }

    #[test]
    fn a_script_has_the_first_signal_that_ends_and_no_second_one_of_either_kind() {
        for action in [SignalAction::Deliver, SignalAction::Ignore] {
            let (requests, mut numbers) = requests();
            assert_eq!(requests.judge(Signal::Interrupt), Verdict::End);
            requests.set(SIGINT, action).unwrap();
            requests.set(SIGTERM, action).unwrap();
            requests.set(SIGUSR1, action).unwrap();
            for _ in 0..3 {
                assert_eq!(requests.judge(Signal::User1), Verdict::GoOn);
            }
            assert_eq!(requests.judge(Signal::Terminate), Verdict::GoOn);
            assert_eq!(requests.judge(Signal::User1), Verdict::GoOn);
            assert_eq!(requests.judge(Signal::Interrupt), Verdict::End);
            assert_eq!(requests.judge(Signal::Terminate), Verdict::End);
            // Asking again changes nothing.
            requests.set(SIGINT, action).unwrap();
            assert_eq!(requests.judge(Signal::Interrupt), Verdict::End);
            drop(requests);
            let mut got = Vec::new();
            numbers.read_to_end(&mut got).unwrap();
            let (usr1, term) = (SIGUSR1.try_into().unwrap(), SIGTERM.try_into().unwrap());
            let expected = [usr1, usr1, usr1, term, usr1];
            match action {
                SignalAction::Deliver => assert_eq!(got, expected),
                SignalAction::Ignore | SignalAction::Default => assert_eq!(got, []),
            }
        }
    }

    #[test]
    fn no_other_signal_is_a_scripts() {
        let (requests, _numbers) = requests();
        for number in (-1..70).chain([i32::MIN, i32::MAX]) {
            let allowed = [SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM].contains(&number);
            for action in [SignalAction::Deliver, SignalAction::Ignore, SignalAction::Default] {
                let expected = if allowed { Ok(()) } else { Err(Errno::EINVAL) };
                assert_eq!(requests.set(number, action), expected, "{number}");
            }
        }
    }
}
