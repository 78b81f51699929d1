//! [`Counter`] and [`Timer`]: eventfd(2) and timerfd_create(2) in memory, over the browser's clocks.

use std::io::IoSlice;
use std::time::Duration;

use guestnet_core::{Clock, Errno, Ready, Result, TimerClock, TimerFlags, TimerSpec};

use crate::browser::Browser;

/// The most that a counter holds.
const MOST: u64 = u64::MAX - 1;

/// How late a timer by `CLOCK_REALTIME` may learn that the clock was set, which no browser reports.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// A counter of eventfd(2).
#[derive(Debug)]
pub(crate) struct Counter {
    value: u64,
    is_semaphore: bool,
    arrivals: u32,
}

impl Counter {
    pub(crate) fn new(initial: u32, is_semaphore: bool) -> Self {
        Counter {
            value: initial.into(),
            is_semaphore,
            arrivals: 0,
        }
    }

    /// read(2).
    pub(crate) fn read(&mut self) -> Result<u64> {
        if self.value == 0 {
            return Err(Errno::EAGAIN);
        }
        if self.value == MOST {
            self.arrivals = self.arrivals.wrapping_add(1);
        }
        let taken = if self.is_semaphore { 1 } else { self.value };
        self.value -= taken;
        Ok(taken)
    }

    /// write(2): all of it or nothing.
    pub(crate) fn write(&mut self, value: u64) -> Result<()> {
        if value > MOST {
            return Err(Errno::EINVAL);
        }
        if !self.has_room_for(value) {
            return Err(Errno::EAGAIN);
        }
        self.value += value;
        self.arrivals = self.arrivals.wrapping_add(1);
        Ok(())
    }

    /// Whether it can hold so much more. poll(2) says only whether it can hold 1.
    pub(crate) fn has_room_for(&self, value: u64) -> bool {
        value <= MOST - self.value
    }

    /// How often something was written, or there was room after there was none.
    pub(crate) fn arrivals(&self) -> u32 {
        self.arrivals
    }

    /// What poll(2) would say.
    pub(crate) fn ready(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::READ, self.value > 0);
        ready.set(Ready::WRITE, self.has_room_for(1));
        ready
    }
}

/// What is written to a counter: the first 8 bytes, which the core has seen to be there.
pub(crate) fn written(bufs: &[IoSlice<'_>]) -> u64 {
    let mut bytes = [0; 8];
    let given = bufs.iter().flat_map(|buf| buf.iter());
    for (to, from) in bytes.iter_mut().zip(given) {
        *to = *from;
    }
    u64::from_ne_bytes(bytes)
}

/// A timer of timerfd_create(2). Nothing runs when it expires: what has expired follows from the clock.
#[derive(Debug)]
pub(crate) struct Timer {
    clock: TimerClock,
    /// What it is set by. Setting `CLOCK_REALTIME` moves no timer that was set to a time from then, as in Linux.
    by: Clock,
    /// When it expires, or has expired and was not read since; `None` if it is not armed.
    expires: Option<Duration>,
    interval: Duration,
    /// How often it was set or its expirations were read.
    rounds: u32,
}

impl Timer {
    /// One that is not armed.
    pub(crate) fn new(clock: TimerClock) -> Self {
        Timer {
            clock,
            by: Clock::Monotonic,
            expires: None,
            interval: Duration::ZERO,
            rounds: 0,
        }
    }

    pub(crate) fn clock(&self) -> TimerClock {
        self.clock
    }

    /// timerfd_settime(2). What has expired and was not read is forgotten. A browser does not say that its clock was set, so that
    /// `TFD_TIMER_CANCEL_ON_SET` cancels nothing.
    pub(crate) fn set(&mut self, browser: &impl Browser, flags: TimerFlags, spec: TimerSpec) -> TimerSpec {
        let before = self.spec(browser);
        let is_absolute = flags.contains(TimerFlags::ABSTIME);
        self.by = match self.clock {
            TimerClock::Realtime if is_absolute => Clock::Realtime,
            TimerClock::Realtime | TimerClock::Monotonic | TimerClock::Boottime => Clock::Monotonic,
        };
        let from = if is_absolute {
            Duration::ZERO
        } else {
            browser.real_now(self.by)
        };
        self.expires = (!spec.value.is_zero()).then(|| from.saturating_add(spec.value));
        self.interval = spec.interval;
        self.rounds = self.rounds.wrapping_add(1);
        before
    }

    /// timerfd_gettime(2).
    pub(crate) fn spec(&self, browser: &impl Browser) -> TimerSpec {
        let value = self.expires.map_or(Duration::ZERO, |expires| {
            let now = browser.real_now(self.by);
            match now.checked_sub(expires) {
                None => expires - now,
                Some(_) if self.interval.is_zero() => Duration::ZERO,
                Some(since) => self.interval - remainder(since, self.interval),
            }
        });
        TimerSpec {
            value,
            interval: self.interval,
        }
    }

    /// read(2): how often it has expired since it was set or read.
    pub(crate) fn read(&mut self, browser: &impl Browser) -> Result<u64> {
        let now = browser.real_now(self.by);
        let since = self.expires.and_then(|expires| now.checked_sub(expires));
        let since = since.ok_or(Errno::EAGAIN)?;
        self.rounds = self.rounds.wrapping_add(1);
        if self.interval.is_zero() {
            self.expires = None;
            return Ok(1);
        }
        self.expires = Some((now - remainder(since, self.interval)).saturating_add(self.interval));
        let later = since.as_nanos() / self.interval.as_nanos();
        Ok(u64::try_from(later).unwrap_or(u64::MAX).saturating_add(1))
    }

    fn has_expired(&self, browser: &impl Browser) -> bool {
        self.expires
            .is_some_and(|expires| expires <= browser.real_now(self.by))
    }

    /// How often it has expired after it was set or read: between two of these it expires once more for who waits.
    pub(crate) fn arrivals(&self, browser: &impl Browser) -> u32 {
        self.rounds.wrapping_add(self.has_expired(browser).into())
    }

    /// What poll(2) would say.
    pub(crate) fn ready(&self, browser: &impl Browser) -> Ready {
        if self.has_expired(browser) {
            Ready::READ
        } else {
            Ready::empty()
        }
    }

    /// How long until it has to be looked at again; `None` if it is not armed, or has expired and was not read.
    pub(crate) fn remaining(&self, browser: &impl Browser) -> Option<Duration> {
        let expires = self.expires?;
        let left = expires.checked_sub(browser.real_now(self.by))?;
        let longest = match self.by {
            Clock::Realtime => LOOK_AT_CLOCK,
            Clock::Monotonic | Clock::ThreadCpu => Duration::MAX,
        };
        (!left.is_zero()).then(|| left.min(longest))
    }
}

/// What is left of a time when all whole intervals are taken away. An interval is not 0.
fn remainder(time: Duration, interval: Duration) -> Duration {
    // A clock counts no more than 2^64 nanoseconds, some 584 years.
    let nanos = time.as_nanos() % interval.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
