//! [`Stopper`]: ends a guest's waits from another thread.

use std::cell::RefCell;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use guestnet_core::{Errno, Ready, Result};
use rustix::event::EventfdFlags;

use crate::convert::errno;
use crate::wait::pollfd;

/// Ends every wait of one guest, now and from now on. May be cloned, sent and used from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<OwnedFd>);

/// The guest's side: part of each of its waits.
pub(crate) struct Stop {
    fd: Arc<OwnedFd>,
    chore: RefCell<Option<Chore>>,
}

/// What a thread that waits has to do now and then.
struct Chore {
    every: Duration,
    work: Box<dyn FnMut() + Send>,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.fd).finish_non_exhaustive()
    }
}

impl Stop {
    pub(crate) fn new() -> Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(errno)?;
        Ok(Stop {
            fd: Arc::new(fd),
            chore: RefCell::default(),
        })
    }

    pub(crate) fn set_chore(&self, every: Duration, work: Box<dyn FnMut() + Send>) {
        *self.chore.borrow_mut() = Some(Chore { every, work });
    }

    /// How long one wait may take before the chore is due.
    pub(crate) fn slice(&self, timeout: Option<Duration>) -> Option<Duration> {
        match (&*self.chore.borrow(), timeout) {
            (None, timeout) => timeout,
            (Some(chore), None) => Some(chore.every),
            (Some(chore), Some(timeout)) => Some(timeout.min(chore.every)),
        }
    }

    /// Does the chore, if there is one. Returns whether there is.
    pub(crate) fn do_chore(&self) -> bool {
        // Taken out meanwhile: the work may come back here by way of another host of the same thread, never this one.
        let chore = self.chore.borrow_mut().take();
        let Some(mut chore) = chore else { return false };
        (chore.work)();
        *self.chore.borrow_mut() = Some(chore);
        true
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
            Ok(_) | Err(Errno::Again) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
