//! The calls on descriptor numbers. Emscripten's file system counts them; a fresh descriptor is placed where it says.

use std::io::IoSliceMut;
use std::time::Duration;

use guestnet_core::{
    Errno, Host, Kind, OptValue, Ready, RecvFlags, Result, SharedDescriptor, SharedGuestThread, SockOpt,
    StreamKind,
};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::socket::{number, place};
use crate::{abi, bits, convert};

/// installAt(fd, number): gives a fresh descriptor the number that the file system gave it.
pub(crate) fn install_at<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.install_at(args.fd(0), args.fd(1))?;
    number(args.fd(1))
}

/// close(fd)
pub(crate) fn close<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.close(args.fd(0))?;
    Ok(0)
}

/// hold(fd): 1 if closing the socket lingers; then it stays open until [`let_go`] although its descriptor is closed
/// meanwhile, because the thread that closes the descriptor must not wait. Else 0.
pub(crate) fn hold<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.lingering = context.guest.hold_lingering(args.fd(0));
    Ok(i32::from(context.lingering.is_some()))
}

/// letGo(): closes the socket if no other thread holds it, and waits as `SO_LINGER` says.
pub(crate) fn let_go<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, _: &Args) -> Result<i32> {
    if let Some(file) = context.lingering.take() {
        context.guest.let_go(file);
    }
    Ok(0)
}

/// dup(fd, number): the new descriptor has the number that the file system gave it.
pub(crate) fn dup<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fresh = context.guest.dup(args.fd(0))?;
    place(&mut context.guest, fresh, args.fd(1))
}

/// The mode of a descriptor: 0 blocking, 1 not (`F_GETFL`).
pub(crate) fn mode<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.nonblocking(args.fd(0)).map(i32::from)
}

/// nonblock(fd, on): `F_SETFL`, `FIONBIO`.
pub(crate) fn nonblock<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.set_nonblocking(args.fd(0), args.int(1) != 0)?;
    Ok(0)
}

/// fileType(fd): the type as `st_mode` has it. An epoll, a counter and a timer have none, as in Linux.
pub(crate) fn file_type<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    Ok(match context.guest.stream_kind(args.fd(0))? {
        None | Some(StreamKind::Socket) => abi::S_IFSOCK,
        Some(StreamKind::Pipe) => abi::S_IFIFO,
        Some(StreamKind::CharacterDevice | StreamKind::File) => abi::S_IFREG,
        Some(StreamKind::Counter | StreamKind::Timer(_) | StreamKind::Unknown) => 0,
    })
}

/// state(fd, take): what a socket is doing, as [`bits::STATE`]. With `take` also what a receive would return at this moment,
/// and the pending error, which the next `SO_ERROR` returns too: readiness that was reported may be out of date.
pub(crate) fn state<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let take = args.int(1) != 0;
    let guest = &mut context.guest;
    let fd = &guest.look_up_socket(args.fd(0))?;
    let socket = fd.open_file().socket()?;
    let datagram = socket.kind() == Kind::Datagram;
    let receive_shut = socket.receiving_has_ended();
    let listening = guest.option(fd, SockOpt::AcceptConn)? == OptValue::Flag(true);
    let connected = guest.peer_addr(fd).is_ok();
    let (mut error, mut end, mut readable) = (None, false, false);
    if take {
        error = guest.take_error(fd)?;
        if error.is_none() && !listening {
            let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            match guest.recv(fd, &mut [IoSliceMut::new(&mut [0])], look) {
                Ok(received) => {
                    (end, readable) = (received.len == 0 && !datagram, received.len > 0 || datagram);
                }
                Err(Errno::EAGAIN | Errno::ENOTCONN) => {}
                Err(errno) => {
                    // The callback, and what it calls, may ask for it by SO_ERROR.
                    guest.keep_error(fd, errno)?;
                    error = Some(errno);
                }
            }
        }
    }
    let hung_up = take
        && error.is_none()
        && ![listening, connected, datagram, end].contains(&true)
        && is_hung_up(guest, fd)?;
    let flags = [
        (listening, bits::LISTENING),
        (connected, bits::CONNECTED),
        (datagram, bits::DATAGRAM),
        (receive_shut, bits::RECEIVE_SHUT),
        (end, bits::END_OF_FILE),
        (readable, bits::READABLE),
        (hung_up, bits::HUNG_UP),
    ];
    let state = flags
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, bit)| bit)
        .sum::<i32>();
    Ok(state | error.map_or(0, convert::errno) << bits::ERROR_SHIFT)
}

/// Whether poll(2) says `POLLHUP`, as it does of a stream socket that neither is connected nor connects.
fn is_hung_up<H: Host>(guest: &mut SharedGuestThread<H, ()>, fd: &SharedDescriptor<H, ()>) -> Result<bool> {
    guest.poll_begin();
    guest.poll_add(0, fd, Ready::empty())?;
    guest.poll_wait(Some(Duration::ZERO))?;
    Ok(guest
        .poll_events()
        .any(|event| event.ready.contains(Ready::HANGUP)))
}
