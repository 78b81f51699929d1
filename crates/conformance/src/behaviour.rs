//! [`Behaviour`]: one sentence and its proof, and the watchdog that turns a lost wake-up into a failure.

use std::cell::RefCell;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long one behaviour may take before its guest is stopped. Far above what any needs, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something a host must do.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// `file::sentence`, unique.
    pub name: &'static str,
    /// Whether it must have the process for itself, because it looks at all of the process's descriptors.
    pub alone: bool,
    body: fn(),
}

impl Behaviour {
    pub(crate) const fn new(name: &'static str, body: fn()) -> Self {
        Behaviour {
            name,
            alone: false,
            body,
        }
    }

    pub(crate) const fn alone(name: &'static str, body: fn()) -> Self {
        Behaviour {
            name,
            alone: true,
            body,
        }
    }

    /// Shows the behaviour.
    ///
    /// # Panics
    /// If the host does not show it. A wait that never ends is ended after a minute, as a failure.
    pub fn run(&self) {
        let stoppers = Stoppers::default();
        CURRENT.with_borrow_mut(|current| *current = Arc::clone(&stoppers));
        let (done, ended) = channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                for stop in stoppers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    stop();
                }
                return true;
            }
            false
        });
        let body = self.body;
        let outcome = std::panic::catch_unwind(body);
        drop(done);
        let overdue = watchdog.join().unwrap_or(false);
        CURRENT.take();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        assert!(
            !overdue,
            "it took longer than {PATIENCE:?}, and its guest was stopped"
        );
    }
}

type Stoppers = Arc<Mutex<Vec<Box<dyn Fn() + Send>>>>;

thread_local! {
    static CURRENT: RefCell<Stoppers> = RefCell::default();
}

/// Puts a guest under the watchdog of the behaviour that runs on this thread.
pub(crate) fn watch(stop: Box<dyn Fn() + Send>) {
    CURRENT.with_borrow(|stoppers| stoppers.lock().unwrap_or_else(PoisonError::into_inner).push(stop));
}

/// Lists the behaviours of a module: each name is a function's, so that a forgotten one is dead code.
macro_rules! behaviours {
    ($module:literal: $($(#[$alone:ident])? $name:ident,)*) => {
        pub(crate) fn behaviours<M: $crate::MakeHost>() -> Vec<$crate::Behaviour> {
            vec![$($crate::behaviour::one!($($alone)? concat!($module, "::", stringify!($name)), $name::<M>),)*]
        }
    };
}

macro_rules! one {
    (alone $name:expr, $body:expr) => {
        $crate::Behaviour::alone($name, $body)
    };
    ($name:expr, $body:expr) => {
        $crate::Behaviour::new($name, $body)
    };
}

pub(crate) use {behaviours, one};
