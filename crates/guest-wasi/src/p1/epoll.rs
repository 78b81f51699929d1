//! guestnet's own `epoll_create`, `epoll_ctl` and `epoll_wait`: epoll(7), which no socket ABI has. An epoll is a descriptor like
//! every other: `fd_close` closes it, and `poll_oneoff` and another epoll may wait for it.
//!
//! Not here: WasmEdge's `epoll_oneoff`, which is a poll (`poll`).

use std::time::Duration;

use guestnet_core::{EpollInterest, EpollOp, Errno, Host, Result};

use super::abi;
use super::convert;
use super::memory::Memory;
use super::registry::{Registry, calls};
use crate::state::{Getter, GuestCtx};

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
) {
    calls! { registry, get, abi::GUESTNET;
        "epoll_create" => epoll_create, (out: u32);
        "epoll_ctl" => epoll_ctl, (epoll: u32, op: u32, fd: u32, events: u32, data: u64);
        "epoll_wait" => epoll_wait, (epoll: u32, events: u32, most: u32, timeout: u64, out: u32);
    }
}

/// epoll_create1(2): stores the descriptor.
fn epoll_create<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, out: u32) -> Result<()> {
    memory.check(out, 4)?;
    let epoll = ctx.guest.epoll_create()?;
    memory.store_u32(out, epoll)
}

/// epoll_ctl(2), the `struct epoll_event` by value. `EPOLL_CTL_DEL` looks at neither of its parts.
fn epoll_ctl<H: Host>(
    _memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    epoll: u32,
    op: u32,
    fd: u32,
    events: u32,
    data: u64,
) -> Result<()> {
    let interest = EpollInterest {
        ready: convert::epoll_interest(events),
        mode: convert::epoll_mode(events),
        data,
    };
    let op = match op {
        abi::EPOLL_CTL_ADD => EpollOp::Add(interest),
        abi::EPOLL_CTL_DEL => EpollOp::Delete,
        abi::EPOLL_CTL_MOD => EpollOp::Modify(interest),
        _ => {
            // Linux looks at the descriptors first.
            ctx.guest.look_up(epoll)?;
            ctx.guest.look_up(fd)?;
            return Err(Errno::EINVAL);
        }
    };
    ctx.guest.epoll_control(epoll, fd, op)
}

/// epoll_wait(2) with a time in nanoseconds; a negative one is for ever. Stores the events and their count.
///
/// Room for more than [`abi::MAX_EPOLL_EVENTS`] events is taken and not used: epoll_wait(2) may always give fewer.
fn epoll_wait<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    epoll: u32,
    events: u32,
    most: u32,
    timeout: u64,
    out: u32,
) -> Result<()> {
    ctx.guest.look_up(epoll)?;
    if most == 0 || most > abi::EPOLL_ROOM {
        return Err(Errno::EINVAL);
    }
    let most = most.min(abi::MAX_EPOLL_EVENTS);
    // What is reported is taken out of the epoll: there must be room for it before that.
    memory.check(out, 4)?;
    memory.check(events, most * abi::EPOLL_EVENT)?;
    let timeout = i64::try_from(timeout).ok().map(|_| Duration::from_nanos(timeout));
    ctx.guest
        .epoll_wait(epoll, most as usize, timeout, &mut ctx.epoll_events)?;
    let mut at = events;
    for event in &ctx.epoll_events {
        memory.store_u32(at, convert::epoll_bits(event.ready))?;
        memory.store(at.wrapping_add(8), &event.data.to_le_bytes())?;
        at = at.wrapping_add(abi::EPOLL_EVENT);
    }
    memory.store_size(out, ctx.epoll_events.len())
}
