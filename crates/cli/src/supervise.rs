//! Runs a guest on a thread of its own, and says how it ended. Not here: what ends it from outside (`stop.rs`).

use std::io::pipe;
use std::thread;

use guestnet::{End, GuestHandle};

use crate::assemble;
use crate::engine::{GUEST_STACK, HOST_STACK};
use crate::failure::Failure;
use crate::signals::Signals;
use crate::stop::{Interruptible, Watch};
use crate::units::Timeout;

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
        let no_thread =
            |error: std::io::Error| Failure::failed(format!("cannot start the guest's thread: {error}"));
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
        let end = ended.then(|| guest.join());
        match (end, reason) {
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
}
