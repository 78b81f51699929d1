//! Runs a guest, and says how it ended. Not here: what ends it from outside (`stop.rs`).

use std::io::pipe;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use guestnet::{End, Etc, GuestHandle};
use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};
use rustix::thread::gettid;

use crate::assemble;
use crate::ending::end;
use crate::engine::{GUEST_STACK, HOST_STACK};
use crate::failure::Failure;
use crate::run_args::RunArgs;
use crate::signals::Signals;
use crate::stop::{Interruptible, StopReason, Watch};
use crate::trust;
use crate::units::Timeout;

/// Of the main thread's stack, what arguments, variables and the functions up to the guest take, in bytes.
const STACK_BEFORE: u64 = 1 << 20;

/// What is needed to end a guest from outside.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) signals: Signals,
    pub(crate) handle: GuestHandle,
    pub(crate) timeout: Option<Timeout>,
    /// `None` for a guest that SIGINT ends.
    pub(crate) interruptible: Option<Box<dyn Interruptible>>,
    /// The size of the guest's stack, in bytes.
    pub(crate) stack: usize,
}

/// How the guest's thread ended; `None`: it did not.
type Ended = Option<thread::Result<Result<End, Failure>>>;

impl Supervisor {
    /// For a module or a component, which SIGINT ends.
    ///
    /// # Errors
    /// One sentence: signals cannot be received.
    pub(crate) fn of_wasm(handle: GuestHandle, timeout: Option<Timeout>) -> Result<Self, Failure> {
        Ok(Supervisor {
            signals: Signals::new()?,
            handle,
            timeout,
            interruptible: None,
            stack: GUEST_STACK + HOST_STACK,
        })
    }

    /// Runs a guest on a thread of its own, ends it at a signal or when its time is over, and returns the exit code.
    ///
    /// # Errors
    /// One sentence on how it ended, if not by itself.
    pub(crate) fn run(
        self,
        guest: impl FnOnce() -> Result<End, Failure> + Send + 'static,
    ) -> Result<i32, Failure> {
        assemble::start_metrics(&self.handle)?;
        let (ended, ends) = pipe().map_err(no_thread)?;
        let watch = Watch {
            signals: self.signals,
            ended,
            handle: self.handle,
            interruptible: self.interruptible,
        };
        let guest = thread::Builder::new()
            .name("guest".to_owned())
            .stack_size(self.stack)
            .spawn(move || {
                // Closed when the thread ends, after a panic too.
                let _ends = ends;
                guest()
            })
            .map_err(no_thread)?;
        let (reason, ended) = watch.wait(self.timeout);
        // A guest that does not end is left to the end of the process.
        outcome(ended.then(|| guest.join()), reason)
    }

    /// As [`Supervisor::run`], but on this thread, if it is the main one and nothing else needs descriptors: the guest's calls then
    /// have the process's table of descriptors for themselves, which makes each some 50 ns shorter. `etc` is dropped when the guest
    /// has ended, or does not.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn run_alone(
        self,
        sharers: Sharers,
        etc: Option<Etc>,
        guest: impl FnOnce() -> Result<End, Failure> + Send + 'static,
    ) -> Result<i32, Failure> {
        let on_main_thread = gettid() == getpid();
        if sharers.any || !on_main_thread || !has_stack(self.stack) {
            let code = self.run(guest);
            drop(etc);
            return code;
        }
        let (ended, ends) = pipe().map_err(no_thread)?;
        let numbers = self.signals.numbers();
        let watch = Watch {
            signals: self.signals,
            ended,
            handle: self.handle,
            interruptible: self.interruptible,
        };
        let timeout = self.timeout;
        let watching = thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                trust::leave_guest_descriptors(&watch.descriptors());
                let (reason, ended) = watch.wait(timeout);
                drop(etc);
                if !ended {
                    // The main thread does not come back.
                    std::process::exit(end(outcome(None, reason)));
                }
                reason
            })
            .map_err(no_thread)?;
        // One that a script asks for later has its handler's descriptors in this thread's table.
        trust::block_signals(&numbers);
        // A panic is reported as that of a thread would be.
        let end = catch_unwind(AssertUnwindSafe(guest));
        drop(ends);
        outcome(Some(end), watching.join().unwrap_or(None))
    }
}

/// Whether other threads of the process need its descriptors, or may when the guest hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharers {
    any: bool,
}

impl Sharers {
    /// What writes or answers beside the guest.
    pub(crate) fn of(args: &RunArgs) -> Sharers {
        Sharers {
            any: args.metrics.is_some() || args.audit.is_some() || args.trace.is_some(),
        }
    }
}

/// Whether the main thread's stack may grow so far. The kernel reads the limit when it grows, and leaves 128 MiB for that
/// whatever the limit was at the start.
fn has_stack(guest: usize) -> bool {
    let needed = u64::try_from(guest)
        .unwrap_or(u64::MAX)
        .saturating_add(STACK_BEFORE);
    let Rlimit { current, maximum } = getrlimit(Resource::Stack);
    if current.is_none_or(|current| current >= needed) {
        return true;
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    maximum.is_none_or(|maximum| maximum >= needed) && setrlimit(Resource::Stack, raised).is_ok()
}

fn no_thread(error: std::io::Error) -> Failure {
    Failure::failed(format!("cannot start the guest's thread: {error}"))
}

/// The exit code of a guest that ended so, or was stopped for that reason.
///
/// # Errors
/// One sentence on how it ended, if not by itself.
fn outcome(ended: Ended, reason: Option<StopReason>) -> Result<i32, Failure> {
    match (ended, reason) {
        (Some(Err(_)), _) => Err(Failure::failed(
            "guestnet itself failed, which is a bug of guestnet; see the lines above",
        )),
        (Some(Ok(Err(failure))), _) => Err(failure),
        (Some(Ok(Ok(End::Exit(code)))), _) => Ok(code),
        (Some(Ok(Ok(End::Stop))) | None, Some(reason)) => Err(Failure {
            code: reason.code(),
            message: reason.to_string(),
        }),
        (Some(Ok(Ok(End::Stop))) | None, None) => {
            Err(Failure::failed("the guest was stopped, for no known reason"))
        }
    }
}
