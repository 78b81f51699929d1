//! Readiness for JavaScript's own loop: a thread that waits, and tells.
//!
//! Node could do without the thread (uv_poll), but Deno tells once only and Bun ends the process; this works the same in
//! all of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use guestnet_core::{EpollInterest, EpollMode, EpollOp, Errno, Fd, Ready, Result as Outcome};
use guestnet_host_os::Stopper;

use crate::instance::{Instance, lock};
use crate::napi::{Arguments, Caller, Failure, Value};

/// Events told in one go.
const EVENTS: usize = 64;

/// A thread that watches descriptors of a program for one of its threads. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Watch {
    instance: Arc<Instance>,
    caller: Arc<Caller>,
    epoll: Fd,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

/// Who hears of sockets that begin to connect or listen: the thread that calls the program's callbacks.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// Whether anybody does, for those who have nothing to tell otherwise.
    on: AtomicBool,
    state: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    by: Option<Arc<Caller>>,
    /// What was told and has not arrived: it is not told again, so that no more is under way than there are descriptors.
    told: HashSet<Fd>,
}

impl Hearing {
    fn set(&self, by: Option<Arc<Caller>>) {
        let mut state = lock(&self.state);
        self.on.store(by.is_some(), Ordering::Relaxed);
        state.by = by;
    }

    fn tell(&self, fd: Fd) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        let Heard { by: Some(by), told } = &mut *state else {
            return;
        };
        if told.insert(fd) {
            // The engine may be going away; then nobody waits for it.
            let _ = by.tell((fd, Ready::empty()));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It must not be called once the engine has taken it back.
        self.instance.hearing.set(None);
        // It fails only if the eventfd is broken, and then nobody waits on it.
        let _ = self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic over there was told there.
            let _ = thread.join();
        }
    }
}

/// watch(function): from now on `function(fd, bits)` is called for what [`watch_for`] asks, and, with 0, for what [`hear`]
/// asks.
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
        instance: Arc::clone(&thread.instance),
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
            Err(Errno::ENOENT) => guest.epoll_control(watch.epoll, fd, EpollOp::Add(interest)),
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

/// hear(on): whether this thread is told what the program's other threads say by [`began`].
pub(crate) fn hear(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let watch = thread.watch.borrow();
    let watch = watch.as_ref().ok_or("watch() comes first")?;
    let by = (arguments.int(0) != 0).then(|| Arc::clone(&watch.caller));
    thread.instance.hearing.set(by);
    arguments.env().undefined()
}

/// began(fd): this thread's socket connects or listens.
pub(crate) fn began(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    thread.instance.hearing.tell(arguments.int(0).cast_unsigned());
    arguments.env().undefined()
}

/// heard(fd): it has arrived, and may be told again.
pub(crate) fn heard(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let fd = arguments.int(0).cast_unsigned();
    lock(&thread.instance.hearing.state).told.remove(&fd);
    arguments.env().undefined()
}
