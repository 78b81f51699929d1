//! One system call under a limit of bytes: what it may move, and what it counts.
//!
//! Everything that sends or receives goes through [`send`] and [`recv`], each time that it asks the host, but for batches, which no
//! limit counts (`batch`). Without a limit, and for UNIX sockets, which stay on the machine, they cost a test.

use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::Ordering;

use super::state::Socket;
use crate::addr::Kind;
use crate::errno::{Errno, Result};
use crate::host::{Host, RecvFlags, RecvMeta};
use crate::quota::{DATAGRAM, Meter, Want};
use crate::sync::lock;

/// Whether a limit counts what goes over this socket.
#[inline]
pub(super) fn counts<Io>(meter: Option<&Meter>, socket: &Socket<Io>) -> bool {
    meter.is_some() && socket.is_metered()
}

/// Sends once. `segment` is what the message itself says of the size that it is cut into (`UDP_SEGMENT`). A stream sends the piece that the limit allows; a datagram goes whole or not at all.
///
/// # Errors
/// Those of `call`; the error that a batch has left; `ENOBUFS`: the total does not allow it; `EAGAIN`: over the rate, and the guest does not block.
#[inline]
pub(super) fn send<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    bufs: &[IoSlice<'_>],
    segment: Option<u16>,
    blocks: bool,
    call: impl FnOnce(&mut H, &[IoSlice<'_>]) -> Result<usize>,
) -> Result<usize> {
    if let Some(errno) = socket.kept_error.take_pending() {
        return Err(errno);
    }
    match meter {
        Some(meter) if socket.is_metered() => send_counted(host, meter, socket, bufs, segment, blocks, call),
        _ => call(host, bufs),
    }
}

fn send_counted<H: Host>(
    host: &mut H,
    meter: &Meter,
    socket: &Socket<H::Io>,
    bufs: &[IoSlice<'_>],
    segment: Option<u16>,
    blocks: bool,
    call: impl FnOnce(&mut H, &[IoSlice<'_>]) -> Result<usize>,
) -> Result<usize> {
    let len: usize = bufs.iter().map(|buf| buf.len()).sum();
    if socket.kind != Kind::Stream {
        let reservation = meter.reserve(host, Want::Datagram(len), blocks)?;
        let sent = call(host, bufs)?;
        let segment = usize::from(segment.unwrap_or_else(|| socket.segment.load(Ordering::Relaxed)));
        let datagrams = if segment == 0 {
            1
        } else {
            sent.div_ceil(segment).max(1)
        };
        reservation.settle(
            sent,
            DATAGRAM.saturating_mul(u64::try_from(datagrams).unwrap_or(u64::MAX)),
        );
        return Ok(sent);
    }
    let reservation = meter.reserve(host, Want::UpTo(len), blocks)?;
    let most = reservation.bytes();
    let sent = match bufs.iter().find(|buf| !buf.is_empty()) {
        Some(buf) if len > most => call(host, &[H::prefix(buf, most)])?,
        _ => call(host, bufs)?,
    };
    reservation.settle(sent, 0);
    Ok(sent)
}

/// Sends a piece of a stream that is not in this process's memory (`bulk`): `call` is given how many bytes it may send, at most `len`.
///
/// # Errors
/// Those of [`send`].
pub(super) fn send_piece<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    len: usize,
    blocks: bool,
    call: impl FnOnce(&mut H, usize) -> Result<usize>,
) -> Result<usize> {
    if let Some(errno) = socket.kept_error.take_pending() {
        return Err(errno);
    }
    match meter {
        Some(meter) if socket.is_metered() => {
            let reservation = meter.reserve(host, Want::UpTo(len), blocks)?;
            let sent = call(host, reservation.bytes().min(len))?;
            reservation.settle(sent, 0);
            Ok(sent)
        }
        _ => call(host, len),
    }
}

/// Takes a piece of a stream that does not come into this process's memory (`bulk`): `call` is given how many bytes it may take, at most
/// `len`.
///
/// # Errors
/// Those of [`recv`].
pub(super) fn take_piece<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    len: usize,
    blocks: bool,
    call: impl FnOnce(&mut H, usize) -> Result<usize>,
) -> Result<usize> {
    if let Some(errno) = socket.kept_error.take_pending() {
        return Err(errno);
    }
    match meter {
        Some(meter) if socket.is_metered() => {
            let flags = RecvFlags::empty();
            take_counted(host, meter, socket, len, flags, blocks, |host, most| {
                call(host, most.min(len)).map(|taken| (taken, taken))
            })
        }
        _ => call(host, len),
    }
}

/// What one receive may take, and what it took.
#[derive(Debug)]
pub(super) struct Taking<'p> {
    /// How the guest asked.
    asked: RecvFlags,
    flags: RecvFlags,
    room: usize,
    /// The real length of what was taken or seen, where it is counted.
    len: usize,
    /// How much of the head of the queue was counted before, because a peek showed it.
    peeked: Option<&'p mut usize>,
}

impl Taking<'_> {
    /// The flags for the host.
    pub(super) fn flags(&self) -> RecvFlags {
        self.flags
    }

    /// Notes what the host gave for [`Taking::flags`], and returns it as the guest asked for it.
    #[inline]
    pub(super) fn took(&mut self, mut received: RecvMeta) -> RecvMeta {
        self.len = received.len;
        if received.len > self.room {
            received.truncated = true;
            if !self.asked.contains(RecvFlags::TRUNC) {
                received.len = self.room;
            }
        }
        received
    }

    /// Notes that the head of the queue is gone, which the guest has not seen now: whatever it saw of it by a peek is no
    /// credit for what is next.
    pub(super) fn dropped(&mut self) {
        if let Some(peeked) = &mut self.peeked {
            **peeked = 0;
        }
    }
}

/// Receives once, by `call`, into what it is given of `bufs`. A stream takes as much as the limit allows; a datagram is
/// taken whole.
///
/// What a peek shows is counted then, and not once more when it is taken. A datagram counts its real length when it is
/// taken, whatever room there was for it.
///
/// # Errors
/// Those of `call`; the error that a batch has left; `ENOBUFS`: the total is used up; `EAGAIN`: over the rate, and the guest does
/// not block.
#[inline]
pub(super) fn recv<H: Host, R>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    asked: RecvFlags,
    blocks: bool,
    call: impl FnOnce(&mut H, &mut [IoSliceMut<'_>], &mut Taking<'_>) -> Result<R>,
) -> Result<R> {
    if let Some(errno) = socket.kept_error.take_pending() {
        return Err(errno);
    }
    let flags = asked - RecvFlags::WAITALL - RecvFlags::DONTWAIT;
    let room = bufs.iter().map(|buf| buf.len()).sum();
    let taking = Taking {
        asked,
        flags,
        room,
        len: 0,
        peeked: None,
    };
    match meter {
        Some(meter) if socket.is_metered() => {
            if socket.kind == Kind::Stream {
                recv_stream(host, meter, socket, bufs, taking, blocks, call)
            } else {
                recv_datagram(host, meter, socket, bufs, taking, blocks, call)
            }
        }
        _ => call(host, bufs, &mut { taking }),
    }
}

fn recv_stream<H: Host, R>(
    host: &mut H,
    meter: &Meter,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    mut taking: Taking<'_>,
    blocks: bool,
    call: impl FnOnce(&mut H, &mut [IoSliceMut<'_>], &mut Taking<'_>) -> Result<R>,
) -> Result<R> {
    let (room, flags) = (taking.room, taking.flags);
    take_counted(host, meter, socket, room, flags, blocks, |host, most| {
        let result = match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            // As recv(2) may always do, it gives less than there is room for.
            Some(buf) if room > most => call(host, &mut [H::prefix_mut(buf, most)], &mut taking)?,
            _ => call(host, bufs, &mut taking)?,
        };
        Ok((taking.len, result))
    })
}

/// Takes bytes of a stream, or looks at them, by `call`, which is given how many it may take, and returns how many it took.
fn take_counted<H: Host, R>(
    host: &mut H,
    meter: &Meter,
    socket: &Socket<H::Io>,
    room: usize,
    flags: RecvFlags,
    blocks: bool,
    call: impl FnOnce(&mut H, usize) -> Result<(usize, R)>,
) -> Result<R> {
    let urgent = flags.contains(RecvFlags::OOB);
    let counted = |peeked: usize| if urgent { 0 } else { peeked };
    let wanted = room.saturating_sub(counted(*lock(&socket.peeked)));
    let reservation = match wanted {
        0 => meter.nothing(),
        // Nothing is left, but what a peek showed may still be taken.
        _ => match meter.reserve(host, Want::UpTo(wanted), blocks) {
            Err(Errno::ENOBUFS) if counted(*lock(&socket.peeked)) > 0 => meter.nothing(),
            reservation => reservation?,
        },
    };
    // Held for a call that does not wait, so that no other thread takes what this one peeks at.
    let mut peeked = lock(&socket.peeked);
    let most = counted(*peeked).saturating_add(reservation.bytes());
    if most == 0 && room > 0 {
        // Another thread has taken what was peeked at.
        return Err(Errno::EAGAIN);
    }
    let (len, result) = call(host, most)?;
    let credit = counted(*peeked);
    if !urgent {
        *peeked = if flags.contains(RecvFlags::PEEK) {
            len.max(*peeked)
        } else {
            peeked.saturating_sub(len)
        };
    }
    reservation.settle(len.saturating_sub(credit), 0);
    Ok(result)
}

fn recv_datagram<H: Host, R>(
    host: &mut H,
    meter: &Meter,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    taking: Taking<'_>,
    blocks: bool,
    call: impl FnOnce(&mut H, &mut [IoSliceMut<'_>], &mut Taking<'_>) -> Result<R>,
) -> Result<R> {
    let peek = taking.flags.contains(RecvFlags::PEEK);
    let shows = |len: usize| if peek { len.min(taking.room) } else { len };
    let reservation = match meter.reserve(host, Want::NextDatagram, blocks) {
        Err(Errno::ENOBUFS) if *lock(&socket.peeked) > 0 => None,
        reservation => Some(reservation?),
    };
    let mut peeked = lock(&socket.peeked);
    if reservation.is_none() {
        // Nothing is left, but what was counted already may still be had. A look costs a call, at the very end only.
        let head = host.recv(&socket.io, &mut [], RecvFlags::PEEK | RecvFlags::TRUNC)?;
        if shows(head.len) > *peeked {
            return Err(Errno::ENOBUFS);
        }
    }
    let mut taking = Taking {
        flags: taking.flags | RecvFlags::TRUNC,
        peeked: Some(&mut *peeked),
        ..taking
    };
    let result = call(host, bufs, &mut taking)?;
    let shown = if peek {
        taking.len.min(taking.room)
    } else {
        taking.len
    };
    let uncounted = shown.saturating_sub(*peeked);
    *peeked = if peek { shown.max(*peeked) } else { 0 };
    let overhead = if peek { 0 } else { DATAGRAM };
    reservation
        .unwrap_or_else(|| meter.nothing())
        .settle(uncounted, overhead);
    Ok(result)
}
