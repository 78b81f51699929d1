//! What Ctrl-C does to a session at a terminal: it interrupts a line that runs, and the next one ends the process if the
//! prompt is not back by then.
//!
//! At the prompt Ctrl-C is a key that the line editor reads, and no signal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use guestnet::quickjs::SessionHandle;

use crate::signals::Verdict;
use crate::stop::Interruptible;

/// What a session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has no prompt yet, or what it does was interrupted before: the next interruption ends it.
    Ending,
    /// It waits for a line.
    Prompt,
    /// A line runs.
    Line,
}

/// Interrupts the lines of a session.
#[derive(Debug)]
pub(crate) struct Interrupter {
    phase: Mutex<Phase>,
    session: SessionHandle,
}

impl Interrupter {
    /// For a session that has no prompt yet.
    pub(crate) fn new(session: SessionHandle) -> Self {
        Interrupter {
            phase: Mutex::new(Phase::Ending),
            session,
        }
    }

    /// The prompt is there, or comes back.
    pub(crate) fn at_prompt(&self) {
        *self.lock() = Phase::Prompt;
    }

    /// A line was typed.
    pub(crate) fn at_line(&self) {
        *self.lock() = Phase::Line;
    }

    /// Whether the line was interrupted.
    pub(crate) fn is_interrupted(&self) -> bool {
        *self.lock() == Phase::Ending
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interruptible for Interrupter {
    fn interrupt(&self, verdict: Verdict) -> bool {
        let mut phase = self.lock();
        match *phase {
            Phase::Ending => false,
            Phase::Prompt => true,
            Phase::Line => {
                *phase = Phase::Ending;
                // A script that handles the signal has the first one.
                if verdict == Verdict::End {
                    self.session.interrupt();
                }
                true
            }
        }
    }
}
