//! [`Watch`]: readiness for JavaScript's own loop, by an epoll of the program's that JavaScript asks when something has changed.

use std::time::Duration;

use guestnet_core::{EpollEvent, Fd, Ready, Result, SharedGuestThread};
use guestnet_emscripten::report_once;

use crate::options::Host;

/// How many events are taken at a time.
const EVENTS: usize = 64;

/// What JavaScript waits for.
#[derive(Debug)]
pub(crate) struct Watch {
    epoll: Fd,
    events: Vec<EpollEvent>,
}

impl Watch {
    /// # Errors
    /// As epoll_create1(2).
    pub(crate) fn new(guest: &mut SharedGuestThread<Host, ()>) -> Result<Self> {
        Ok(Watch {
            epoll: guest.epoll_create()?,
            events: Vec::new(),
        })
    }

    /// Reports once when the descriptor is ready for any of the bits of [`Ready`].
    ///
    /// # Errors
    /// As epoll_ctl(2): the descriptor cannot be watched.
    pub(crate) fn arm(&self, guest: &mut SharedGuestThread<Host, ()>, fd: Fd, ready: Ready) -> Result<()> {
        report_once(guest, self.epoll, fd, ready)
    }

    /// What is ready now, as pairs of a descriptor and its bits.
    pub(crate) fn take(&mut self, guest: &mut SharedGuestThread<Host, ()>) -> Vec<u8> {
        let taken = guest.epoll_wait(self.epoll, EVENTS, Some(Duration::ZERO), &mut self.events);
        if taken.is_err() {
            return Vec::new();
        }
        let pair = |event: &EpollEvent| {
            let fd = Fd::try_from(event.data).unwrap_or(Fd::MAX);
            [fd, u32::from(event.ready.bits())]
        };
        self.events
            .iter()
            .flat_map(pair)
            .flat_map(u32::to_le_bytes)
            .collect()
    }
}
