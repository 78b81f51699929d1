//! eventfd(2) and timerfd_create(2) for guests whose ABI has them. read(2), write(2) and poll(2) are those of every stream.

use std::sync::Arc;
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::fd::{Descriptor, Fd, Slots, Target};
use crate::guest::{GuestThread, SharedDescriptor, SharedGuestThread};
use crate::host::{Clock, Host, StreamKind, TimerClock, TimerFlags, TimerSpec};
use crate::open_file::OpenFile;

/// What is read and written of a counter: a number of 64 bits.
pub(crate) const COUNTER_SIZE: usize = 8;

impl<H: Host, F> SharedGuestThread<H, F> {
    /// eventfd(2) for the adapter: a counter of 0 that has no number, so that the guest does not know it. One thread waits for it
    /// with [`GuestThread::poll_add`] and reads it, another one writes to it. Neither call waits.
    ///
    /// It counts against none of the guest's limits: the adapter makes no more than a few.
    ///
    /// # Errors
    /// `ENOSYS` (a host without), `EMFILE` (of the host).
    pub fn unnumbered_eventfd(&mut self) -> Result<SharedDescriptor<H, F>> {
        let io = self.host.eventfd(0, false)?;
        let counter = self.stream(io, None);
        if let OpenFile::Stream(stream) = &counter {
            stream.nonblocking.set(true);
        }
        Ok(Descriptor::new(Fd::MAX, Arc::new(counter)))
    }
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// eventfd(2): a counter that begins with `initial`. With `semaphore` (`EFD_SEMAPHORE`) a read takes 1 of it and not all.
    ///
    /// # Errors
    /// `ENOSYS` (a host without), `EMFILE`.
    pub fn eventfd(&mut self, initial: u32, semaphore: bool) -> Result<Fd> {
        let result = self.do_eventfd(initial, semaphore);
        self.traced(
            "eventfd",
            result,
            |fd| u64::from(*fd),
            format_args!("{initial}, {semaphore}"),
        )
    }

    fn do_eventfd(&mut self, initial: u32, semaphore: bool) -> Result<Fd> {
        self.guest.table.lowest_free()?;
        let io = self.host.eventfd(initial, semaphore)?;
        let counter = self.stream(io, None);
        self.insert_made(counter)
    }

    /// timerfd_create(2): a timer that is not armed.
    ///
    /// # Errors
    /// `ENOSYS` (a host without), `EMFILE`.
    pub fn timerfd(&mut self, clock: TimerClock) -> Result<Fd> {
        let result = self.do_timerfd(clock);
        self.traced(
            "timerfd_create",
            result,
            |fd| u64::from(*fd),
            format_args!("{clock:?}"),
        )
    }

    fn do_timerfd(&mut self, clock: TimerClock) -> Result<Fd> {
        self.guest.table.lowest_free()?;
        let io = self.host.timerfd(clock)?;
        let timer = self.stream(io, None);
        self.insert_made(timer)
    }

    /// timerfd_settime(2): arms the timer, or, with a value of 0, disarms it. Returns what it was set to.
    ///
    /// `monotonic` is what the guest's own clock says now, if that is not [`Clock::Monotonic`] of the host: an absolute time
    /// counts from where the guest's clock does. It means nothing to timers of [`TimerClock::Realtime`].
    ///
    /// # Errors
    /// `EBADF`; `EINVAL`: not a timer; `ECANCELED`: as read(2), with [`TimerFlags::CANCEL_ON_SET`].
    pub fn set_timer(
        &mut self,
        fd: impl Target<T::Pin>,
        flags: TimerFlags,
        spec: TimerSpec,
        monotonic: Option<Duration>,
    ) -> Result<TimerSpec> {
        let result = self.with_open_file(fd, |call, entry| {
            let OpenFile::Stream(stream) = entry else {
                return Err(Errno::EINVAL);
            };
            let StreamKind::Timer(clock) = stream.kind else {
                return Err(Errno::EINVAL);
            };
            let mut spec = spec;
            if let (Some(theirs), true, false) = (
                monotonic,
                flags.contains(TimerFlags::ABSTIME) && !spec.value.is_zero(),
                clock == TimerClock::Realtime,
            ) {
                // What was before the host's clock began has expired just as well at its first moment; 0 would disarm.
                spec.value = call
                    .host
                    .now(Clock::Monotonic)
                    .saturating_add(spec.value)
                    .saturating_sub(theirs)
                    .max(Duration::from_nanos(1));
            }
            call.host.set_timer(&stream.io, flags, spec)
        });
        self.traced(
            "timerfd_settime",
            result,
            |_| 0,
            format_args!("{fd}, {flags:?}, {:?}, {:?}", spec.value, spec.interval),
        )
    }

    /// timerfd_gettime(2): how long until the timer expires, 0 if it is not armed, and its interval.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL`: not a timer.
    pub fn timer(&mut self, fd: impl Target<T::Pin>) -> Result<TimerSpec> {
        let result = self.with_open_file(fd, |call, entry| match entry {
            OpenFile::Stream(stream) if matches!(stream.kind, StreamKind::Timer(_)) => {
                call.host.timer(&stream.io)
            }
            OpenFile::Stream(_) | OpenFile::Socket(_) | OpenFile::File(_) => Err(Errno::EINVAL),
        });
        self.traced("timerfd_gettime", result, |_| 0, format_args!("{fd}"))
    }
}
