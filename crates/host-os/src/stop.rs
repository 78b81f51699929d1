//! [`Stopper`]: ends a guest's waits from another thread.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use guestnet_core::{Errno, Ready, Result};
use rustix::event::EventfdFlags;

use crate::convert::errno;
use crate::wait::pollfd;

/// Ends every wait of one guest, now and from now on. May be cloned, sent and used from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<OwnedFd>);

/// The guest's side: part of each of its waits.
#[derive(Debug)]
pub(crate) struct Stop(Arc<OwnedFd>);

impl Stop {
    pub(crate) fn new() -> Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(errno)?;
        Ok(Stop(Arc::new(fd)))
    }

    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.0))
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    pub(crate) fn pollfd(&self) -> libc::pollfd {
        pollfd(self.raw_fd(), Ready::READ)
    }
}

impl Stopper {
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
