//! [`SessionHandle`]: what other threads do to a script that is typed line by line.
//!
//! Not here: what the script does about it (`interactive.rs`, `turn.rs`).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle on a script that is typed line by line, for other threads. It may outlive the script, and does nothing then.
#[derive(Clone)]
pub struct SessionHandle(Arc<Shared>);

struct Shared {
    /// Ends the host's current wait or its next one.
    wake_host: Box<dyn Fn() + Send + Sync>,
    interrupted: AtomicBool,
    /// Held while the host is woken, so that no wake-up comes after it was taken back.
    wait: Mutex<Wait>,
}

#[derive(Debug, Default)]
struct Wait {
    /// The event loop waits.
    waiting: bool,
    /// It shall not wait, once.
    woken: bool,
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("interrupted", &self.0.interrupted)
            .field("wait", &self.0.wait)
            .finish_non_exhaustive()
    }
}

impl SessionHandle {
    pub(crate) fn new(wake_host: Box<dyn Fn() + Send + Sync>) -> Self {
        SessionHandle(Arc::new(Shared {
            wake_host,
            interrupted: AtomicBool::new(false),
            wait: Mutex::default(),
        }))
    }

    /// Has [`Script::run_until`](crate::Script::run_until) ask whether it is over. No call of the script is disturbed: only
    /// the wait of the event loop ends.
    pub fn wake(&self) {
        let mut wait = self.lock();
        wait.woken = true;
        if wait.waiting {
            (self.0.wake_host)();
        }
    }

    /// Interrupts what the script does: the [`Script::evaluate`](crate::Script::evaluate) that runs returns
    /// [`Evaluation::Interrupted`](crate::Evaluation::Interrupted), and in
    /// [`Script::run_until`](crate::Script::run_until) the handler that runs ends. No `catch` and no `finally` of the script
    /// runs. What the line has begun, or the one that has begun the handler, ends with it: its timers and handlers, and all that
    /// awaits something there. What other lines have begun goes on, and what the script has in its variables stays. An async
    /// function of another line ends too if it was about to go on at that very moment, and all that another line has begun if a
    /// handler of it was running.
    ///
    /// A long loop of the engine itself, such as joining an array of a thousand million elements, goes on to its end.
    pub fn interrupt(&self) {
        let _wait = self.lock();
        self.0.interrupted.store(true, Ordering::Relaxed);
        (self.0.wake_host)();
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Ordering::Relaxed)
    }

    /// Takes an interruption back: the script has ended what it did. `resume` has the host wait again.
    pub(crate) fn end_interruption(&self, resume: impl FnOnce()) {
        let _wait = self.lock();
        self.0.interrupted.store(false, Ordering::Relaxed);
        resume();
    }

    /// The event loop is about to wait; `false` if it must not.
    pub(crate) fn begin_wait(&self) -> bool {
        let mut wait = self.lock();
        let woken = std::mem::take(&mut wait.woken);
        wait.waiting = !woken;
        !woken
    }

    /// The event loop waits no more. `resume` has the host wait again where it was woken.
    pub(crate) fn end_wait(&self, resume: impl FnOnce()) {
        let mut wait = self.lock();
        wait.waiting = false;
        if std::mem::take(&mut wait.woken) && !self.is_interrupted() {
            resume();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wait> {
        self.0.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
