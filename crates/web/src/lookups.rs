//! [`Lookups`]: look-ups that a program does not wait for in a call. A browser's are done at once; they have numbers because on other
//! systems they take time.

use std::collections::BTreeMap;
use std::io::IoSlice;

use guestnet_core::{Errno, Fd, LookupError, Result};
use guestnet_emscripten::{Lookup, LookupResult, ThreadContext};

use crate::options::Host;

/// The most look-ups whose results the program has not taken.
const MAX_PENDING: usize = 64;

/// The look-ups of a program.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    pending: BTreeMap<i32, PendingLookup>,
    last: i32,
}

#[derive(Debug)]
struct PendingLookup {
    result: LookupResult,
    /// How many calls had reported readiness to the program when it began.
    reports: u64,
}

impl Lookups {
    /// Makes a look-up. Returns its number.
    ///
    /// # Errors
    /// `EAGAIN`: too many are pending.
    pub(crate) fn begin(
        &mut self,
        context: &mut ThreadContext<Host>,
        lookup: Lookup,
        reports: u64,
    ) -> Result<i32> {
        if self.pending.len() >= MAX_PENDING {
            return Err(Errno::EAGAIN);
        }
        let result = context.look_up(lookup);
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.pending.insert(self.last, PendingLookup { result, reports });
        Ok(self.last)
    }

    /// Writes a byte to the pipe `end` and closes it: there is a result.
    ///
    /// # Errors
    /// `EBADF`: no such look-up is pending. `end` is open then.
    pub(crate) fn start(&self, context: &mut ThreadContext<Host>, id: i32, end: Fd) -> Result<()> {
        self.pending.get(&id).ok_or(Errno::EBADF)?;
        // The program may have closed the other end: then it does not wait.
        let _ = context.guest().write(end, &mut [IoSlice::new(&[0])]);
        let _ = context.guest().close(end);
        Ok(())
    }

    /// Takes a result. It is not there as long as no call can have reported to the program that it is ready, unless this is a
    /// `later` turn of the loop than the one in which it began.
    ///
    /// # Errors
    /// `Again`: it is not there. `System`: no such look-up is pending.
    pub(crate) fn take(&mut self, id: i32, later: bool, reports: u64) -> Result<LookupResult, LookupError> {
        let pending = self.pending.get(&id).ok_or(LookupError::System(Errno::EBADF))?;
        if !later && pending.reports == reports {
            return Err(LookupError::Again);
        }
        let pending = self.pending.remove(&id);
        pending.map(|pending| pending.result).ok_or(LookupError::Again)
    }

    /// Gives a look-up up.
    pub(crate) fn cancel(&mut self, id: i32) {
        self.pending.remove(&id);
    }
}
