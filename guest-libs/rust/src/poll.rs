//! poll(2): waits for many descriptors at once.

use std::io;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::addr;
use crate::sys;

/// What a descriptor is asked for, and what it is: poll(2)'s bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events(u8);

impl Events {
    /// None.
    pub const NONE: Self = Self(0);
    /// `POLLIN`: a read or an accept does not wait.
    pub const READABLE: Self = Self(1);
    /// `POLLOUT`: a write does not wait; a connect is done, or has failed.
    pub const WRITABLE: Self = Self(2);
    /// `POLLHUP`: both ends have ended the connection. Reported without being asked for.
    pub const HANGUP: Self = Self(4);
    /// `POLLERR`: `take_error` has an error. Reported without being asked for.
    pub const ERROR: Self = Self(8);
    /// `POLLNVAL`: the descriptor is not open. Reported without being asked for.
    pub const INVALID: Self = Self(16);
    /// `EPOLLRDHUP`: the peer has ended its sending direction. For [`Epoll`](crate::Epoll) only.
    pub const READ_HANGUP: Self = Self(32);
    /// `EPOLLPRI`: urgent data. For [`Epoll`](crate::Epoll) only.
    pub const PRIORITY: Self = Self(64);

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// One descriptor of [`poll`].
#[derive(Debug)]
pub struct PollFd<'fd> {
    pub(crate) fd: BorrowedFd<'fd>,
    pub(crate) wanted: Events,
    pub(crate) returned: Events,
}

impl<'fd> PollFd<'fd> {
    /// Asks a descriptor for `READABLE`, `WRITABLE` or both.
    pub fn new(fd: &'fd (impl AsFd + ?Sized), wanted: Events) -> Self {
        Self {
            fd: fd.as_fd(),
            wanted,
            returned: Events::NONE,
        }
    }

    /// What the last [`poll`] has found.
    #[must_use]
    pub const fn returned(&self) -> Events {
        self.returned
    }
}

/// poll(2): waits until one of the descriptors is what it is asked for, or for so long; `None` is for ever. Returns how many are.
///
/// Errors and hangups are reported too. It is level-triggered: what was not read is reported again.
///
/// # Errors
/// `InvalidInput` for a descriptor that is asked for neither `READABLE` nor `WRITABLE`, which WASI has no way to say, and for no
/// descriptors without a time.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    let askable = Events::READABLE | Events::WRITABLE;
    if fds
        .iter()
        .any(|fd| fd.wanted.is_empty() || !askable.contains(fd.wanted))
    {
        return Err(addr::invalid("poll asks for READABLE, WRITABLE or both"));
    }
    if fds.is_empty() && timeout.is_none() {
        return Err(addr::invalid("nothing to wait for"));
    }
    for fd in &mut *fds {
        fd.returned = Events::NONE;
    }
    sys::poll(fds, timeout)?;
    Ok(fds.iter().filter(|fd| !fd.returned.is_empty()).count())
}
