//! [`Lookups`]: look-ups that a program does not wait for in a call. What needs no resolver is known at once; for the rest
//! a thread of its own asks, and then makes a descriptor readable.

use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use guestnet_core::{Errno, Fd, LookupError, Result, SharedGuestThread};
use guestnet_emscripten::{Lookup, LookupKey, LookupResult, ThreadContext};
use guestnet_host_os::OsHost;

use crate::program::Program;
use crate::sync::lock;

/// The most look-ups of one thread whose results the program has not taken. Each holds a thread or a result.
const MAX_PENDING: usize = 64;

/// For how long a look-up that the program could not wait for answers the next one of the same name. No cache has what the
/// system's resolver says, and a program that tries again does so soon.
const LEFT: Duration = Duration::from_secs(10);

/// The look-ups of a thread.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    pending: HashMap<i32, PendingLookup>,
    last: i32,
}

#[derive(Debug)]
struct PendingLookup {
    key: LookupKey,
    state: Arc<Mutex<State>>,
    /// How many calls had reported readiness to the program when it began.
    reports: u64,
    /// Until when the program may take it up again, if it has left it.
    left: Option<Instant>,
}

/// What a look-up shares with the thread that asks.
#[derive(Debug)]
struct State {
    /// What a thread has to do for it, until one is started.
    unasked: Option<Lookup>,
    result: Option<LookupResult>,
    /// The end of a pipe, for when there is a result.
    end: Option<Fd>,
}

impl Lookups {
    /// Makes a look-up as far as it goes without waiting; one that the program has left goes on. `context` is this thread's.
    /// Returns the number of the look-up.
    ///
    /// # Errors
    /// `EAGAIN`: too many are pending.
    pub(crate) fn begin(
        &mut self,
        program: &Program,
        context: &mut ThreadContext<OsHost>,
        mut lookup: Lookup,
    ) -> Result<i32> {
        let (key, now) = (lookup.key(), Instant::now());
        self.pending.retain(|_, pending| {
            pending
                .left
                .is_none_or(|until| until > now || !pending.is_known())
        });
        let mut left = self.pending.iter_mut();
        if let Some((id, pending)) = left.find(|(_, pending)| pending.left.is_some() && pending.key == key) {
            pending.left = None;
            pending.reports = program.reports.load(Ordering::Relaxed);
            return Ok(*id);
        }
        if self.pending.len() >= MAX_PENDING {
            return Err(Errno::EAGAIN);
        }
        let result = context.try_look_up(&mut lookup);
        let state = State {
            unasked: result.is_none().then_some(lookup),
            result,
            end: None,
        };
        let pending = PendingLookup {
            key,
            state: Arc::new(Mutex::new(state)),
            reports: program.reports.load(Ordering::Relaxed),
            left: None,
        };
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.pending.insert(self.last, pending);
        Ok(self.last)
    }

    /// Whether the result of a look-up is there.
    pub(crate) fn is_known(&self, id: i32) -> bool {
        self.pending.get(&id).is_some_and(PendingLookup::is_known)
    }

    /// Has a byte written to the pipe `end`, and `end` closed, when there is a result, also if anything fails. What is left of the
    /// look-up is asked on another thread.
    ///
    /// # Errors
    /// `EAGAIN`: the machine has no thread or descriptor left. `EBADF`: no such look-up is pending. `end` is open then.
    pub(crate) fn start(&mut self, program: &Program, id: i32, end: Fd) -> Result<()> {
        let pending = self.pending.get(&id).ok_or(Errno::EBADF)?;
        pending.ask(program)?;
        let mut context = program.context(|_| ()).map_err(|_| Errno::EAGAIN)?;
        let mut state = lock(&pending.state);
        if state.result.is_some() {
            report(context.guest(), end);
        } else {
            state.end = Some(end);
        }
        Ok(())
    }

    /// Has a look-up asked whose result the program cannot wait for. It is there, or goes on, when the program looks the same up
    /// again.
    pub(crate) fn leave(&mut self, program: &Program, id: i32) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        match pending.ask(program) {
            Ok(()) => pending.left = Some(Instant::now() + LEFT),
            Err(_) => self.cancel(id),
        }
    }

    /// Takes the result of a look-up. It is not there as long as no call can have reported to the program that it is ready,
    /// unless this is a `later` turn of the loop than the one in which it began.
    ///
    /// # Errors
    /// `Again`: it is not there. `System`: no such look-up is pending.
    pub(crate) fn take(
        &mut self,
        program: &Program,
        id: i32,
        later: bool,
    ) -> std::result::Result<LookupResult, LookupError> {
        let pending = self.pending.get(&id).ok_or(LookupError::System(Errno::EBADF))?;
        if !later && pending.reports == program.reports.load(Ordering::Relaxed) {
            return Err(LookupError::Again);
        }
        let result = lock(&pending.state).result.take().ok_or(LookupError::Again)?;
        self.pending.remove(&id);
        Ok(result)
    }

    /// Gives a look-up up.
    pub(crate) fn cancel(&mut self, id: i32) {
        self.pending.remove(&id);
    }
}

impl PendingLookup {
    fn is_known(&self) -> bool {
        lock(&self.state).result.is_some()
    }

    /// Starts the thread that asks, unless there is nothing to ask or it was started.
    fn ask(&self, program: &Program) -> Result<()> {
        let Some(lookup) = lock(&self.state).unasked.take() else {
            return Ok(());
        };
        let mut context = program.context(|_| ()).map_err(|_| Errno::EAGAIN)?;
        let state = Arc::clone(&self.state);
        let body = move || {
            let result = context.look_up(lookup);
            let mut state = lock(&state);
            state.result = Some(result);
            if let Some(end) = state.end.take() {
                report(context.guest(), end);
            }
        };
        let thread = Builder::new().name("guestnet-lookup".to_owned());
        thread.spawn(body).map(drop).map_err(|_| Errno::EAGAIN)
    }
}

/// The program may have closed the other end, or have ended: then it does not wait.
fn report(guest: &mut SharedGuestThread<OsHost, ()>, end: Fd) {
    let _ = guest.write(end, &mut [IoSlice::new(&[0])]);
    let _ = guest.close(end);
}
