//! The calls on descriptor numbers. Emscripten's file system counts them; a fresh descriptor is placed where it says.

use guestnet_core::{Host, Result, StreamKind};

use crate::memory::Memory;
use crate::socket::number;
use crate::{Args, Process};

/// place(fd, number)
pub(crate) fn place<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.place(args.fd(0), args.fd(1))?;
    number(args.fd(1))
}

/// close(fd)
pub(crate) fn close<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.close(args.fd(0))?;
    Ok(0)
}

/// dup(fd, number): the new descriptor has the number that the file system gave it.
pub(crate) fn dup<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fresh = process.guest.dup(args.fd(0))?;
    process.guest.place(fresh, args.fd(1))?;
    number(args.fd(1))
}

/// The mode of a descriptor: 0 blocking, 1 not (`F_GETFL`).
pub(crate) fn mode<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.nonblocking(args.fd(0)).map(i32::from)
}

/// nonblock(fd, on): `F_SETFL`, `FIONBIO`.
pub(crate) fn nonblock<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.set_nonblocking(args.fd(0), args.int(1) != 0)?;
    Ok(0)
}

/// The file type: 0 a socket, 1 a pipe, 2 anything else (an epoll).
pub(crate) fn what<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    Ok(match process.guest.stream_kind(args.fd(0))? {
        None | Some(StreamKind::Socket) => 0,
        Some(StreamKind::Pipe) => 1,
        Some(StreamKind::CharacterDevice | StreamKind::File | StreamKind::Unknown) => 2,
    })
}
