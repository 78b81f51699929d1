//! [`Watch`]: readiness for JavaScript's own loop, by a thread that waits and reports what is ready.
//!
//! Node could do without the thread (uv_poll), but Deno reports once only and Bun ends the process; this works the same in
//! all of them.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use guestnet_core::{Fd, Ready, Result, SharedGuestThread};
use guestnet_emscripten::report_once;
use guestnet_host_os::{OsHost, Stopper};

use crate::napi::{Error, ThreadsafeFunction};
use crate::program::Program;

/// How many events one wait reports at most.
const EVENTS: usize = 64;

/// A thread that watches descriptors of a program for one of its threads. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Watch {
    program: Arc<Program>,
    function: Arc<ThreadsafeFunction>,
    epoll: Fd,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The function must not be called once the engine has taken it back.
        self.program.subscribers.subscribe(None);
        // It fails only if the eventfd is broken, and then no thread waits on it.
        let _ = self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // If that thread panicked, its panic hook has printed why.
            let _ = thread.join();
        }
    }
}

impl Watch {
    /// Starts the thread. It calls `function` with a descriptor and the bits of [`Ready`] for what [`Watch::arm`] asks.
    ///
    /// # Errors
    /// The program has ended, or the machine has no descriptor or thread left.
    pub(crate) fn start(
        program: &Arc<Program>,
        function: ThreadsafeFunction,
    ) -> std::result::Result<Self, Error> {
        let function = Arc::new(function);
        let mut stopper = None;
        let mut context = program.context(|host| stopper = Some(host.stopper()))?;
        let epoll = context.guest().epoll_create()?;
        let reporter = Arc::clone(&function);
        let body = move || {
            let mut events = Vec::new();
            // It ends when it is stopped, or when the engine takes no more calls.
            while context
                .guest()
                .epoll_wait(epoll, EVENTS, None, &mut events)
                .is_ok()
            {
                for event in &events {
                    let fd = Fd::try_from(event.data).unwrap_or(Fd::MAX);
                    if !reporter.call(fd, event.ready.bits()) {
                        return;
                    }
                }
            }
        };
        let thread = Builder::new()
            .name("guestnet-watch".to_owned())
            .spawn(body)
            .map_err(|error| error.to_string())?;
        Ok(Watch {
            program: Arc::clone(program),
            function,
            epoll,
            stopper: stopper.ok_or("no stopper")?,
            thread: Some(thread),
        })
    }

    /// The function that it calls.
    pub(crate) fn function(&self) -> &Arc<ThreadsafeFunction> {
        &self.function
    }

    /// Reports once when the descriptor is ready for any of the bits of [`Ready`].
    ///
    /// # Errors
    /// As epoll_ctl(2): the descriptor cannot be watched.
    pub(crate) fn arm(&self, guest: &mut SharedGuestThread<OsHost, ()>, fd: Fd, ready: Ready) -> Result<()> {
        report_once(guest, self.epoll, fd, ready)
    }
}
