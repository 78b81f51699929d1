//! epoll(7): waits for many descriptors that were registered before, in a time that does not grow with their number.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::poll::Events;
use crate::sys;

/// The bits of epoll(7): Linux's numbers, which the host's functions have too.
const BITS: [(Events, u32); 6] = [
    (Events::READABLE, 0x1),
    (Events::PRIORITY, 0x2),
    (Events::WRITABLE, 0x4),
    (Events::ERROR, 0x8),
    (Events::HANGUP, 0x10),
    (Events::READ_HANGUP, 0x2000),
];
const ONESHOT: u32 = 1 << 30;
const EDGE: u32 = 1 << 31;

/// A set of descriptors that are waited for together. It is a descriptor itself: [`poll`](crate::poll) and another `Epoll` can wait for
/// it.
///
/// A descriptor leaves it when it is closed. Natively and on wasm32-wasip1; on wasm32-wasip2 [`Epoll::new`] is `Unsupported`, and
/// [`poll`](crate::poll) is there.
///
/// ```
/// use guestnet_guest::{Epoll, EpollEvent, EpollInterest, Events, UdpSocket};
///
/// # fn main() -> std::io::Result<()> {
/// let sockets = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
/// let epoll = Epoll::new()?;
/// for (token, socket) in (0..).zip(&sockets) {
///     epoll.add(socket, EpollInterest::new(token, Events::READABLE))?;
/// }
/// sockets[0].send_to(b"hello", sockets[1].local_addr()?)?;
///
/// let mut room = [EpollEvent::default(); 64];
/// let events = epoll.wait(&mut room, None)?;
/// assert_eq!(events.len(), 1);
/// assert_eq!(events[0].token(), 1);
/// assert!(events[0].events().contains(Events::READABLE));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Epoll(OwnedFd);

/// What a descriptor is watched for, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpollInterest {
    token: u64,
    bits: u32,
}

impl EpollInterest {
    /// Reports the descriptor under a number of the caller's as long as it is one of `events`. `ERROR` and `HANGUP` are reported too,
    /// and `INVALID` never.
    #[must_use]
    pub fn new(token: u64, events: Events) -> Self {
        let asked = BITS.iter().filter(|(event, _)| events.contains(*event));
        Self {
            token,
            bits: asked.fold(0, |bits, (_, bit)| bits | bit),
        }
    }

    /// `EPOLLET`: reports what has come, once, and not what is still there. Read or write until `WouldBlock` after each report.
    #[must_use]
    pub const fn edge_triggered(self) -> Self {
        let bits = self.bits | EDGE;
        Self { bits, ..self }
    }

    /// `EPOLLONESHOT`: reports once, until [`Epoll::modify`].
    #[must_use]
    pub const fn oneshot(self) -> Self {
        let bits = self.bits | ONESHOT;
        Self { bits, ..self }
    }
}

/// One descriptor that an [`Epoll`] reports.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct EpollEvent {
    pub(crate) bits: u32,
    pub(crate) token: u64,
}

impl EpollEvent {
    /// The number that was given with the descriptor.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// What the descriptor is.
    #[must_use]
    pub fn events(&self) -> Events {
        let found = BITS.iter().filter(|(_, bit)| self.bits & bit != 0);
        found.fold(Events::NONE, |events, (event, _)| events | *event)
    }
}

impl fmt::Debug for EpollEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpollEvent")
            .field("token", &self.token)
            .field("events", &self.events())
            .finish()
    }
}

/// An operation of epoll_ctl(2).
#[cfg_attr(
    target_env = "p2",
    expect(dead_code, reason = "there is no epoll that would read it")
)]
pub(crate) enum Operation {
    Add { bits: u32, token: u64 },
    Delete,
    Modify { bits: u32, token: u64 },
}

#[cfg(not(target_env = "p2"))]
impl Operation {
    /// Linux's number, and the `struct epoll_event`.
    pub(crate) const fn parts(&self) -> (i32, u32, u64) {
        match *self {
            Self::Add { bits, token } => (1, bits, token),
            Self::Delete => (2, 0, 0),
            Self::Modify { bits, token } => (3, bits, token),
        }
    }
}

impl Epoll {
    /// epoll_create1(2).
    ///
    /// # Errors
    /// `Unsupported` on wasm32-wasip2. Too many descriptors, or too many of these.
    pub fn new() -> io::Result<Self> {
        sys::epoll_create().map(Self)
    }

    /// `EPOLL_CTL_ADD`: watches one more descriptor.
    ///
    /// # Errors
    /// `AlreadyExists`: it is watched already. `PermissionDenied`: a file. `InvalidInput`: this epoll itself. An epoll that this one is
    /// in, or too many of them in a row.
    pub fn add(&self, fd: &(impl AsFd + ?Sized), interest: EpollInterest) -> io::Result<()> {
        let EpollInterest { token, bits } = interest;
        self.control(Operation::Add { bits, token }, fd.as_fd())
    }

    /// `EPOLL_CTL_MOD`: watches it for something else. What is ready is reported anew.
    ///
    /// # Errors
    /// `NotFound`: it is not watched.
    pub fn modify(&self, fd: &(impl AsFd + ?Sized), interest: EpollInterest) -> io::Result<()> {
        let EpollInterest { token, bits } = interest;
        self.control(Operation::Modify { bits, token }, fd.as_fd())
    }

    /// `EPOLL_CTL_DEL`: watches it no more.
    ///
    /// # Errors
    /// `NotFound`: it is not watched.
    pub fn delete(&self, fd: &(impl AsFd + ?Sized)) -> io::Result<()> {
        self.control(Operation::Delete, fd.as_fd())
    }

    fn control(&self, operation: Operation, fd: BorrowedFd<'_>) -> io::Result<()> {
        sys::epoll_control(self.0.as_fd(), &operation, fd)
    }

    /// epoll_wait(2): waits until a descriptor is ready, or for so long; `None` is for ever. Returns the part of `room` that has the events,
    /// which is empty when the time is over. What has no room now is reported by the next call.
    ///
    /// # Errors
    /// `InvalidInput`: no room at all.
    pub fn wait<'room>(
        &self,
        room: &'room mut [EpollEvent],
        timeout: Option<Duration>,
    ) -> io::Result<&'room [EpollEvent]> {
        let count = sys::epoll_wait(self.0.as_fd(), room, timeout)?;
        Ok(room.get(..count).unwrap_or_default())
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<Epoll> for OwnedFd {
    fn from(epoll: Epoll) -> Self {
        epoll.0
    }
}

impl From<OwnedFd> for Epoll {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}
