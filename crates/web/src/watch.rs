//! [`Watch`]: readiness for JavaScript's own loop, by an epoll of the program's that JavaScript asks when something has changed. The
//! program's own epolls are polled then, because no epoll is in another one.

use std::collections::BTreeMap;
use std::time::Duration;

use guestnet_core::{EpollEvent, Errno, Fd, Ready, Result, SharedGuestThread};
use guestnet_emscripten::report_once;

use crate::options::Host;

/// How many events are taken at a time.
const EVENTS: usize = 64;

/// What JavaScript waits for.
#[derive(Debug)]
pub(crate) struct Watch {
    epoll: Fd,
    events: Vec<EpollEvent>,
    /// The program's epolls that are watched, and for what.
    epolls: BTreeMap<Fd, Ready>,
}

impl Watch {
    /// # Errors
    /// As epoll_create1(2).
    pub(crate) fn new(guest: &mut SharedGuestThread<Host, ()>) -> Result<Self> {
        Ok(Watch {
            epoll: guest.epoll_create()?,
            events: Vec::new(),
            epolls: BTreeMap::new(),
        })
    }

    /// Reports once when the descriptor is ready for any of the bits of [`Ready`].
    ///
    /// # Errors
    /// As epoll_ctl(2): the descriptor cannot be watched.
    pub(crate) fn arm(
        &mut self,
        guest: &mut SharedGuestThread<Host, ()>,
        fd: Fd,
        ready: Ready,
    ) -> Result<()> {
        match report_once(guest, self.epoll, fd, ready) {
            Err(Errno::ELOOP) => {
                self.epolls.insert(fd, ready);
                Ok(())
            }
            watched => {
                // The number may have been an epoll's before.
                self.epolls.remove(&fd);
                watched
            }
        }
    }

    /// What is ready now, as pairs of a descriptor and its bits.
    pub(crate) fn take(&mut self, guest: &mut SharedGuestThread<Host, ()>) -> Vec<u8> {
        let taken = guest.epoll_wait(self.epoll, EVENTS, Some(Duration::ZERO), &mut self.events);
        if taken.is_err() {
            return Vec::new();
        }
        let pair = |event: &EpollEvent| {
            let fd = Fd::try_from(event.data).unwrap_or(Fd::MAX);
            (fd, event.ready)
        };
        let mut ready: Vec<_> = self.events.iter().map(pair).collect();
        self.take_epolls(guest, &mut ready);
        let numbers = ready
            .iter()
            .flat_map(|(fd, ready)| [*fd, u32::from(ready.bits())]);
        numbers.flat_map(u32::to_le_bytes).collect()
    }

    /// Adds the program's epolls that are ready, each of which is reported once.
    fn take_epolls(&mut self, guest: &mut SharedGuestThread<Host, ()>, ready: &mut Vec<(Fd, Ready)>) {
        if self.epolls.is_empty() {
            return;
        }
        guest.poll_begin();
        self.epolls
            .retain(|fd, want| guest.poll_add(*fd, *fd, *want).is_ok());
        if guest.poll_wait(Some(Duration::ZERO)).is_err() {
            return;
        }
        for event in guest.poll_events() {
            self.epolls.remove(&event.token);
            ready.push((event.token, event.ready));
        }
    }
}
