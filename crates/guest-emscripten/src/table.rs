//! The calls on descriptor numbers. Emscripten's file system counts them; a fresh descriptor is placed where it says.

use std::io::IoSliceMut;
use std::time::Duration;

use guestnet_core::{
    Errno, Fd, Host, Kind, OptValue, Ready, RecvFlags, Result, SharedGuestThread, SockOpt, StreamKind,
};

use crate::memory::Memory;
use crate::socket::number;
use crate::{Args, Process, convert};

/// place(fd, number)
pub(crate) fn place<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.install_at(args.fd(0), args.fd(1))?;
    number(args.fd(1))
}

/// close(fd)
pub(crate) fn close<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.guest.close(args.fd(0))?;
    Ok(0)
}

/// hold(fd): 1, and the socket stays open until [`let_go`] although its descriptor is closed meanwhile, because closing it
/// lingers and the thread that closes must not wait; else 0.
pub(crate) fn hold<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    process.held = process.guest.hold_lingering(args.fd(0));
    Ok(i32::from(process.held.is_some()))
}

/// letGo(): whoever is the last to have the socket closes it, and waits as `SO_LINGER` says.
pub(crate) fn let_go<H: Host>(process: &mut Process<H>, _: Memory<'_>, _: &Args) -> Result<i32> {
    if let Some(held) = process.held.take() {
        process.guest.let_go(held);
    }
    Ok(0)
}

/// dup(fd, number): the new descriptor has the number that the file system gave it.
pub(crate) fn dup<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fresh = process.guest.dup(args.fd(0))?;
    if let Err(errno) = process.guest.install_at(fresh, args.fd(1)) {
        process.guest.close(fresh)?;
        return Err(errno);
    }
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

/// state(fd, take): what a socket is doing: 1 it listens, 2 it is connected, 4 it is a datagram socket, 8 it receives no
/// more. With `take` also what it is like at this moment: 16 it is at its end, 32 there is something to receive, 64 it does
/// nothing and will not by itself, and above them its pending error, which is cleared. An event that was told may be an old
/// one.
pub(crate) fn state<H: Host>(process: &mut Process<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = args.fd(0);
    let guest = &mut process.guest;
    let entry = guest.open_file(fd)?;
    let datagram = entry.socket()?.kind() == Kind::Datagram;
    let no_more = entry.socket()?.receiving_has_ended();
    drop(entry);
    let listens = guest.option(fd, SockOpt::AcceptConn)? == OptValue::Flag(true);
    let connected = guest.peer_addr(fd).is_ok();
    let (mut error, mut end, mut more) = (0, false, false);
    if args.int(1) != 0 {
        if let OptValue::Error(Some(errno)) = guest.option(fd, SockOpt::Error)? {
            error = convert::errno(errno);
        } else if !listens {
            let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            match guest.recv(fd, &mut [IoSliceMut::new(&mut [0])], look) {
                Ok(received) => (end, more) = (received.len == 0 && !datagram, received.len > 0 || datagram),
                Err(Errno::EAGAIN | Errno::ENOTCONN) => {}
                Err(errno) => error = convert::errno(errno),
            }
        }
    }
    let at_rest = args.int(1) != 0
        && error == 0
        && ![listens, connected, datagram, end].contains(&true)
        && is_hung_up(guest, fd)?;
    let bits = [listens, connected, datagram, no_more, end, more, at_rest];
    let bits = (0..)
        .zip(bits)
        .map(|(place, on)| i32::from(on) << place)
        .sum::<i32>();
    Ok(bits | error << 8)
}

/// Whether poll(2) says so, as it does of a stream socket that neither is connected nor connects.
fn is_hung_up<H: Host>(guest: &mut SharedGuestThread<H, ()>, fd: Fd) -> Result<bool> {
    guest.poll_begin();
    guest.poll_add(0, fd, Ready::empty())?;
    guest.poll_wait(Some(Duration::ZERO))?;
    Ok(guest
        .poll_events()
        .any(|event| event.ready.contains(Ready::HANGUP)))
}
