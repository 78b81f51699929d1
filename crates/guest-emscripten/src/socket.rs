//! The calls on one socket: open, name, connect, move bytes. Each decodes, makes one call of the core, and encodes.

use guestnet_core::{
    Domain, Errno, Fd, Host, Kind, OpenFile, Result, SharedDescriptor, SharedGuestThread, SockAddr,
    StreamKind,
};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{abi, address, convert};

fn domain_and_kind(args: &Args) -> Result<(Domain, Kind, bool)> {
    let nonblocking = convert::descriptor_flags(args.int(1) & !abi::SOCK_TYPE_MASK)?;
    let domain = convert::domain(args.int(0))?;
    if args.int(2) < 0 {
        return Err(Errno::EINVAL);
    }
    let kind = convert::kind(args.int(1))?;
    let own = match (domain, kind) {
        (Domain::Unix, _) => 1,
        (Domain::Inet | Domain::Inet6, Kind::Stream) => abi::IPPROTO_TCP,
        (Domain::Inet | Domain::Inet6, Kind::Datagram) => abi::IPPROTO_UDP,
        (Domain::Inet | Domain::Inet6, Kind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT),
    };
    if ![0, own].contains(&args.int(2)) {
        return Err(Errno::EPROTONOSUPPORT);
    }
    Ok((domain, kind, nonblocking))
}

/// A descriptor as a result.
pub(crate) fn number(fd: Fd) -> Result<i32> {
    i32::try_from(fd).map_err(|_| Errno::EMFILE)
}

/// Gives a fresh descriptor the number that the file system says; without it, it is closed.
pub(crate) fn place<H: Host>(guest: &mut SharedGuestThread<H, ()>, fresh: Fd, to: Fd) -> Result<i32> {
    if let Err(errno) = guest.install_at(fresh, to) {
        guest.close(fresh)?;
        return Err(errno);
    }
    number(to)
}

fn length(count: usize) -> Result<i32> {
    i32::try_from(count).map_err(|_| Errno::EOVERFLOW)
}

/// socket(domain, type, protocol)
pub(crate) fn socket<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let (domain, kind, nonblocking) = domain_and_kind(args)?;
    let fd = context.guest.socket(domain, kind)?;
    context.guest.set_nonblocking(fd, nonblocking)?;
    number(fd)
}

/// socketpair(domain, type, protocol, pair)
pub(crate) fn socketpair<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let (domain, kind, nonblocking) = domain_and_kind(args)?;
    if domain != Domain::Unix {
        return Err(Errno::EOPNOTSUPP);
    }
    let (one, other) = context.guest.socket_pair(kind)?;
    context.guest.set_nonblocking(one, nonblocking)?;
    context.guest.set_nonblocking(other, nonblocking)?;
    store_pair(context, memory, args.pointer(3), one, other)
}

/// pipe2(pair, flags)
pub(crate) fn pipe<H: Host>(context: &mut ThreadContext<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let nonblocking = convert::descriptor_flags(args.int(1))?;
    let (read, write) = context.guest.pipe()?;
    context.guest.set_nonblocking(read, nonblocking)?;
    context.guest.set_nonblocking(write, nonblocking)?;
    store_pair(context, memory, args.pointer(0), read, write)
}

fn store_pair<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    at: u32,
    one: Fd,
    other: Fd,
) -> Result<i32> {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&one.to_le_bytes());
    bytes[4..].copy_from_slice(&other.to_le_bytes());
    if let Err(errno) = memory.write(at, &bytes) {
        context.guest.close(one)?;
        context.guest.close(other)?;
        return Err(errno);
    }
    Ok(0)
}

/// bind(fd, addr, len)
pub(crate) fn bind<H: Host>(context: &mut ThreadContext<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let domain = fd.open_file().socket()?.domain();
    let (at, len) = (args.pointer(1), args.pointer(2));
    let addr = match (address::load(memory, at, len)?, domain) {
        // ip(7): Linux takes AF_UNSPEC for AF_INET when the address is the wildcard.
        (SockAddr::Unspec, Domain::Inet) => address::load_unspec(memory, at, len)?,
        (addr, _) => addr,
    };
    misfit(&addr, domain, len)?;
    context.guest.bind(fd, &addr).map(|()| 0)
}

/// connect(fd, addr, len)
pub(crate) fn connect<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let socket = fd.open_file().socket()?;
    let addr = address::load(memory, args.pointer(1), args.pointer(2))?;
    if socket.kind() != Kind::Datagram {
        misfit(&addr, socket.domain(), args.pointer(2))?;
    }
    context.guest.connect(fd, &addr).map(|()| 0)
}

/// An IPv4 address for an IPv6 socket: the kernel is given no more than the address is long, and calls it too short;
/// what the program gave may have been long enough for its family to be what is wrong.
fn misfit(addr: &SockAddr, domain: Domain, len: u32) -> Result<()> {
    /// `SIN6_LEN_RFC2133`, the least that Linux takes for a `struct sockaddr_in6`.
    const LEAST: u32 = 24;
    match addr.inet() {
        Some(inet) if inet.is_ipv4() && domain == Domain::Inet6 && len >= LEAST => Err(Errno::EAFNOSUPPORT),
        _ => Ok(()),
    }
}

/// listen(fd, backlog)
pub(crate) fn listen<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.listen(args.fd(0), args.int(1)).map(|()| 0)
}

/// accept4(fd, addr, len, flags, number): the connection has this number of the file system's, or, if it is negative, a fresh one.
pub(crate) fn accept4<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let nonblocking = convert::descriptor_flags(args.int(3))?;
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    if args.pointer(1) != 0 && memory.u32(args.pointer(2))?.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    let (fd, peer) = context.guest.accept(fd, nonblocking)?;
    if let Err(errno) = address::store(memory, &address::bytes(&peer), args.pointer(1), args.pointer(2)) {
        context.guest.close(fd)?;
        return Err(errno);
    }
    match Fd::try_from(args.int(4)) {
        Ok(to) => place(&mut context.guest, fd, to),
        Err(_) => number(fd),
    }
}

/// getsockname(fd, addr, len)
pub(crate) fn getsockname<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let addr = context.guest.local_addr(args.fd(0))?;
    named(memory, args, &addr)
}

/// getpeername(fd, addr, len)
pub(crate) fn getpeername<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let addr = context.guest.peer_addr(args.fd(0))?;
    named(memory, args, &addr)
}

fn named(memory: Memory<'_>, args: &Args, addr: &guestnet_core::SockAddr) -> Result<i32> {
    if args.pointer(1) == 0 {
        return Err(Errno::EFAULT);
    }
    address::store(memory, &address::bytes(addr), args.pointer(1), args.pointer(2)).map(|()| 0)
}

/// shutdown(fd, how)
pub(crate) fn shutdown<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let how = convert::shutdown(args.int(1))?;
    context.guest.shutdown(fd, how).map(|()| 0)
}

/// sendto(fd, buf, len, flags, addr, addrlen)
pub(crate) fn sendto<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let mut bufs = memory.vector(args.pointer(1), args.pointer(2))?;
    let flags = convert::send_flags(args.int(3));
    let count = if args.pointer(4) == 0 {
        context.guest.send(fd, bufs.sources(), flags)?
    } else {
        let addr = address::load(memory, args.pointer(4), args.pointer(5))?;
        context.guest.send_to(fd, bufs.sources(), &addr, flags)?
    };
    length(count)
}

/// recvfrom(fd, buf, len, flags, addr, addrlen)
pub(crate) fn recvfrom<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let mut bufs = memory.vector(args.pointer(1), args.pointer(2))?;
    let flags = convert::recv_flags(args.int(3))?;
    if args.pointer(4) == 0 {
        let received = context.guest.recv(fd, bufs.targets(), flags)?;
        bufs.commit(received.len);
        return length(received.len);
    }
    let (received, from) = context.guest.recv_from(fd, bufs.targets(), flags)?;
    bufs.commit(received.len);
    address::store(memory, &address::sender(&from), args.pointer(4), args.pointer(5))?;
    length(received.len)
}

/// Whether read(2) and write(2) mean anything: to an epoll they do not.
fn can_move_bytes<H: Host>(guest: &SharedGuestThread<H, ()>, fd: &SharedDescriptor<H, ()>) -> Result<()> {
    let stream = matches!(fd.open_file(), OpenFile::Stream(_));
    if stream && guest.stream_kind(fd)? == Some(StreamKind::Unknown) {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// readv(fd, iov, count): bytes, or `EBADF` for a descriptor that is not one of ours.
pub(crate) fn readv<H: Host>(context: &mut ThreadContext<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let fd = &context.guest.look_up(args.fd(0))?;
    can_move_bytes(&context.guest, fd)?;
    let mut bufs = memory.vectors(args.pointer(1), args.pointer(2), Errno::EINVAL)?;
    let count = context.guest.read(fd, bufs.targets())?;
    bufs.commit(count);
    length(count)
}

/// writev(fd, iov, count)
pub(crate) fn writev<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up(args.fd(0))?;
    can_move_bytes(&context.guest, fd)?;
    let mut bufs = memory.vectors(args.pointer(1), args.pointer(2), Errno::EINVAL)?;
    length(context.guest.write(fd, bufs.sources())?)
}

/// `FIONREAD` of ioctl(2).
pub(crate) fn fionread<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    length(context.guest.readable_bytes(args.fd(0))?)
}

/// `TIOCOUTQ` of ioctl(2).
pub(crate) fn unsent_bytes<H: Host>(
    context: &mut ThreadContext<H>,
    _: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    length(context.guest.unsent_bytes(args.fd(0))?)
}

/// `SIOCATMARK` of ioctl(2).
pub(crate) fn at_mark<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    context.guest.at_mark(args.fd(0)).map(i32::from)
}
