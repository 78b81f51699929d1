//! [`ThreadContext`]: what the calls of one thread share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guestnet_core::resolve::AddrInfoList;
use guestnet_core::{EpollEvent, Fd, Host, LingeringFile, Result, SharedGuestThread};

use crate::control::Arrival;
use crate::memory::Memory;

/// How many descriptor numbers Emscripten's file system gives (`FS.MAX_OPEN_FDS`, and 0): a fresh descriptor has a number
/// from here on until it is placed.
pub const RESERVED: Fd = 4097;

/// One thread of a program: its `GuestThread`, and what one call leaves for the next. A thread whose calls nest has one for
/// each call that runs.
#[derive(Debug)]
pub struct ThreadContext<H: Host> {
    pub(crate) guest: SharedGuestThread<H, ()>,
    /// The result of a look-up, and the hints' flags, until the program has allocated memory for the list.
    pub(crate) addr_infos: Option<(AddrInfoList, i32)>,
    /// Messages that brought descriptors, until these have numbers.
    pub(crate) arrivals: VecDeque<Arrival>,
    /// A socket that this thread is closing.
    pub(crate) lingering: Option<LingeringFile<H, ()>>,
    /// Room for the events of epoll_wait(2).
    pub(crate) events: Vec<EpollEvent>,
    /// How many calls reported readiness to the program.
    reports: Arc<AtomicU64>,
}

impl<H: Host> ThreadContext<H> {
    /// A thread of a program, around its `GuestThread`. The table must be [reserving](RESERVED) the file system's numbers.
    #[must_use]
    pub fn new(guest: SharedGuestThread<H, ()>) -> Self {
        ThreadContext {
            guest,
            addr_infos: None,
            arrivals: VecDeque::new(),
            lingering: None,
            events: Vec::new(),
            reports: Arc::default(),
        }
    }

    /// Counts in `reports` the calls of poll(2) and epoll_wait(2) that report readiness, together with those of the program's
    /// other threads.
    #[must_use]
    pub fn with_report_count(mut self, reports: &Arc<AtomicU64>) -> Self {
        self.reports = Arc::clone(reports);
        self
    }

    /// Closes the descriptors that messages brought and the JavaScript library never asked for: the call that received them ended
    /// in between.
    pub(crate) fn close_arrivals(&mut self) {
        for arrival in std::mem::take(&mut self.arrivals) {
            arrival.close(&mut self.guest);
        }
    }

    /// Stores what a message has beside its data. Its descriptors, if there are any, then wait for numbers.
    ///
    /// # Errors
    /// `EFAULT`; then the descriptors are closed.
    pub(crate) fn take_in(&mut self, memory: Memory<'_>, arrival: Arrival) -> Result<()> {
        let stored = arrival.store(memory);
        if stored.is_err() || arrival.is_complete() {
            arrival.close(&mut self.guest);
        } else {
            self.arrivals.push_back(arrival);
        }
        stored
    }

    pub(crate) fn count_report(&self, ready: bool) {
        if ready {
            self.reports.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The guest, for what is not a system call.
    pub fn guest(&mut self) -> &mut SharedGuestThread<H, ()> {
        &mut self.guest
    }
}
