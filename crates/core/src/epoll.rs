//! epoll(7) for guests whose ABI has it.

use std::sync::Arc;
use std::time::Duration;

use crate::blocking::Deadline;
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::guest::GuestThread;
use crate::host::Host;
use crate::open_file::{Holds, OpenFile};
use crate::readiness::{EpollEvent, EpollOp, Ready};

/// The most events that one call takes; epoll_wait(2) may always give fewer than asked for.
const MAX_EVENTS: usize = 1024;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// epoll_create1(2).
    ///
    /// # Errors
    /// `ENOSYS` (a host without), `EMFILE`, `ENOMEM` (the guest's limit of buffers).
    pub fn epoll_create(&mut self) -> Result<Fd> {
        let result = self.do_epoll_create();
        self.traced("epoll_create", result, |fd| u64::from(*fd), format_args!(""))
    }

    fn do_epoll_create(&mut self) -> Result<Fd> {
        self.guest.table.lowest_free()?;
        let size = self.guest.room.capacity().epoll();
        let buffers = self.guest.room.buffers(size).map_err(|_| Errno::ENOMEM)?;
        let io = self.host.epoll()?;
        let epoll = self.stream(io, Some(Holds::new(None, &Arc::new(buffers))));
        self.insert_made(epoll)
    }

    /// epoll_ctl(2). As in Linux the epoll watches the open file description: closing one of several descriptors for
    /// it changes nothing. Unlike in Linux those count as one, so that a second `Add` by another of them is `EEXIST`.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` (not an epoll, itself, or an operation that it cannot do), `EEXIST`, `ENOENT`, `EPERM` (a
    /// file), `ELOOP`, `ENOSPC`.
    pub fn epoll_control(&mut self, epoll: Fd, fd: Fd, op: EpollOp) -> Result<()> {
        let result = self.do_epoll_control(epoll, fd, op);
        self.traced("epoll_ctl", result, |()| 0, format_args!("{epoll}, {fd}, {op:?}"))
    }

    fn do_epoll_control(&mut self, epoll: Fd, fd: Fd, op: EpollOp) -> Result<()> {
        let epoll_entry = self.guest.table.entry(epoll)?;
        let entry = self.guest.table.entry(fd)?;
        let io = match &*entry {
            OpenFile::Socket(socket) => &socket.io,
            OpenFile::Stream(stream) => &stream.io,
            OpenFile::File(_) => return Err(Errno::EPERM),
        };
        match &*epoll_entry {
            OpenFile::Stream(_) if epoll == fd => Err(Errno::EINVAL),
            OpenFile::Stream(stream) => self.host.epoll_control(&stream.io, io, op),
            OpenFile::Socket(_) | OpenFile::File(_) => Err(Errno::EINVAL),
        }
    }

    /// epoll_wait(2): replaces `events` by at most `most` events. `None` waits for ever.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` (not an epoll, or `most` is 0), `EINTR` (the guest was stopped).
    pub fn epoll_wait(
        &mut self,
        epoll: Fd,
        most: usize,
        timeout: Option<Duration>,
        events: &mut Vec<EpollEvent>,
    ) -> Result<()> {
        events.clear();
        let result = self.do_epoll_wait(epoll, most.min(MAX_EVENTS), timeout, events);
        if self.guest.traced {
            let count = events.len() as u64;
            self.trace("epoll_wait", &result, |()| count, format_args!("{epoll}, {most}"));
        }
        result
    }

    fn do_epoll_wait(
        &mut self,
        epoll: Fd,
        most: usize,
        timeout: Option<Duration>,
        events: &mut Vec<EpollEvent>,
    ) -> Result<()> {
        let entry = self.guest.table.entry(epoll)?;
        let OpenFile::Stream(stream) = &*entry else {
            return Err(Errno::EINVAL);
        };
        if most == 0 {
            return Err(Errno::EINVAL);
        }
        let mut limit = Deadline::new(timeout);
        loop {
            self.host.epoll_take(&stream.io, most, events)?;
            if !events.is_empty() {
                return Ok(());
            }
            let remaining = limit.remaining(&self.host);
            if remaining == Some(Duration::ZERO) {
                return Ok(());
            }
            self.host.wait(&stream.io, Ready::READ, remaining)?;
        }
    }
}
