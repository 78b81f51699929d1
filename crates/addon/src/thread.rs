//! [`Thread`]: a program on one of the engine's threads.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use guestnet_core::{Errno, SharedGuestThread};
use guestnet_emscripten::{Args, CALLS, Call, Memory, ThreadContext};
use guestnet_host_os::{IdleTask, OsHost, WaitMode};

use crate::instance::{self, Instance};
use crate::lookup::{self, Lookups};
use crate::napi::{Arguments, Failure, Value};
use crate::watch::{self, Watch};

/// How much a thread does between two looks at the clock of its chore: each call is 1, and so are 4 KiB that it moved.
/// A call takes some 300 ns and the look 30; with this a chore of a millisecond is late by a few hundredths of one.
const BUSY: u32 = 64;

/// A program on one thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) instance: Arc<Instance>,
    /// Whether it is one beside the program's main thread, whose end is the program's.
    beside: bool,
    /// One for each call that is running: a call that waits lets JavaScript in to work for other threads, and that
    /// may call again.
    idle: RefCell<Vec<ThreadContext<OsHost>>>,
    /// The same for calls that never wait.
    impatient: RefCell<Vec<ThreadContext<OsHost>>>,
    /// What JavaScript does meanwhile.
    pump: OnceCell<Arc<IdleTask>>,
    /// What was done since the last look at the pump's clock.
    busy: Cell<u32>,
    pub(crate) watch: RefCell<Option<Watch>>,
    pub(crate) lookups: RefCell<Lookups>,
}

/// Whether a call waits, where the descriptor's mode says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Waits,
    Never,
}

/// attach(number, beside): the functions of this thread, `undefined` if there is no such program. A thread `beside` the
/// main one does nothing more when the program has ended: its calls throw `'unwind'`, as Emscripten's own exit does.
pub(crate) fn attach(arguments: &Arguments) -> Result<Value, Failure> {
    let env = arguments.env();
    let Some(instance) = instance::find(arguments.int(0)) else {
        return env.undefined();
    };
    let thread = env.keep(Box::new(Thread {
        instance,
        beside: arguments.int(1) != 0,
        idle: RefCell::default(),
        impatient: RefCell::default(),
        pump: OnceCell::new(),
        busy: Cell::default(),
        watch: RefCell::default(),
        lookups: RefCell::default(),
    }))?;
    let object = env.object()?;
    for call in CALLS {
        env.define_call(object, call, thread, Patience::Waits)?;
    }
    env.define(object, c"impatient", impatient, thread)?;
    env.define(object, c"setPump", set_pump, thread)?;
    env.define(object, c"release", release, thread)?;
    env.define(object, c"watch", watch::start, thread)?;
    env.define(object, c"watchFor", watch::watch_for, thread)?;
    env.define(object, c"keepAlive", watch::keep_alive, thread)?;
    env.define(object, c"hear", watch::hear, thread)?;
    env.define(object, c"began", watch::began, thread)?;
    env.define(object, c"heard", watch::heard, thread)?;
    env.define(object, c"lookupStart", lookup::start, thread)?;
    env.define(object, c"lookupTake", lookup::take, thread)?;
    env.define(object, c"lookupDrop", lookup::drop_lookup, thread)?;
    Ok(object)
}

/// impatient(): the system calls of this thread again, as functions that never wait, whatever the descriptor's mode:
/// what would have to wait says `EAGAIN`.
fn impatient(arguments: &Arguments) -> Result<Value, Failure> {
    let env = arguments.env();
    let thread: *const Thread = arguments.thread()?;
    let object = env.object()?;
    for call in CALLS {
        env.define_call(object, call, thread, Patience::Never)?;
    }
    Ok(object)
}

/// release(): what this thread keeps for calls to come. For when the program has ended and the engine has not.
fn release(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    thread.idle.borrow_mut().clear();
    thread.impatient.borrow_mut().clear();
    let watch = thread.watch.take();
    drop(watch);
    arguments.env().undefined()
}

/// setPump(function, every): what this thread does every so many milliseconds while it waits or makes calls. A call ends
/// with EINTR when the function cannot be called any more: the engine is ending the thread. Once for a thread.
fn set_pump(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let every = Duration::from_millis(u64::try_from(arguments.int(1)).unwrap_or(1).max(1));
    let function = arguments.keep_function(0)?;
    let work = Box::new(move || function.call());
    thread
        .pump
        .set(Arc::new(IdleTask::new(every, work)))
        .map_err(|_| "there is a pump")?;
    thread.idle.borrow_mut().clear();
    arguments.env().undefined()
}

impl Thread {
    /// Makes a system call.
    #[inline]
    pub(crate) fn call(&self, call: &Call, patience: Patience, memory: Memory<'_>, args: &Args) -> i32 {
        /// `EBADF` of the C library.
        const NO_DESCRIPTOR: i32 = -8;
        /// `ENOMEM`.
        const NO_PROCESS: i32 = -48;
        /// `EINTR`.
        const INTERRUPTED: i32 = -27;
        if self.is_over() {
            return INTERRUPTED;
        }
        // The library's own calls come in the midst of something that another thread's may not get into. A thread beside the
        // main one may end in its pump, because it was cancelled: the library looks where it may, before calls that wait.
        if !self.beside && call.is_from_program() && !self.look_at_pump() {
            return INTERRUPTED;
        }
        let idle = match patience {
            Patience::Waits => &self.idle,
            Patience::Never => &self.impatient,
        };
        let found = idle.borrow_mut().pop();
        let mut process = match found.map_or_else(|| self.process(patience), Ok) {
            Ok(process) => process,
            Err(Errno::EBADF) => return NO_DESCRIPTOR,
            Err(_) => return NO_PROCESS,
        };
        let result = process.call(call, memory, args);
        // A host that was told to stop goes on saying so. If only this call had to end, the next one gets another.
        if result != INTERRUPTED {
            idle.borrow_mut().push(process);
        }
        let done = 1 + (u32::try_from(result).unwrap_or(0) >> 12);
        self.busy.set(self.busy.get().saturating_add(done));
        result
    }

    /// Whether the thread's program must not go on: natively no thread outlives exit(3).
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.beside && self.instance.ended.load(Ordering::Relaxed)
    }

    /// The pump of a thread whose calls never wait is called from here, between two calls. Returns false if the next
    /// call has to end.
    #[inline]
    fn look_at_pump(&self) -> bool {
        if self.busy.get() < BUSY {
            return true;
        }
        self.busy.set(0);
        self.pump.get().is_none_or(|pump| pump.run_if_due())
    }

    /// Does something with a `ThreadContext` of this thread, the one that the next call gets.
    pub(crate) fn with_process<R>(&self, work: impl FnOnce(&mut ThreadContext<OsHost>) -> R) -> Option<R> {
        let idle = self.idle.borrow_mut().pop();
        let mut process = idle.or_else(|| self.process(Patience::Waits).ok())?;
        let result = work(&mut process);
        self.idle.borrow_mut().push(process);
        Some(result)
    }

    /// Does something with the program's descriptors.
    ///
    /// # Errors
    /// `EBADF`: the program has ended. `EMFILE` and the like: there is no host for it.
    pub(crate) fn with_guest<R>(
        &self,
        work: impl FnOnce(&mut SharedGuestThread<OsHost, ()>) -> guestnet_core::Result<R>,
    ) -> guestnet_core::Result<R> {
        let idle = self.idle.borrow_mut().pop();
        let mut process = idle.map_or_else(|| self.process(Patience::Waits), Ok)?;
        let result = work(process.guest());
        self.idle.borrow_mut().push(process);
        result
    }

    fn process(&self, patience: Patience) -> guestnet_core::Result<ThreadContext<OsHost>> {
        let prepare = |host: &mut OsHost| match (patience, self.pump.get()) {
            (Patience::Never, _) => host.set_wait_mode(WaitMode::Nonblocking),
            (Patience::Waits, Some(pump)) => host.set_idle_task(Arc::clone(pump)),
            (Patience::Waits, None) => {}
        };
        self.instance.process(prepare)
    }
}
