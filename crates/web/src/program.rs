//! [`Program`]: one run of a program, with all its threads. The calls of all of them are made on this one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guestnet_core::{Errno, Fd, Ready, Result, SharedGuestThread};
use guestnet_emscripten::{
    Args, Call, CopiedMemory, Lookup, OptionValue, ThreadContext, lookup_error, negated,
};

use crate::lookups::Lookups;
use crate::memory::program_memory;
use crate::options::{self, Host, OptionsError};
use crate::sockets::{self, Refused};
use crate::watch::Watch;

/// The number of the thread on which the calls are made.
const MAIN: u32 = 0;

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    threads: Threads,
    memory: CopiedMemory<'static>,
    watch: Watch,
    lookups: Lookups,
}

/// Its threads.
#[derive(Debug)]
struct Threads {
    /// Makes no call of the program's: it has what is watched, and gives what others are made from.
    first: SharedGuestThread<Host, ()>,
    spare: Host,
    /// Those that have made a call, by numbers of JavaScript's.
    contexts: BTreeMap<u32, ThreadContext<Host>>,
    reports: Arc<AtomicU64>,
}

impl Threads {
    /// The context of a thread, for a call that begins.
    fn context(&mut self, thread: u32) -> &mut ThreadContext<Host> {
        let Threads {
            first,
            spare,
            contexts,
            reports,
        } = self;
        contexts.entry(thread).or_insert_with(|| {
            let thread = first.guest().thread(spare.sibling());
            ThreadContext::new(thread).with_report_count(reports)
        })
    }

    /// How many calls have reported readiness.
    fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }
}

/// What became of a call that was tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    /// Its result, or a negated errno.
    pub(crate) result: i32,
    /// The wait that it would make; `None` if it would not wait.
    pub(crate) wait: Option<Refused>,
    /// There were more bytes than are copied at a time.
    pub(crate) was_cut: bool,
}

impl Program {
    /// Starts a program.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub(crate) fn start(module: Vec<(String, OptionValue)>) -> Result<Self, OptionsError> {
        let (mut first, spare) = options::guest(module)?;
        let watch = Watch::new(&mut first).map_err(OptionsError::System)?;
        Ok(Program {
            threads: Threads {
                first,
                spare,
                contexts: BTreeMap::new(),
                reports: Arc::default(),
            },
            memory: program_memory(),
            watch,
            lookups: Lookups::default(),
        })
    }

    /// Makes a system call of a thread. Its first `moved` bytes were moved by the same call before; `over` says that its wait is over.
    pub(crate) fn call(&mut self, thread: u32, call: &Call, args: &Args, moved: u32, over: bool) -> Tried {
        let context = self.threads.context(thread);
        sockets::begin_call(over);
        let result = context.call(call, self.memory.for_call(moved), args);
        Tried {
            result,
            wait: sockets::end_call(),
            was_cut: self.memory.was_cut(),
        }
    }

    /// Has [`Program::take_events`] report once when the descriptor is ready for any of the bits of [`Ready`].
    pub(crate) fn watch_for(&mut self, fd: Fd, ready: Ready) -> Result<()> {
        self.watch.arm(&mut self.threads.first, fd, ready)
    }

    /// What is ready of what is watched, as pairs of a descriptor and its bits.
    pub(crate) fn take_events(&mut self) -> Vec<u8> {
        self.watch.take(&mut self.threads.first)
    }

    /// When what waits has to look again because of a timer, in milliseconds of the clock; `None` if no timer expires.
    pub(crate) fn next_timer(&self) -> Option<f64> {
        self.threads.spare.next_timer().map(sockets::in_millis)
    }

    /// A look-up: its number, or a negated errno.
    pub(crate) fn lookup_begin(&mut self, args: &Args) -> i32 {
        let reports = self.threads.reports();
        let context = self.threads.context(MAIN);
        sockets::begin_call(false);
        let lookup = Lookup::read(self.memory.for_call(0), args);
        let begun = self.lookups.begin(context, lookup, reports);
        begun.unwrap_or_else(negated)
    }

    /// Makes the other end of a pipe readable. 0, or a negated errno.
    pub(crate) fn lookup_start(&mut self, id: i32, end: Fd) -> i32 {
        let context = self.threads.context(MAIN);
        sockets::begin_call(false);
        let started = self.lookups.start(context, id, end);
        started.map_or_else(negated, |()| 0)
    }

    /// How many results there are, or an `EAI_*`.
    pub(crate) fn lookup_take(&mut self, id: i32, later: bool) -> i32 {
        match self.lookups.take(id, later, self.threads.reports()) {
            Ok(result) => self.threads.context(MAIN).store_result(result),
            Err(error) => lookup_error(error),
        }
    }

    /// Gives a look-up up.
    pub(crate) fn lookup_cancel(&mut self, id: i32) {
        self.lookups.cancel(id);
    }

    /// Writes what the trace and the audit hold back.
    pub(crate) fn flush(&self) {
        self.threads.first.names().flush_observer();
    }
}

/// The result of a call when the program has ended.
pub(crate) const ENDED: Tried = Tried {
    result: negated(Errno::EBADF),
    wait: None,
    was_cut: false,
};
