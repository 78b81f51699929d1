//! What a socket remembers. Several threads of one guest may have the same socket: every value is read and written
//! whole, and none orders anything else. For a guest of one thread each costs what a plain field costs.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::errno::Errno;
use crate::sync::lock;

/// Yes or no.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) const fn new(on: bool) -> Self {
        Flag(AtomicBool::new(on))
    }

    #[inline]
    pub(crate) fn get(&self) -> bool {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Relaxed);
    }
}

/// A number.
#[derive(Debug)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) const fn new(count: usize) -> Self {
        Count(AtomicUsize::new(count))
    }

    #[inline]
    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, count: usize) {
        self.0.store(count, Relaxed);
    }
}

/// A time limit, `None` for no limit. Kept in nanoseconds; what is longer than 500 years is no limit.
#[derive(Debug)]
pub(crate) struct TimeLimit(AtomicU64);

impl TimeLimit {
    const NONE: u64 = u64::MAX;

    pub(crate) const fn none() -> Self {
        TimeLimit(AtomicU64::new(Self::NONE))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<Duration> {
        match self.0.load(Relaxed) {
            Self::NONE => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn set(&self, limit: Option<Duration>) {
        let nanos = limit.and_then(|limit| u64::try_from(limit.as_nanos()).ok());
        self.0.store(nanos.unwrap_or(Self::NONE), Relaxed);
    }
}

/// An address that is seldom there, and asked for with every datagram.
#[derive(Debug, Default)]
pub(crate) struct Address {
    known: Flag,
    addr: Mutex<Option<SocketAddr>>,
}

impl Address {
    #[inline]
    pub(crate) fn get(&self) -> Option<SocketAddr> {
        if self.known.get() { *lock(&self.addr) } else { None }
    }

    pub(crate) fn set(&self, addr: Option<SocketAddr>) {
        let mut slot = lock(&self.addr);
        *slot = addr;
        self.known.set(addr.is_some());
    }
}

/// [`KeptError::pending_errors`].
static PENDING_ERRORS: AtomicU64 = AtomicU64::new(0);

/// An error that is kept for the guest: for the next `SO_ERROR`, or, while it is pending, for whichever call comes first.
#[derive(Debug, Default)]
pub(crate) struct KeptError {
    pending: Flag,
    errno: Mutex<Option<Errno>>,
}

impl KeptError {
    /// Whether an error is pending.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.get()
    }

    /// Keeps an error for `SO_ERROR`; it is not pending. `None` forgets what was kept.
    pub(crate) fn keep(&self, errno: Option<Errno>) {
        self.put(errno, false);
    }

    /// Keeps an error that is pending.
    pub(crate) fn set_pending(&self, errno: Errno) {
        self.put(Some(errno), true);
        PENDING_ERRORS.fetch_add(1, Relaxed);
    }

    /// How often an error has become pending, in whatever socket of whatever guest: as long as it is the same, none has.
    pub(crate) fn pending_errors() -> u64 {
        PENDING_ERRORS.load(Relaxed)
    }

    fn put(&self, errno: Option<Errno>, pending: bool) {
        let mut slot = lock(&self.errno);
        *slot = errno;
        self.pending.set(pending);
    }

    /// The error, once.
    pub(crate) fn take(&self) -> Option<Errno> {
        let mut slot = lock(&self.errno);
        self.pending.set(false);
        slot.take()
    }

    /// The pending error, once. Asked with every call.
    #[inline]
    pub(crate) fn take_pending(&self) -> Option<Errno> {
        if self.is_pending() { self.take() } else { None }
    }
}
