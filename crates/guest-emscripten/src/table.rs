//! The calls on descriptor numbers. Emscripten's file system counts them; a fresh descriptor is placed where it says.

use guestnet_core::{Host, Kind, OptValue, Result, SockOpt, StreamKind};

use crate::memory::Memory;
use crate::socket::number;
use crate::{Args, Process, convert};

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

/// state(fd, take): what a socket is doing: 1 it listens, 2 it is connected, 4 it is a datagram socket; above them, with
/// `take`, its pending error, which is cleared.
pub(crate) fn state<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = args.fd(0);
    let datagram = process.guest.entry(fd)?.socket()?.kind() == Kind::Datagram;
    let listens = process.guest.option(fd, SockOpt::AcceptConn)? == OptValue::Flag(true);
    let connected = process.guest.peer_addr(fd).is_ok();
    let error = match args.int(1) {
        0 => 0,
        _ => match process.guest.option(fd, SockOpt::Error)? {
            OptValue::Error(Some(error)) => convert::errno(error),
            _ => 0,
        },
    };
    let bits = [listens, connected, datagram].map(i32::from);
    Ok(bits[0] | bits[1] << 1 | bits[2] << 2 | error << 8)
}
