//! eventfd(2) and timerfd_create(2). What reads, writes and polls them is in `socket` and `poll`.

use std::time::Duration;

use guestnet_core::{Errno, Host, Result, TimerSpec};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::socket::number;
use crate::{abi, convert};

/// eventfd(initial, flags)
pub(crate) fn eventfd<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let flags = args.int(1);
    let nonblocking = convert::descriptor_flags(flags & !abi::EFD_SEMAPHORE)?;
    let semaphore = flags & abi::EFD_SEMAPHORE != 0;
    let fd = context.guest.eventfd(args.pointer(0), semaphore)?;
    context.guest.set_nonblocking(fd, nonblocking)?;
    number(fd)
}

/// timerfd_create(clock, flags)
pub(crate) fn timerfd_create<H: Host>(
    context: &mut ThreadContext<H>,
    _: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let nonblocking = convert::descriptor_flags(args.int(1))?;
    let fd = context.guest.timerfd(convert::timer_clock(args.int(0))?)?;
    context.guest.set_nonblocking(fd, nonblocking)?;
    number(fd)
}

/// timerfd_settime(fd, flags, new, old, now): `now` is a `struct timespec` with what the program's own CLOCK_MONOTONIC says,
/// which is not the machine's.
pub(crate) fn timerfd_settime<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let (new, old) = (args.pointer(2), args.pointer(3));
    if new == 0 {
        return Err(Errno::EFAULT);
    }
    let spec = TimerSpec {
        interval: load_time(memory, new)?,
        value: load_time(memory, second(new)?)?,
    };
    let flags = convert::timer_flags(args.int(1))?;
    let now = load_time(memory, args.pointer(4))?;
    let before = context.guest.set_timer(args.fd(0), flags, spec, Some(now))?;
    match old {
        0 => Ok(0),
        at => store_spec(memory, at, before),
    }
}

/// timerfd_gettime(fd, current)
pub(crate) fn timerfd_gettime<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let spec = context.guest.timer(args.fd(0))?;
    match args.pointer(1) {
        0 => Err(Errno::EFAULT),
        at => store_spec(memory, at, spec),
    }
}

/// Where the value of a `struct itimerspec` stands: behind the interval.
fn second(at: u32) -> Result<u32> {
    at.checked_add(abi::TIMESPEC_SIZE).ok_or(Errno::EFAULT)
}

/// A `struct timespec`: seconds of 8 bytes, nanoseconds of 4.
///
/// # Errors
/// `EFAULT`; `EINVAL`: negative, or 10^9 nanoseconds and more.
pub(crate) fn load_time(memory: Memory<'_>, at: u32) -> Result<Duration> {
    let seconds = i64::from_le_bytes(memory.read(at)?);
    let nanos = i32::from_le_bytes(memory.read(at.checked_add(8).ok_or(Errno::EFAULT)?)?);
    let seconds = u64::try_from(seconds).map_err(|_| Errno::EINVAL)?;
    match u32::try_from(nanos) {
        Ok(nanos) if nanos < 1_000_000_000 => Ok(Duration::new(seconds, nanos)),
        Ok(_) | Err(_) => Err(Errno::EINVAL),
    }
}

/// # Errors
/// `EFAULT`.
pub(crate) fn store_time(memory: Memory<'_>, at: u32, time: Duration) -> Result<()> {
    memory.write(at, &time.as_secs().to_le_bytes())?;
    let nanos = time.subsec_nanos().to_le_bytes();
    memory.write(at.checked_add(8).ok_or(Errno::EFAULT)?, &nanos)
}

fn store_spec(memory: Memory<'_>, at: u32, spec: TimerSpec) -> Result<i32> {
    store_time(memory, at, spec.interval)?;
    store_time(memory, second(at)?, spec.value)?;
    Ok(0)
}
