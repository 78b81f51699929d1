//! [`PollList`]: what a thread polls, and what is kept of it for its next poll.
//!
//! A program that waits for thousands of descriptors passes the same list again and again, with few changes or none. So a list
//! is compared with that of the last poll, number by number; where they are the same the host still has what the number stands for.
//! That holds under [`Circumstances`] only. Not here: what a descriptor is (`poll`).

use std::time::Duration;

use crate::errno::Result;
use crate::fd::Fd;
use crate::host::Host;
use crate::readiness::{PollEvent, PollSet, Ready};

/// The list of the current poll.
#[derive(Debug, Default)]
pub(crate) struct PollList {
    /// What is ready whatever the host says: files of the adapter, and sockets with a pending error.
    always_ready: Vec<PollEvent>,
    /// What the host has, in its order: that of this poll, then what the last one had more.
    list: Vec<PollEntry>,
    /// How many of them are of this poll.
    added: usize,
    /// Whether this poll has waited: what the host found before is not its own.
    waited: bool,
    /// Under which circumstances the host has them; `None` if the next poll must begin anew.
    kept: Option<Circumstances>,
}

/// One descriptor of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollEntry {
    /// The caller's number.
    pub(crate) token: u32,
    pub(crate) fd: Fd,
    pub(crate) want: Ready,
}

/// What has to be the same for a number to stand for the same object of the host, without a pending error, and for that to be in
/// the host's set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// [`Slots::removals`](crate::fd::Slots::removals).
    pub(crate) removals: u64,
    /// [`KeptError::pending_errors`](crate::cell::KeptError::pending_errors).
    pub(crate) pending_errors: u64,
    /// [`Host::poll_set`].
    pub(crate) set: PollSet,
}

impl PollList {
    /// Starts a poll. Returns whether what the host has can be kept; if not, the caller has it begin a new set, and
    /// [`PollList::keep`] says under which circumstances that may be kept.
    pub(crate) fn begin(&mut self, now: Option<Circumstances>) -> bool {
        self.always_ready.clear();
        self.added = 0;
        self.waited = false;
        let keeps = self.kept.is_some() && self.kept == now;
        if !keeps {
            self.list.clear();
        }
        keeps
    }

    pub(crate) fn keep(&mut self, circumstances: Option<Circumstances>) {
        self.kept = circumstances;
    }

    /// Adds what the last poll had at this place, if it had that.
    #[inline]
    pub(crate) fn add_again(&mut self, entry: &PollEntry) -> bool {
        let same = self.list.get(self.added) == Some(entry);
        self.added += usize::from(same);
        same
    }

    /// Adds a descriptor, which stands for this object.
    ///
    /// # Errors
    /// Those of [`Host::poll_add`].
    pub(crate) fn add<H: Host>(&mut self, host: &mut H, entry: PollEntry, io: &H::Io) -> Result<()> {
        let PollEntry { token, want, .. } = entry;
        match self.list.get_mut(self.added) {
            Some(other) => {
                host.poll_replace(self.added, token, io, want)?;
                *other = entry;
            }
            None => {
                host.poll_add(token, io, want)?;
                if self.kept.is_none() {
                    return Ok(());
                }
                self.list.push(entry);
            }
        }
        self.added += 1;
        Ok(())
    }

    /// Adds an object that no number stands for. The next poll begins anew.
    ///
    /// # Errors
    /// Those of [`Host::poll_add`].
    pub(crate) fn add_io<H: Host>(
        &mut self,
        host: &mut H,
        token: u32,
        io: &H::Io,
        want: Ready,
    ) -> Result<()> {
        // It goes behind all that the host has.
        self.drop_rest(host);
        self.kept = None;
        host.poll_add(token, io, want)
    }

    /// Adds what is ready without the host.
    pub(crate) fn add_ready(&mut self, event: PollEvent) {
        self.always_ready.push(event);
    }

    /// Takes out what the last poll had and this one has not.
    fn drop_rest<H: Host>(&mut self, host: &mut H) {
        if self.added < self.list.len() {
            self.list.truncate(self.added);
            host.poll_truncate(self.added);
        }
    }

    /// Waits, and not if something is ready already.
    ///
    /// # Errors
    /// Those of [`Host::poll_wait`].
    pub(crate) fn wait<H: Host>(&mut self, host: &mut H, timeout: Option<Duration>) -> Result<()> {
        self.drop_rest(host);
        self.waited = true;
        let timeout = if self.always_ready.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        host.poll_wait(timeout)
    }

    /// What is ready.
    pub(crate) fn events<'a, H: Host>(&'a self, host: &'a H) -> impl Iterator<Item = PollEvent> + 'a {
        let found = if self.waited { host.poll_events() } else { &[] };
        self.always_ready.iter().chain(found).copied()
    }
}
