//! Readiness for JavaScript's own loop: a thread that waits, and tells.
//!
//! Node could do without the thread (uv_poll), but Deno tells once only and Bun ends the process; this works the same in
//! all of them.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use guestnet_core::{EpollInterest, EpollMode, EpollOp, Errno, Fd, Ready, Result as Outcome};
use guestnet_host_os::Stopper;

use crate::napi::{Arguments, Caller, Failure, Value};

/// Events told in one go.
const EVENTS: usize = 64;

/// A thread that watches descriptors of a program for one of its threads. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Watch {
    caller: Arc<Caller>,
    epoll: Fd,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It fails only if the eventfd is broken, and then nobody waits on it.
        let _ = self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic over there was told there.
            let _ = thread.join();
        }
    }
}

/// watch(function): from now on `function(fd, bits)` is called for what [`watch_for`] asks.
pub(crate) fn start(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let caller = Arc::new(arguments.caller(0)?);
    let mut stopper = None;
    let told = |errno: Errno| format!("guestnet: {errno}");
    let mut process = thread
        .instance
        .process(|host| stopper = Some(host.stopper()))
        .map_err(told)?;
    let epoll = process.guest().epoll_create().map_err(told)?;
    let tell = Arc::clone(&caller);
    let body = move || {
        let mut events = Vec::new();
        // It ends when it is stopped, or when nobody is there to be told.
        while process
            .guest()
            .epoll_wait(epoll, EVENTS, None, &mut events)
            .is_ok()
        {
            for event in &events {
                let fd = Fd::try_from(event.data).unwrap_or(Fd::MAX);
                if !tell.tell((fd, event.ready)) {
                    return;
                }
            }
        }
    };
    let handle = Builder::new()
        .name("guestnet-watch".to_owned())
        .spawn(body)
        .map_err(|error| error.to_string())?;
    *thread.watch.borrow_mut() = Some(Watch {
        caller,
        epoll,
        stopper: stopper.ok_or("no stopper")?,
        thread: Some(handle),
    });
    arguments.env().undefined()
}

/// watchFor(fd, bits): tells once when the descriptor is ready for any of the bits of [`Ready`]. 0, or -1 if it
/// cannot be watched.
pub(crate) fn watch_for(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let fd = arguments.int(0).cast_unsigned();
    let bits = u8::try_from(arguments.int(1)).unwrap_or(0);
    let interest = EpollInterest {
        ready: Ready::from_bits_truncate(bits),
        mode: EpollMode::ONESHOT,
        data: u64::from(fd),
    };
    let watch = thread.watch.borrow();
    let watch = watch.as_ref().ok_or("watch() comes first")?;
    let outcome = thread.with_guest(|guest| -> Outcome<()> {
        match guest.epoll_control(watch.epoll, fd, EpollOp::Modify(interest)) {
            Err(Errno::Noent) => guest.epoll_control(watch.epoll, fd, EpollOp::Add(interest)),
            outcome => outcome,
        }
    });
    arguments.env().int(if outcome.is_ok() { 0 } else { -1 })
}

/// keepAlive(on): whether what is watched keeps the engine's loop running.
pub(crate) fn keep_alive(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    if let Some(watch) = &*thread.watch.borrow() {
        watch.caller.keep_alive(arguments, arguments.int(0) != 0);
    }
    arguments.env().undefined()
}
