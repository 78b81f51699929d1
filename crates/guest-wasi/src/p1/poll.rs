//! `poll_oneoff`: sockets, streams, files and clocks together, level-triggered. WasmEdge's `epoll_oneoff` is the same call.

use std::time::Duration;

use guestnet_core::{Clock, Errno, Host, PollEvent, Ready, Result};
use smallvec::SmallVec;

use super::abi;
use super::convert;
use super::memory::{Memory, word};
use super::registry::{Registry, calls};
use crate::state::{Getter, GuestCtx};

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
) {
    calls! { registry, get, abi::PREVIEW_1;
        "clock_time_get" => clock_time_get, (id: u32, precision: u64, out: u32);
        "poll_oneoff" => poll_oneoff, (subscriptions: u32, events: u32, count: u32, out: u32);
    }
    // WasmEdge keeps an edge-triggered epoll for this one. But each call modifies what the call before it has added, and
    // EPOLL_CTL_MOD reports anew what is still ready: no guest sees an edge, it sees what poll_oneoff shows.
    calls! { registry, get, abi::WASMEDGE;
        "epoll_oneoff" => poll_oneoff, (subscriptions: u32, events: u32, count: u32, out: u32);
    }
}

/// One subscription.
enum Subscription {
    Clock { id: u32, timeout: u64, absolute: bool },
    Read(u32),
    Write(u32),
}

/// Waits for the first of the subscriptions. One that is wrong is an event with its errno; the call as a whole fails
/// only for arguments that leave nothing to wait for.
fn poll_oneoff<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    subscriptions: u32,
    events: u32,
    count: u32,
    out: u32,
) -> Result<()> {
    if count == 0 || count > abi::MAX_SUBSCRIPTIONS {
        return Err(Errno::EINVAL);
    }
    memory.check(out, 4)?;
    memory.check(events, count * abi::EVENT)?;
    let list = memory.bytes(subscriptions, count * abi::SUBSCRIPTION)?;

    let guest = &mut ctx.guest;
    // Read at the first clock: most polls have none.
    let mut started = None;
    let mut clocks: SmallVec<[(u32, Duration); 4]> = SmallVec::new();
    let mut wrong: SmallVec<[(u32, Errno); 4]> = SmallVec::new();
    guest.poll_begin();
    for (bytes, token) in list.chunks_exact(abi::SUBSCRIPTION as usize).zip(0..) {
        let added = match decode(bytes) {
            Ok(Subscription::Read(fd)) => guest.poll_add(token, fd, Ready::READ | Ready::READ_HANGUP),
            Ok(Subscription::Write(fd)) => guest.poll_add(token, fd, Ready::WRITE),
            Ok(Subscription::Clock {
                id,
                timeout,
                absolute,
            }) => clock(id).map(|id| {
                started.get_or_insert_with(|| guest.now(Clock::Monotonic));
                clocks.push((
                    token,
                    relative(if absolute { guest.now(id) } else { Duration::ZERO }, timeout),
                ))
            }),
            Err(errno) => Err(errno),
        };
        if let Err(errno) = added {
            wrong.push((token, errno));
        }
    }
    let timeout = if wrong.is_empty() {
        clocks.iter().map(|(_, timeout)| *timeout).min()
    } else {
        Some(Duration::ZERO)
    };
    guest.poll_wait(timeout)?;

    // An event may be written where a subscription stands that is still to be reported.
    let apart = events >= subscriptions.saturating_add(count * abi::SUBSCRIPTION)
        || subscriptions >= events.saturating_add(count * abi::EVENT);
    let copy = if apart {
        Vec::new()
    } else {
        memory.bytes(subscriptions, count * abi::SUBSCRIPTION)?.to_vec()
    };
    let mut writer = Writer {
        subscriptions,
        copy,
        events,
        count,
        stored: 0,
    };
    for event in guest.poll_events() {
        writer.ready(memory, event)?;
    }
    for (token, errno) in wrong {
        writer.event(memory, token, convert::errno(errno), 0, 0)?;
    }
    if let Some(started) = started {
        let elapsed = guest.now(Clock::Monotonic).saturating_sub(started);
        for (token, timeout) in clocks {
            if timeout <= elapsed {
                writer.event(memory, token, 0, 0, 0)?;
            }
        }
    }
    memory.store_u32(out, writer.stored)
}

/// `clock_time_get`: answered here and not by wasmtime-wasi, because the absolute times of [`poll_oneoff`] must be of
/// the same clock.
fn clock_time_get<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    id: u32,
    _precision: u64,
    out: u32,
) -> Result<()> {
    let now = ctx.guest.now(clock(id)?).as_nanos();
    memory.store(
        out,
        &u64::try_from(now).map_err(|_| Errno::EOVERFLOW)?.to_le_bytes(),
    )
}

/// # Errors
/// `EINVAL` for the CPU clocks, which cannot be slept on (clock_nanosleep(2)) and would show what other guests do.
fn clock(id: u32) -> Result<Clock> {
    match id {
        abi::CLOCK_REALTIME => Ok(Clock::Realtime),
        abi::CLOCK_MONOTONIC => Ok(Clock::Monotonic),
        _ => Err(Errno::EINVAL),
    }
}

/// How long a clock subscription waits: `timeout` nanoseconds, less what has passed of an absolute one.
fn relative(passed: Duration, timeout: u64) -> Duration {
    Duration::from_nanos(timeout).saturating_sub(passed)
}

fn decode(bytes: &[u8]) -> Result<Subscription> {
    let fd = word(bytes, 16).ok_or(Errno::EFAULT)?;
    match bytes.get(8).copied() {
        Some(abi::EVENT_FD_READ) => Ok(Subscription::Read(fd)),
        Some(abi::EVENT_FD_WRITE) => Ok(Subscription::Write(fd)),
        Some(abi::EVENT_CLOCK) => {
            let low = word(bytes, 24).ok_or(Errno::EFAULT)?;
            let high = word(bytes, 28).ok_or(Errno::EFAULT)?;
            let flags = word(bytes, 40).ok_or(Errno::EFAULT)?;
            Ok(Subscription::Clock {
                id: fd,
                timeout: u64::from(high) << 32 | u64::from(low),
                absolute: flags & u32::from(abi::SUBCLOCK_ABSTIME) != 0,
            })
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Stores events one after the other.
struct Writer {
    subscriptions: u32,
    /// The subscriptions, if the events are written over them; empty otherwise.
    copy: Vec<u8>,
    events: u32,
    count: u32,
    stored: u32,
}

impl Writer {
    /// A subscription as the guest's memory holds it; the caller has checked the array.
    fn subscription(&self, memory: &Memory<'_>, index: u32) -> Result<[u8; abi::SUBSCRIPTION as usize]> {
        let offset = index.wrapping_mul(abi::SUBSCRIPTION);
        if self.copy.is_empty() {
            return memory.array(self.subscriptions.wrapping_add(offset));
        }
        let entry = self.copy.get(offset as usize..).and_then(<[u8]>::first_chunk);
        entry.copied().ok_or(Errno::EFAULT)
    }

    fn ready(&mut self, memory: &mut Memory<'_>, event: PollEvent) -> Result<()> {
        let mut flags = 0;
        for (condition, flag) in [
            (Ready::HANGUP, abi::EVENT_HANGUP),
            (Ready::ERROR, abi::EVENT_ERROR),
            (Ready::PRIORITY, abi::EVENT_PRIORITY),
            (Ready::READ_HANGUP, abi::EVENT_READ_HANGUP),
        ] {
            if event.ready.contains(condition) {
                flags |= flag;
            }
        }
        // How much can be read would take a system call each, and no libc looks at it.
        let bytes = u64::from(event.ready.intersects(Ready::READ | Ready::WRITE));
        self.event(memory, event.token, 0, bytes, flags)
    }

    fn event(
        &mut self,
        memory: &mut Memory<'_>,
        index: u32,
        errno: i32,
        bytes: u64,
        flags: u16,
    ) -> Result<()> {
        if self.stored >= self.count {
            return Ok(());
        }
        let subscription = self.subscription(memory, index)?;
        let mut event = [0; abi::EVENT as usize];
        event[..8].copy_from_slice(&subscription[..8]);
        event[8..10].copy_from_slice(&errno.to_le_bytes()[..2]);
        event[10] = subscription[8];
        event[16..24].copy_from_slice(&bytes.to_le_bytes());
        event[24..26].copy_from_slice(&flags.to_le_bytes());
        memory.store(
            self.events.wrapping_add(self.stored.wrapping_mul(abi::EVENT)),
            &event,
        )?;
        self.stored += 1;
        Ok(())
    }
}
