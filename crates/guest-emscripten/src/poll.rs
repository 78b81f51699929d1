//! poll(2) and epoll(7) over our descriptors. Those of Emscripten's file system are its own affair.

use std::time::Duration;

use guestnet_core::{EpollInterest, EpollMode, EpollOp, Errno, Fd, Host, Ready, Result, SharedGuestThread};

use crate::args::Args;
use crate::bits::FOREIGN;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::socket::number;
use crate::{abi, convert, event};

/// `RLIMIT_NOFILE` of this process as poll(2) sees it: no program can have more descriptors.
const MAX_POLLED: u32 = 65_536;

/// What an epoll reports. Who asks for `EPOLLRDNORM` gets `EPOLLIN`: nearly all ask for that one, and expect no other.
const EPOLL_REPORTED: i16 = i16::MAX & !(abi::POLLRDNORM | abi::POLLWRNORM);

/// What `timeout` of poll(2) and epoll_wait(2) says: milliseconds, negative for ever.
fn timeout(millis: i32) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// poll(fds, count, timeout, foreign). With `foreign` the JavaScript library has written the `revents` of the file system's
/// descriptors, which stay as they are; without, the first such descriptor ends the call with [`FOREIGN`].
pub(crate) fn poll<H: Host>(context: &mut ThreadContext<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let (array, count) = (args.pointer(0), args.pointer(1));
    if count > MAX_POLLED {
        return Err(Errno::EINVAL);
    }
    let foreign = args.int(3) != 0;
    let entry = |index: u32| array.checked_add(index * abi::POLLFD_SIZE).ok_or(Errno::EFAULT);
    let revents = |index: u32| entry(index)?.checked_add(6).ok_or(Errno::EFAULT);
    let mut ready = 0;
    context.guest.poll_begin();
    for index in 0..count {
        let [a, b, c, d, low, high, r_low, r_high] = memory.read::<8>(entry(index)?)?;
        let fd = i32::from_le_bytes([a, b, c, d]);
        let events = i16::from_le_bytes([low, high]);
        let mut result = 0;
        if let Ok(fd) = u32::try_from(fd) {
            match context.guest.poll_add(index, fd, convert::ready(events)) {
                Ok(()) => {}
                Err(Errno::EBADF) if foreign => result = i16::from_le_bytes([r_low, r_high]),
                Err(Errno::EBADF) => return Ok(FOREIGN),
                Err(errno) => return Err(errno),
            }
        }
        ready += i32::from(result != 0);
        memory.write(revents(index)?, &result.to_le_bytes())?;
    }
    let limit = if ready > 0 {
        Some(Duration::ZERO)
    } else {
        timeout(args.int(2))
    };
    context.guest.poll_wait(limit)?;
    for event in context.guest.poll_events() {
        let at = entry(event.token)?;
        let events = i16::from_le_bytes(memory.read(at.checked_add(4).ok_or(Errno::EFAULT)?)?);
        let bits = convert::poll_bits(event.ready, events);
        if bits != 0 {
            memory.write(revents(event.token)?, &bits.to_le_bytes())?;
            ready += 1;
        }
    }
    context.count_report(ready > 0);
    Ok(ready)
}

/// interest(events): the bits of [`Ready`](guestnet_core::Ready) for `events` of poll(2).
pub(crate) fn interest<H: Host>(_: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let [low, high, ..] = args.int(0).to_le_bytes();
    let ready = convert::ready(i16::from_le_bytes([low, high]));
    Ok(i32::from(ready.bits()))
}

/// epoll_create1(flags)
pub(crate) fn epoll_create<H: Host>(
    context: &mut ThreadContext<H>,
    _: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    if args.int(0) & !abi::SOCK_CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    number(context.guest.epoll_create()?)
}

/// epoll_ctl(epoll, op, fd, event)
pub(crate) fn epoll_ctl<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let interest = || {
        let at = args.pointer(3);
        let events = memory.u32(at)?;
        let data = u64::from_le_bytes(memory.read(at.checked_add(8).ok_or(Errno::EFAULT)?)?);
        // The low half is poll(2)'s.
        let [low, high, ..] = events.to_le_bytes();
        Ok::<_, Errno>(EpollInterest {
            ready: convert::ready(i16::from_le_bytes([low, high])),
            mode: convert::epoll_mode(events),
            data,
        })
    };
    let op = match args.int(1) {
        abi::EPOLL_CTL_ADD => EpollOp::Add(interest()?),
        abi::EPOLL_CTL_MOD => EpollOp::Modify(interest()?),
        abi::EPOLL_CTL_DEL => EpollOp::Delete,
        _ => return Err(Errno::EINVAL),
    };
    context
        .guest
        .epoll_control(args.fd(0), args.fd(2), op)
        .map(|()| 0)
}

/// epoll_wait(epoll, events, count, timeout)
pub(crate) fn epoll_wait<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    take_events(context, memory, args, timeout(args.int(3)))
}

/// epoll_pwait2(epoll, events, count, timeout): the timeout is a `struct timespec`, or null for none.
pub(crate) fn epoll_wait2<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let timeout = match args.pointer(3) {
        0 => None,
        at => Some(event::load_time(memory, at)?),
    };
    take_events(context, memory, args, timeout)
}

/// Has an epoll report a descriptor once when it is ready for any of the bits, with the number as its data: what a JavaScript engine's
/// own loop waits for.
///
/// # Errors
/// As epoll_ctl(2): the descriptor cannot be watched.
pub fn report_once<H: Host>(
    guest: &mut SharedGuestThread<H, ()>,
    epoll: Fd,
    fd: Fd,
    ready: Ready,
) -> Result<()> {
    let interest = EpollInterest {
        ready,
        mode: EpollMode::ONESHOT,
        data: u64::from(fd),
    };
    match guest.epoll_control(epoll, fd, EpollOp::Modify(interest)) {
        Err(Errno::ENOENT) => guest.epoll_control(epoll, fd, EpollOp::Add(interest)),
        result => result,
    }
}

fn take_events<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
    timeout: Option<Duration>,
) -> Result<i32> {
    let most = usize::try_from(args.int(2)).map_err(|_| Errno::EINVAL)?;
    let mut events = std::mem::take(&mut context.events);
    let outcome = context.guest.epoll_wait(args.fd(0), most, timeout, &mut events);
    let stored = outcome.and_then(|()| {
        let mut at = args.pointer(1);
        for event in &events {
            let bits = u32::from(convert::poll_bits(event.ready, EPOLL_REPORTED).cast_unsigned());
            memory.set_u32(at, bits)?;
            memory.write(at.checked_add(8).ok_or(Errno::EFAULT)?, &event.data.to_le_bytes())?;
            at = at.checked_add(abi::EPOLL_EVENT_SIZE).ok_or(Errno::EFAULT)?;
        }
        i32::try_from(events.len()).map_err(|_| Errno::EOVERFLOW)
    });
    context.count_report(!events.is_empty());
    context.events = events;
    stored
}
