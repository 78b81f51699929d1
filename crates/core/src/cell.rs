//! What a socket remembers. Several threads of one guest may have the same socket: every value is read and written
//! whole, and none orders anything else. For a guest of one thread each costs what a plain field costs.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

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
