//! [`Thread`]: a program on one of the engine's threads.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use guestnet_core::{Errno, Result, SharedGuestThread};
use guestnet_emscripten::{Args, Call, Memory, ThreadContext, negated};
use guestnet_host_os::{IdleTask, OsHost, WaitMode};

use crate::lookup::Lookups;
use crate::napi::{self, Reference, Region};
use crate::program::Program;
use crate::watch::Watch;

/// How much a thread does between two looks at the clock of its idle task: each call is 1, and so are 4 KiB that it moved.
/// A call takes some 300 ns and the look 30; with this a task of a millisecond is late by a few hundredths of one.
const BUSY: u32 = 64;

/// Contexts that wait for a call. In boxes: each call takes one out and puts it back, and they are large.
type Pool = Vec<Box<ThreadContext<OsHost>>>;

/// Which of its program's threads one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadKind {
    /// The main thread, whose end is the program's.
    Main,
    /// Another one.
    Pthread,
    /// The main thread of a program that has no other one.
    Only,
}

/// A program on one thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) program: Arc<Program>,
    kind: ThreadKind,
    /// The program's memory, as JavaScript has shown it.
    pub(crate) memory: Cell<Region>,
    /// Contexts for calls to come, as many as calls ran at once: a call that waits runs the idle task, which may call again.
    blocking: RefCell<Pool>,
    /// The same for calls that never wait.
    nonblocking: RefCell<Pool>,
    idle_task: RefCell<Option<JsIdleTask>>,
    /// What was done since the last look at the clock of the idle task.
    busy: Cell<u32>,
    pub(crate) watch: RefCell<Option<Watch>>,
    pub(crate) lookups: RefCell<Lookups>,
}

/// An idle task that calls a function of JavaScript's.
#[derive(Debug)]
struct JsIdleTask {
    task: Arc<IdleTask>,
    function: Arc<Reference>,
}

impl Thread {
    pub(crate) fn new(program: Arc<Program>, kind: ThreadKind) -> Self {
        Thread {
            program,
            kind,
            memory: Cell::default(),
            blocking: RefCell::default(),
            nonblocking: RefCell::default(),
            idle_task: RefCell::default(),
            busy: Cell::default(),
            watch: RefCell::default(),
            lookups: RefCell::default(),
        }
    }

    /// Makes a system call.
    #[inline]
    pub(crate) fn call(&self, call: &Call, mode: WaitMode, memory: Memory<'_>, args: &Args) -> i32 {
        const INTERRUPTED: i32 = negated(Errno::EINTR);
        if self.is_over() {
            return INTERRUPTED;
        }
        // The library's own calls are parts of something that another thread's request must not interrupt. A pthread may end in
        // its idle task, because it was cancelled: the library looks where it may, before calls that wait.
        if self.kind != ThreadKind::Pthread && call.is_from_program() && !self.run_idle_task_if_due() {
            return INTERRUPTED;
        }
        let pool = self.pool(mode);
        let pooled = pool.borrow_mut().pop();
        let mut context = match pooled.map_or_else(|| self.context(mode), Ok) {
            Ok(context) => context,
            Err(Errno::EBADF) => return negated(Errno::EBADF),
            Err(_) => return negated(Errno::ENOMEM),
        };
        let result = context.call(call, memory, args);
        // A host that was stopped goes on failing. If only this call had to end, the next one gets another.
        if result != INTERRUPTED {
            pool.borrow_mut().push(context);
        }
        let done = 1 + (u32::try_from(result).unwrap_or(0) >> 12);
        self.busy.set(self.busy.get().saturating_add(done));
        result
    }

    /// Whether the thread's program must not go on: natively no thread outlives exit(3).
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.kind == ThreadKind::Pthread && self.program.ended.load(Ordering::Relaxed)
    }

    /// Runs the idle task between two calls, for a thread whose calls never wait. Returns false if the next call has to end.
    #[inline]
    fn run_idle_task_if_due(&self) -> bool {
        if self.busy.get() < BUSY {
            return true;
        }
        self.busy.set(0);
        let task = self
            .idle_task
            .borrow()
            .as_ref()
            .map(|idle| Arc::clone(&idle.task));
        task.is_none_or(|task| task.run_if_due())
    }

    /// Calls `function` every so often while the thread waits or makes calls. A call ends with `EINTR` when the function
    /// throws: the engine is ending the thread.
    ///
    /// # Errors
    /// The thread has an idle task.
    pub(crate) fn set_idle_task(
        &self,
        function: Reference,
        interval: Duration,
    ) -> std::result::Result<(), napi::Error> {
        let mut idle = self.idle_task.borrow_mut();
        if idle.is_some() {
            return Err("the thread has an idle task".into());
        }
        let function = Arc::new(function);
        let called = Arc::clone(&function);
        let task = Arc::new(IdleTask::new(interval, Box::new(move || called.call())));
        *idle = Some(JsIdleTask { task, function });
        self.blocking.borrow_mut().clear();
        Ok(())
    }

    /// Gives up what the thread keeps for calls to come: the engine is ending it.
    pub(crate) fn close(&self) {
        self.blocking.borrow_mut().clear();
        self.nonblocking.borrow_mut().clear();
        let watch = self.watch.take();
        drop(watch);
    }

    /// The same, for when the program has ended and the engine has not: the engine may then collect the thread's functions.
    pub(crate) fn release(&self) {
        self.close();
        self.memory.take();
        if let Some(idle) = self.idle_task.take() {
            idle.function.delete();
        }
    }

    /// Does something with the context that the next call gets.
    ///
    /// # Errors
    /// `EBADF`: the program has ended. `EMFILE` and the like: there is no host for it.
    pub(crate) fn with_context<R>(&self, work: impl FnOnce(&mut ThreadContext<OsHost>) -> R) -> Result<R> {
        let pooled = self.blocking.borrow_mut().pop();
        let mut context = pooled.map_or_else(|| self.context(WaitMode::Blocking), Ok)?;
        let result = work(&mut context);
        self.blocking.borrow_mut().push(context);
        Ok(result)
    }

    /// Does something with the program's descriptors.
    ///
    /// # Errors
    /// As [`Thread::with_context`].
    pub(crate) fn with_guest<R>(
        &self,
        work: impl FnOnce(&mut SharedGuestThread<OsHost, ()>) -> Result<R>,
    ) -> Result<R> {
        self.with_context(|context| work(context.guest()))?
    }

    fn pool(&self, mode: WaitMode) -> &RefCell<Pool> {
        match mode {
            WaitMode::Blocking => &self.blocking,
            WaitMode::Nonblocking => &self.nonblocking,
        }
    }

    fn context(&self, mode: WaitMode) -> Result<Box<ThreadContext<OsHost>>> {
        let idle = self.idle_task.borrow();
        let context = self.program.context(|host| match (mode, &*idle) {
            (WaitMode::Blocking, Some(idle)) => host.set_idle_task(Arc::clone(&idle.task)),
            (WaitMode::Blocking, None) if self.kind == ThreadKind::Only => {
                // Where JavaScript handles the signal, calls wait as other threads' do.
                let _ = host.stop_by_signal();
            }
            (mode, _) => host.set_wait_mode(mode),
        });
        context.map(Box::new)
    }
}
