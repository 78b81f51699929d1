//! What ends a run from outside of the guest: a signal, or `--timeout`. One thread waits for one of them, or for the guest's own
//! end, and another one has the guest.

use std::io::PipeReader;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use guestnet::GuestHandle;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::failure::{SIGNALLED, TIMEOUT};
use crate::signals::{Signal, Signals, Verdict};
use crate::units::Timeout;

/// How long a guest may take to stop. It is over at once unless it is in a call of a file system that
/// cannot be interrupted, such as opening a FIFO without a writer, or in a long loop of a script's engine itself, such
/// as joining an array of a thousand million elements.
const GRACE: Duration = Duration::from_secs(1);

/// Why a run was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    Signal(Signal),
    Timeout(Timeout),
}

impl StopReason {
    /// The exit code: as timeout(1) has it, and as shells count signals.
    pub(crate) fn code(&self) -> i32 {
        match self {
            StopReason::Signal(signal) => SIGNALLED + signal.number(),
            StopReason::Timeout(_) => TIMEOUT,
        }
    }
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StopReason::Signal(signal) => write!(f, "stopped: {}", signal.name()),
            StopReason::Timeout(timeout) => write!(f, "stopped: --timeout {} is over", timeout.written),
        }
    }
}

/// A guest that Ctrl-C does not end at once.
pub(crate) trait Interruptible: std::fmt::Debug + Send {
    /// SIGINT came, and `verdict` is what it means otherwise. Returns whether the guest goes on, as it does where only a part
    /// of what it does was ended.
    fn interrupt(&self, verdict: Verdict) -> bool;
}

impl<T: Interruptible + Sync> Interruptible for std::sync::Arc<T> {
    fn interrupt(&self, verdict: Verdict) -> bool {
        (**self).interrupt(verdict)
    }
}

/// Waits for the end of a guest, and for what ends it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) signals: Signals,
    /// Its other end is the guest's, which closes it when it ends, however it ends.
    pub(crate) ended: PipeReader,
    pub(crate) handle: GuestHandle,
    /// `None` for a guest that SIGINT ends.
    pub(crate) interruptible: Option<Box<dyn Interruptible>>,
}

/// What a wait brought.
enum Event {
    Ended,
    Signal(Signal, Verdict),
    Late,
}

impl Watch {
    /// Waits until the guest has ended, and stops it at a signal or when the time is over. Returns why it was stopped,
    /// if it was, and whether it has ended: a second signal, or a guest that does not stop, is not waited for.
    pub(crate) fn wait(&self, timeout: Option<Timeout>) -> (Option<StopReason>, bool) {
        let deadline = timeout
            .as_ref()
            .and_then(|timeout| Instant::now().checked_add(timeout.duration));
        let reason = loop {
            let event = match (self.event(deadline), &self.interruptible) {
                (Event::Signal(Signal::Interrupt, verdict), Some(guest)) => {
                    let verdict = if guest.interrupt(verdict) {
                        Verdict::GoOn
                    } else {
                        Verdict::End
                    };
                    Event::Signal(Signal::Interrupt, verdict)
                }
                (event, _) => event,
            };
            match (event, &timeout) {
                (Event::Signal(_, Verdict::GoOn), _) => {}
                (Event::Signal(signal, Verdict::End), _) => break StopReason::Signal(signal),
                (Event::Late, Some(timeout)) => break StopReason::Timeout(timeout.clone()),
                (Event::Late, None) | (Event::Ended, _) => return (None, true),
            }
        };
        self.handle.stop();
        let ended = matches!(self.event(Instant::now().checked_add(GRACE)), Event::Ended);
        (Some(reason), ended)
    }

    /// The descriptors that this owns or uses, and its signals' handlers.
    pub(crate) fn descriptors(&self) -> Vec<RawFd> {
        let mut descriptors = self.signals.descriptors();
        descriptors.extend([self.ended.as_raw_fd(), self.handle.stop_fd().as_raw_fd()]);
        descriptors
    }

    fn event(&self, deadline: Option<Instant>) -> Event {
        let mut fds = vec![PollFd::from_borrowed_fd(self.ended.as_fd(), PollFlags::IN)];
        fds.extend(
            self.signals
                .pipes
                .iter()
                .map(|(_, pipe)| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)),
        );
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let ready = poll(
                &mut fds,
                left.and_then(|left| Timespec::try_from(left).ok()).as_ref(),
            );
            if ready == Err(rustix::io::Errno::INTR) {
                continue;
            }
            let [ended, signals @ ..] = fds.as_slice() else {
                return Event::Ended;
            };
            if !ended.revents().is_empty() {
                return Event::Ended;
            }
            let signal = signals
                .iter()
                .zip(&self.signals.pipes)
                .find(|(fd, _)| !fd.revents().is_empty());
            if let Some((_, (signal, pipe))) = signal {
                return Event::Signal(*signal, self.signals.take(*signal, pipe));
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Event::Late;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::pipe;

    fn watch(signals: Vec<(Signal, PipeReader)>, ended: PipeReader) -> Watch {
        let guest = guestnet::Options::new().wasi_parts().unwrap();
        Watch {
            signals: Signals::of_pipes(signals),
            ended,
            handle: guest.handle,
            interruptible: None,
        }
    }

    #[test]
    fn a_guest_that_ends_first_was_not_stopped() {
        let (ended, guest) = pipe().unwrap();
        drop(guest);
        assert_eq!(watch(Vec::new(), ended).wait(None), (None, true));
    }

    #[test]
    fn a_signal_stops_the_guest_and_a_second_one_is_not_kept_waiting() {
        let (ended, _guest) = pipe().unwrap();
        let (interrupts, mut handler) = pipe().unwrap();
        std::io::Write::write_all(&mut handler, &[0, 0]).unwrap();
        let watch = watch(vec![(Signal::Interrupt, interrupts)], ended);
        let (reason, ended) = watch.wait(None);
        assert!(!ended);
        assert_eq!(reason.unwrap().code(), 130);
        // Both were taken: the wait for the guest's end was ended by the second one and not by the grace.
        drop(handler);
        let [(_, interrupts)] = watch.signals.pipes.as_slice() else {
            panic!("one pipe")
        };
        let (mut interrupts, mut left) = (interrupts, Vec::new());
        std::io::Read::read_to_end(&mut interrupts, &mut left).unwrap();
        assert_eq!(left, []);
    }

    #[test]
    fn the_time_is_over_for_a_guest_that_goes_on() {
        let (ended, _guest) = pipe().unwrap();
        let timeout = Timeout {
            duration: Duration::from_millis(1),
            written: "1ms".to_owned(),
        };
        let (reason, ended) = watch(Vec::new(), ended).wait(Some(timeout));
        let reason = reason.unwrap();
        assert_eq!((reason.code(), ended), (124, false));
        assert_eq!(reason.to_string(), "stopped: --timeout 1ms is over");
    }

    #[test]
    fn sigterm_has_the_code_that_shells_give_it() {
        assert_eq!(StopReason::Signal(Signal::Terminate).code(), 143);
    }
}
