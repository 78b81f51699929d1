//! [`Lookups`]: look-ups that a program does not wait for. A thread of its own makes each, and then makes a descriptor
//! readable.

use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::Builder;

use guestnet_core::{Errno, Fd, LookupError, Result};
use guestnet_emscripten::{Lookup, LookupResult};

use crate::program::Program;
use crate::sync::lock;

/// The most look-ups of one thread whose results the program has not taken. Each holds a thread and a pipe.
const MAX_PENDING: usize = 64;

/// The look-ups of a thread.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    pending: HashMap<i32, PendingLookup>,
    last: i32,
}

#[derive(Debug)]
struct PendingLookup {
    result: Arc<Mutex<Option<LookupResult>>>,
    /// How many calls had reported readiness to the program when it began.
    reports: u64,
}

impl Lookups {
    /// Looks up on another thread, which then writes a byte to the pipe `end` and closes it, also if anything fails. Returns
    /// the number of the look-up.
    ///
    /// # Errors
    /// `EAGAIN`: too many are pending, or the machine has no thread or descriptor left.
    pub(crate) fn start(&mut self, program: &Program, lookup: Lookup, end: Fd) -> Result<i32> {
        if self.pending.len() >= MAX_PENDING {
            return Err(Errno::EAGAIN);
        }
        let mut context = program.context(|_| ()).map_err(|_| Errno::EAGAIN)?;
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let body = move || {
            let found = context.look_up(&lookup);
            *lock(&slot) = Some(found);
            let guest = context.guest();
            // The program may have closed the other end, or have ended: then it does not wait.
            let _ = guest.write(end, &mut [IoSlice::new(&[0])]);
            let _ = guest.close(end);
        };
        Builder::new()
            .name("guestnet-lookup".to_owned())
            .spawn(body)
            .map_err(|_| Errno::EAGAIN)?;
        self.last = self.last.checked_add(1).unwrap_or(1);
        let reports = program.reports.load(Ordering::Relaxed);
        self.pending.insert(self.last, PendingLookup { result, reports });
        Ok(self.last)
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
        let lookup = self.pending.get(&id).ok_or(LookupError::System(Errno::EBADF))?;
        if !later && lookup.reports == program.reports.load(Ordering::Relaxed) {
            return Err(LookupError::Again);
        }
        let result = lock(&lookup.result).take().ok_or(LookupError::Again)?;
        self.pending.remove(&id);
        Ok(result)
    }

    /// Gives a look-up up.
    pub(crate) fn cancel(&mut self, id: i32) {
        self.pending.remove(&id);
    }
}
