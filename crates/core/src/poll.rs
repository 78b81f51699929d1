//! poll(2) over a guest's descriptors.

use std::time::Duration;

use crate::cell::KeptError;
use crate::errno::Result;
use crate::fd::{Slots, Target, find};
use crate::guest::GuestThread;
use crate::host::Host;
use crate::open_file::OpenFile;
use crate::poll_list::{Circumstances, PollEntry};
use crate::readiness::{PollEvent, Ready};

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// Starts a new poll.
    pub fn poll_begin(&mut self) {
        let now = self.circumstances();
        if !self.poll.begin(now) {
            self.host.poll_begin();
            let now = self.circumstances();
            self.poll.keep(now);
        }
    }

    fn circumstances(&self) -> Option<Circumstances> {
        Some(Circumstances {
            removals: self.guest.table.removals()?,
            pending_errors: KeptError::pending_errors(),
            set: self.host.poll_set()?,
        })
    }

    /// Adds a descriptor to the poll under a number of the caller's. It costs little if the last poll had the same at this
    /// place.
    ///
    /// # Errors
    /// `EBADF`: the caller reports it as this descriptor's result; the poll itself goes on.
    #[inline]
    pub fn poll_add(&mut self, token: u32, fd: impl Target<T::Pin>, want: Ready) -> Result<()> {
        let entry = PollEntry {
            token,
            fd: fd.number(),
            want,
        };
        if self.poll.add_again(&entry) {
            return Ok(());
        }
        self.poll_add_other(entry, fd)
    }

    /// [`GuestThread::poll_add`] of what the last poll had not at this place.
    fn poll_add_other(&mut self, entry: PollEntry, fd: impl Target<T::Pin>) -> Result<()> {
        let PollEntry { token, want, .. } = entry;
        match &*find(&fd, &self.guest.table)? {
            OpenFile::Socket(socket) if socket.has_pending_error() => {
                // It may be none at the next poll, and nothing says so.
                self.poll.keep(None);
                self.poll.add_ready(PollEvent {
                    token,
                    ready: Ready::ERROR,
                });
                Ok(())
            }
            OpenFile::Socket(socket) => self.poll.add(&mut self.host, entry, &socket.io),
            OpenFile::Stream(stream) => self.poll.add(&mut self.host, entry, &stream.io),
            OpenFile::File(_) => {
                // poll(2): regular files are always ready for both.
                let ready = want & (Ready::READ | Ready::WRITE);
                if !ready.is_empty() {
                    self.poll.add_ready(PollEvent { token, ready });
                }
                Ok(())
            }
        }
    }

    /// Waits until a descriptor of the poll is ready or the time is over; `None` waits for ever. A poll without
    /// descriptors sleeps.
    ///
    /// # Errors
    /// `EINTR`: the guest was stopped.
    pub fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.poll.wait(&mut self.host, timeout)
    }

    /// What is ready, after [`GuestThread::poll_wait`].
    pub fn poll_events(&self) -> impl Iterator<Item = PollEvent> {
        self.poll.events(&self.host)
    }
}
