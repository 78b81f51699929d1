//! [`Thread`]: a program on one of the engine's threads.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guestnet_core::{Errno, SharedGuest};
use guestnet_emscripten::{Args, CALLS, Call, Memory, Process};
use guestnet_host_os::OsHost;

use crate::instance::{self, Instance};
use crate::lookup::{self, Lookups};
use crate::napi::{Arguments, Failure, Reference, Value};
use crate::watch::{self, Watch};

/// A program on one thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) instance: Arc<Instance>,
    /// One for each call that is running: a call that waits lets JavaScript in to work for other threads, and that
    /// may call again.
    idle: RefCell<Vec<Process<OsHost>>>,
    /// What JavaScript does meanwhile, and how often.
    pump: RefCell<Option<(Arc<Reference>, Duration)>>,
    /// The pump has ended a call, which may have a result all the same: a part of what it was to send.
    ended: Arc<AtomicBool>,
    pub(crate) watch: RefCell<Option<Watch>>,
    pub(crate) lookups: RefCell<Lookups>,
}

/// attach(number): the functions of this thread, `undefined` if there is no such program.
pub(crate) fn attach(arguments: &Arguments) -> Result<Value, Failure> {
    let env = arguments.env();
    let Some(instance) = instance::find(arguments.int(0)) else {
        return env.undefined();
    };
    let thread = env.keep(Box::new(Thread {
        instance,
        idle: RefCell::default(),
        pump: RefCell::default(),
        ended: Arc::default(),
        watch: RefCell::default(),
        lookups: RefCell::default(),
    }))?;
    let object = env.object()?;
    for call in CALLS {
        env.define_call(object, call, thread)?;
    }
    env.define(object, c"setPump", set_pump, thread)?;
    env.define(object, c"watch", watch::start, thread)?;
    env.define(object, c"watchFor", watch::watch_for, thread)?;
    env.define(object, c"keepAlive", watch::keep_alive, thread)?;
    env.define(object, c"lookupStart", lookup::start, thread)?;
    env.define(object, c"lookupTake", lookup::take, thread)?;
    env.define(object, c"lookupDrop", lookup::drop_lookup, thread)?;
    Ok(object)
}

/// setPump(function, every): what this thread does every so many milliseconds while it waits. A wait ends with EINTR
/// when the function cannot be called any more: the engine is ending the thread.
fn set_pump(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let every = Duration::from_millis(u64::try_from(arguments.int(1)).unwrap_or(1).max(1));
    *thread.pump.borrow_mut() = Some((Arc::new(arguments.keep_function(0)?), every));
    thread.idle.borrow_mut().clear();
    arguments.env().undefined()
}

impl Thread {
    /// Makes a system call.
    #[inline]
    pub(crate) fn call(&self, call: &Call, memory: Memory<'_>, args: &Args) -> i32 {
        /// `ENOMEM` of the C library.
        const NO_PROCESS: i32 = -48;
        /// `EINTR`.
        const INTERRUPTED: i32 = -27;
        let idle = self.idle.borrow_mut().pop();
        let Some(mut process) = idle.or_else(|| self.process()) else {
            return NO_PROCESS;
        };
        let result = process.call(call, memory, args);
        // A host that was told to stop goes on saying so. If only this call had to end, the next one gets another.
        let ended = self.ended.swap(false, Ordering::Relaxed);
        if result != INTERRUPTED && !ended {
            self.idle.borrow_mut().push(process);
        }
        result
    }

    /// Does something with a `Process` of this thread, the one that the next call gets.
    pub(crate) fn with_process<R>(&self, work: impl FnOnce(&mut Process<OsHost>) -> R) -> Option<R> {
        let idle = self.idle.borrow_mut().pop();
        let mut process = idle.or_else(|| self.process())?;
        let result = work(&mut process);
        self.idle.borrow_mut().push(process);
        Some(result)
    }

    /// Does something with the program's descriptors.
    ///
    /// # Errors
    /// `ENOMEM`: there is no host for it.
    pub(crate) fn with_guest<R>(
        &self,
        work: impl FnOnce(&mut SharedGuest<OsHost, ()>) -> guestnet_core::Result<R>,
    ) -> guestnet_core::Result<R> {
        let idle = self.idle.borrow_mut().pop();
        let mut process = idle.or_else(|| self.process()).ok_or(Errno::Nomem)?;
        let result = work(process.guest());
        self.idle.borrow_mut().push(process);
        result
    }

    fn process(&self) -> Option<Process<OsHost>> {
        let pump = self.pump.borrow().clone();
        let prepare = |host: &mut OsHost| {
            if let Some((pump, every)) = pump {
                let (stopper, ended) = (host.stopper(), Arc::clone(&self.ended));
                let work = move || {
                    if !pump.call() {
                        ended.store(true, Ordering::Relaxed);
                        // It fails only if the eventfd is broken, and then nobody waits on it.
                        let _ = stopper.stop();
                    }
                };
                host.set_chore(every, Box::new(work));
            }
        };
        self.instance.process(prepare).ok()
    }
}
