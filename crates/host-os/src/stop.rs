//! [`Stopper`]: ends a guest's waits from another thread. [`Chore`]: what a thread that waits has to do now and then.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use guestnet_core::{Errno, Ready, Result};
use rustix::event::EventfdFlags;

use crate::convert::errno;
use crate::poll::pollfd;

/// Ends every wait of one guest, now and from now on. May be cloned, sent and used from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<OwnedFd>);

/// Something that a thread has to do now and then, such as the main thread of a program whose other threads ask it for
/// numbers. All hosts of the thread have the same one: it is due when none of them has done it for so long.
pub struct Chore {
    every: Duration,
    start: Instant,
    /// When it was done last, in nanoseconds after `start`. Written by its thread only.
    last: AtomicU64,
    work: Box<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Chore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chore")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl Chore {
    /// `work` is called about every `every`, from within the waits of the hosts that it is given to
    /// ([`crate::OsHost::set_chore`]), and must not use the host that waits. A wait during which it returns false ends
    /// with `EINTR`.
    #[must_use]
    pub fn new(every: Duration, work: Box<dyn Fn() -> bool + Send + Sync>) -> Self {
        Chore {
            every,
            start: Instant::now(),
            last: AtomicU64::new(0),
            work,
        }
    }

    /// Does the work if it is due; for a thread whose calls never wait. Returns what the work returned, true if it is
    /// not due.
    #[must_use]
    pub fn do_if_due(&self) -> bool {
        self.left().is_ok()
    }

    /// The time until it is due again, after it was done if it was due; `Err` if the work said that the wait has to end.
    fn left(&self) -> std::result::Result<Duration, ()> {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        let left = (last + self.every).saturating_sub(self.start.elapsed());
        if !left.is_zero() {
            return Ok(left);
        }
        // Before too: the work may come back here by way of another host.
        self.done_now();
        let go_on = (self.work)();
        self.done_now();
        if go_on { Ok(self.every) } else { Err(()) }
    }

    fn done_now(&self) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }
}

/// The guest's side: part of each of its waits.
#[derive(Debug)]
pub(crate) struct Stop {
    fd: Arc<OwnedFd>,
    chore: Option<Arc<Chore>>,
    /// Nothing waits: what would have to wait says `EAGAIN`.
    impatient: bool,
}

impl Stop {
    pub(crate) fn new() -> Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(errno)?;
        Ok(Stop {
            fd: Arc::new(fd),
            chore: None,
            impatient: false,
        })
    }

    pub(crate) fn set_chore(&mut self, chore: Arc<Chore>) {
        self.chore = Some(chore);
    }

    pub(crate) fn set_impatient(&mut self) {
        self.impatient = true;
    }

    /// Before a wait of a call that waits.
    ///
    /// # Errors
    /// `EAGAIN`: nothing waits here.
    pub(crate) fn may_wait(&self) -> Result<()> {
        if self.impatient {
            Err(Errno::EAGAIN)
        } else {
            Ok(())
        }
    }

    /// How long one wait of what may last as long as `timeout` may take before the chore is due. Does it first where it
    /// is due already, unless there is no time for anything.
    ///
    /// # Errors
    /// `EINTR`: the chore says that the wait has to end.
    pub(crate) fn slice(&self, timeout: Option<Duration>) -> Result<Option<Duration>> {
        let Some(chore) = self.chore.as_ref().filter(|_| timeout != Some(Duration::ZERO)) else {
            return Ok(timeout);
        };
        let left = chore.left().map_err(|()| Errno::EINTR)?;
        Ok(Some(timeout.map_or(left, |timeout| timeout.min(left))))
    }

    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.fd))
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub(crate) fn pollfd(&self) -> libc::pollfd {
        pollfd(self.raw_fd(), Ready::READ)
    }
}

/// A [`Stopper`] that does not keep what it needs for as long as it is kept itself.
#[derive(Clone, Debug)]
pub struct WeakStopper(Weak<OwnedFd>);

impl WeakStopper {
    /// The stopper, `None` if neither the host nor another stopper of it is there any more.
    #[must_use]
    pub fn upgrade(&self) -> Option<Stopper> {
        self.0.upgrade().map(Stopper)
    }
}

impl Stopper {
    /// A handle that keeps nothing.
    #[must_use]
    pub fn downgrade(&self) -> WeakStopper {
        WeakStopper(Arc::downgrade(&self.0))
    }

    /// Makes the guest's current wait, and every later one, return `EINTR`. The eventfd stays readable, so nothing
    /// is missed by a wait that begins afterwards.
    ///
    /// # Errors
    /// What write(2) says of an eventfd; never `EAGAIN`, which only means that it is readable already.
    pub fn stop(&self) -> Result<()> {
        match rustix::io::write(self.0.as_fd(), &1u64.to_ne_bytes()).map_err(errno) {
            Ok(_) | Err(Errno::EAGAIN) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
