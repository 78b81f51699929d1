//! [`TriedLookup`]: getaddrinfo(3) in two steps, of which only the second waits.
//!
//! For an adapter whose caller cannot always wait, or waits elsewhere: what needs no resolver is answered at once, and the
//! rest is judged once, whichever thread of the guest then asks.

use super::{AddrInfoList, LookupError, Plan, Query, Source};
use crate::fd::Slots;
use crate::guest::GuestThread;
use crate::host::Host;
use crate::open_file::OpenFile;

/// What [`GuestThread::try_getaddrinfo`] has come to.
#[derive(Debug)]
pub enum TriedLookup {
    /// The result: of a number, of a name in a hosts file or in the cache, of what is denied or malformed.
    Answered(Result<AddrInfoList, LookupError>),
    /// A resolver must be asked, by [`GuestThread::ask_getaddrinfo`].
    MustAsk(UnaskedLookup),
}

/// A look-up that was read, judged and counted, and whose question has not been asked.
#[derive(Debug)]
pub struct UnaskedLookup(Plan);

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getaddrinfo(3) as far as it goes without asking a resolver. Does not wait.
    pub fn try_getaddrinfo(&mut self, query: &Query<'_>) -> TriedLookup {
        let result = match self.plan(query) {
            Ok(plan) if matches!(plan.what, Source::Ask(_)) => {
                return TriedLookup::MustAsk(UnaskedLookup(plan));
            }
            Ok(plan) => self.complete(plan),
            Err(error) => Err(error),
        };
        self.trace_result(query, &result);
        TriedLookup::Answered(result)
    }

    /// The rest of getaddrinfo(3): asks the host's resolver. Blocks this thread until it has answered. `query` is the one that
    /// was tried, by this thread of the guest or by another.
    ///
    /// # Errors
    /// As [`GuestThread::getaddrinfo`].
    pub fn ask_getaddrinfo(
        &mut self,
        query: &Query<'_>,
        unasked: UnaskedLookup,
    ) -> Result<AddrInfoList, LookupError> {
        let result = self.complete(unasked.0);
        self.trace_result(query, &result);
        result
    }

    fn trace_result(&mut self, query: &Query<'_>, result: &Result<AddrInfoList, LookupError>) {
        if self.guest.traced {
            self.trace_lookup(query, result);
        }
    }
}
