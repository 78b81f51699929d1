//! Counters of eventfd(2) and timers of timerfd_create(2). Reading, writing and polling them is the affair of every stream.

use std::time::Duration;

use guestnet_core::{Errno, Result, TimerClock, TimerFlags, TimerSpec};
use rustix::event::{EventfdFlags, Timespec, eventfd as kernel_eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_gettime,
    timerfd_settime,
};

use crate::convert::errno;
use crate::io::{Io, IoKind};

pub(crate) fn eventfd(initial: u32, semaphore: bool) -> Result<Io> {
    let mut flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
    flags.set(EventfdFlags::SEMAPHORE, semaphore);
    let fd = kernel_eventfd(initial, flags).map_err(errno)?;
    Ok(Io::new(fd, IoKind::Counter))
}

pub(crate) fn timerfd(clock: TimerClock) -> Result<Io> {
    let id = match clock {
        TimerClock::Realtime => TimerfdClockId::Realtime,
        TimerClock::Monotonic => TimerfdClockId::Monotonic,
        TimerClock::Boottime => TimerfdClockId::Boottime,
    };
    let fd = timerfd_create(id, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC).map_err(errno)?;
    Ok(Io::new(fd, IoKind::Timer(clock)))
}

pub(crate) fn set_timer(io: &Io, flags: TimerFlags, spec: TimerSpec) -> Result<TimerSpec> {
    is_timer(io)?;
    let mut with = TimerfdTimerFlags::empty();
    with.set(TimerfdTimerFlags::ABSTIME, flags.contains(TimerFlags::ABSTIME));
    with.set(
        TimerfdTimerFlags::CANCEL_ON_SET,
        flags.contains(TimerFlags::CANCEL_ON_SET),
    );
    let new = Itimerspec {
        it_interval: timespec(spec.interval),
        it_value: timespec(spec.value),
    };
    timerfd_settime(io.fd(), with, &new)
        .map(|old| timer_spec(&old))
        .map_err(errno)
}

pub(crate) fn timer(io: &Io) -> Result<TimerSpec> {
    is_timer(io)?;
    timerfd_gettime(io.fd())
        .map(|spec| timer_spec(&spec))
        .map_err(errno)
}

fn is_timer(io: &Io) -> Result<()> {
    match io.kind {
        IoKind::Timer(_) => Ok(()),
        IoKind::Socket(_) | IoKind::Stream(_) | IoKind::Lookup | IoKind::Epoll | IoKind::Counter => {
            Err(Errno::EINVAL)
        }
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

/// The kernel gives no negative times.
fn timer_spec(spec: &Itimerspec) -> TimerSpec {
    let duration = |time: Timespec| {
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
    };
    TimerSpec {
        value: duration(spec.it_value),
        interval: duration(spec.it_interval),
    }
}
