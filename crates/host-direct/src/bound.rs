//! [`Bound`]: a bind(2) that the browser answers late, of TCP and of UDP.

use std::net::SocketAddr;

use guestnet_core::{Errno, Result};

use crate::browser::{Browser, Failure, Id, State};

/// A socket of the browser that opens, or is open, at the address that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) id: Id,
    /// In the browser's form.
    pub(crate) asked: SocketAddr,
    /// The guest knows that it is open.
    pub(crate) answered: bool,
}

impl Bound {
    /// One that begins to open.
    pub(crate) fn new(id: Id, asked: SocketAddr) -> Self {
        Bound {
            id,
            asked,
            answered: false,
        }
    }

    /// Answers the guest. Where it could not be opened it is closed, and its owner is bound no more.
    ///
    /// # Errors
    /// `EAGAIN`: the browser has not opened it yet. Others: it could not be opened.
    pub(crate) fn answer(&mut self, browser: &impl Browser) -> Result<()> {
        let state = browser.state(self.id);
        if state.contains(State::FAILED) {
            let errno = bind_error(browser.failure(self.id));
            browser.close(self.id);
            return Err(errno);
        }
        if !state.contains(State::OPEN) {
            return Err(Errno::EAGAIN);
        }
        self.answered = true;
        Ok(())
    }
}

/// Why a socket could not be bound.
pub(crate) fn bind_error(failure: Failure) -> Errno {
    match failure {
        Failure::Network | Failure::Reset | Failure::TimedOut | Failure::Other => Errno::EADDRINUSE,
        // Of the arguments the address alone was not looked at before.
        Failure::NotFound | Failure::Invalid => Errno::EADDRNOTAVAIL,
        Failure::NotAllowed => Errno::EACCES,
    }
}
