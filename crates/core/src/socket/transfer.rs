//! Moving data: the send and recv families.
//!
//! Bytes go between the guest's memory and the kernel with no copy, with one exception: a datagram whose sender
//! the policy must judge first lands in the guest's scratch buffer, so that a refused one leaves no trace in the
//! guest's memory.
//!
//! Not here: what a limit of bytes makes of one system call (`metered`).

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::time::Duration;

use super::metered::{self, Taking};
use super::state::{REFUSALS, Socket};
use super::{option, stub, unix_node};
use crate::addr::{Domain, Kind, SockAddr};
use crate::blocking::{Backoff, Block, Deadline, attempt, block_until_ready, block_until_received};
use crate::errno::{Errno, Result};
use crate::fd::{Slots, Target};
use crate::gate::Gate;
use crate::guest::{Call, GuestThread};
use crate::host::{Host, RecvFlags, RecvMeta, SendFlags};
use crate::open_file::OpenFile;
use crate::option::{OptValue, SockOpt};
use crate::policy::Protocol;
use crate::quota::Meter;
use crate::readiness::Ready;

/// Room for the largest datagram of IPv4 and IPv6 without jumbograms.
pub(super) const SCRATCH: usize = 65_536;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// send(2) and sendmsg(2) without an address. A blocking send on a stream returns when everything is queued.
    /// Shortens `bufs` as it goes.
    ///
    /// # Errors
    /// `EAGAIN`, `EPIPE` (never a signal), `ENOTCONN`, `EDESTADDRREQ`, `EMSGSIZE`, `ECONNRESET`, `ECONNREFUSED`,
    /// `ENOBUFS` (the guest's limit of bytes), `EBADF`, `ENOTSOCK`, `EINTR` (the guest was stopped).
    pub fn send(
        &mut self,
        fd: impl Target<T::Pin>,
        bufs: &mut [IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize> {
        let result = self.with_socket(fd, |call, socket| call.send(socket, bufs, flags));
        self.trace_send(fd, &result, flags);
        result
    }

    pub(crate) fn trace_send(&mut self, fd: impl Target<T::Pin>, result: &Result<usize>, flags: SendFlags) {
        self.counter.returned(result);
        if self.guest.traced {
            self.trace(
                "send",
                result,
                |count| *count as u64,
                format_args!("{fd}, {flags:?}"),
            );
        }
    }

    /// sendto(2) and sendmsg(2) with an address. A TCP socket ignores the address, as Linux does.
    ///
    /// # Errors
    /// Those of [`GuestThread::send`], and `EACCES` (the policy, or a broadcast without `SO_BROADCAST`), `EISCONN` and
    /// `EOPNOTSUPP` (a UNIX stream), `EAFNOSUPPORT`; for paths those of [`GuestThread::connect`].
    pub fn send_to(
        &mut self,
        fd: impl Target<T::Pin>,
        bufs: &mut [IoSlice<'_>],
        addr: &SockAddr,
        flags: SendFlags,
    ) -> Result<usize> {
        let result = self.with_socket(fd, |call, socket| call.send_to(socket, bufs, addr, flags));
        self.traced(
            "sendto",
            result,
            |count| *count as u64,
            format_args!("{fd}, {addr}, {flags:?}"),
        )
    }

    /// recv(2) and recvmsg(2) without the address.
    ///
    /// # Errors
    /// `EAGAIN` (also when `SO_RCVTIMEO` is over), `ENOTCONN`, `ECONNRESET`, `ECONNREFUSED` (a datagram bounced),
    /// `ENOBUFS` (the guest's limit of bytes), `EBADF`, `ENOTSOCK`, `EINTR` (the guest was stopped).
    pub fn recv(
        &mut self,
        fd: impl Target<T::Pin>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<RecvMeta> {
        let result = self.with_socket(fd, |call, socket| call.recv(socket, bufs, flags));
        self.trace_recv(fd, &result, flags);
        result
    }

    pub(crate) fn trace_recv(
        &mut self,
        fd: impl Target<T::Pin>,
        result: &Result<RecvMeta>,
        flags: RecvFlags,
    ) {
        self.counter.returned(result);
        if self.guest.traced {
            self.trace(
                "recv",
                result,
                |received| received.len as u64,
                format_args!("{fd}, {flags:?}"),
            );
        }
    }

    /// recvfrom(2) and recvmsg(2) with the sender's address, which is [`SockAddr::Unspec`] on a connected stream.
    /// A datagram from a sender that the policy refuses is dropped, and the next one is taken.
    ///
    /// # Errors
    /// Those of [`GuestThread::recv`].
    pub fn recv_from(
        &mut self,
        fd: impl Target<T::Pin>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        let result = self.with_socket(fd, |call, socket| call.recv_from(socket, bufs, flags));
        self.counter.returned(&result);
        if self.guest.traced {
            match &result {
                Ok((_, from)) => self.trace(
                    "recvfrom",
                    &result,
                    |(received, _)| received.len as u64,
                    format_args!("{fd}, {from}, {flags:?}"),
                ),
                Err(_) => self.trace("recvfrom", &result, |_| 0, format_args!("{fd}, {flags:?}")),
            }
        }
        result
    }
}

impl<H: Host, F> Call<'_, H, F> {
    pub(crate) fn send(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize> {
        let sent = send(self.host, self.meter, socket, bufs, flags)?;
        self.counter.sent(socket.domain, socket.kind, sent);
        Ok(sent)
    }

    pub(super) fn send_to(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSlice<'_>],
        addr: &SockAddr,
        flags: SendFlags,
    ) -> Result<usize> {
        let blocks = !socket.nonblocking.get() && !flags.contains(SendFlags::DONTWAIT);
        let once = flags - SendFlags::DONTWAIT;
        let (host, gate, meter) = (&mut *self.host, &mut *self.gate, self.meter);
        let limit = &mut Deadline::new(socket.send_timeout.get());
        match (socket.domain, socket.kind, addr) {
            // A connection of packets does not look at the address either.
            (_, Kind::SeqPacket, _) | (Domain::Inet | Domain::Inet6, Kind::Stream, _) => {
                self.send(socket, bufs, flags)
            }
            (Domain::Unix, Kind::Stream, _) => {
                host.peer_addr(&socket.io).map_err(|_| Errno::EOPNOTSUPP)?;
                Err(Errno::EISCONN)
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, SockAddr::Inet(to)) => {
                let route = gate.connect("sendto", Protocol::Udp, *to, || host.now_coarse())?;
                let target = stub::target(host, gate, socket, *to, route)?;
                let outcome = attempt(host, &socket.io, Ready::WRITE, blocks, limit, |host| {
                    metered::send(host, meter, socket, bufs, None, blocks, |host, bufs| {
                        host.send_to(&socket.io, bufs, target, once)
                    })
                });
                option::record_broadcast(gate, socket, "sendto", *to, &outcome);
                outcome.inspect(|sent| self.counter.sent(socket.domain, socket.kind, *sent))
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, _) => Err(Errno::EAFNOSUPPORT),
            (Domain::Unix, Kind::Datagram, SockAddr::Unix(path)) => {
                let node = unix_node(host, gate, "sendto", path, false)?;
                socket.take_send_buffer()?;
                attempt(host, &socket.io, Ready::WRITE, blocks, limit, |host| {
                    host.unix_send_to(&socket.io, bufs, &node, once)
                })
                .inspect(|sent| self.counter.sent(socket.domain, socket.kind, *sent))
            }
            (Domain::Unix, Kind::Datagram, _) => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn recv(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<RecvMeta> {
        if self.brings_rights(socket) {
            return self
                .recv_message(socket, bufs, flags)
                .map(|message| message.received);
        }
        let received = if judged(self.gate, socket) {
            self.recv_judged(socket, bufs, flags)?.0
        } else {
            recv_unjudged(self.host, self.meter, socket, bufs, flags)?
        };
        self.count_received(socket, received, flags);
        Ok(received)
    }

    /// Counts what a call has taken.
    #[inline]
    pub(super) fn count_received(&self, socket: &Socket<H::Io>, received: RecvMeta, flags: RecvFlags) {
        if !flags.contains(RecvFlags::PEEK) {
            self.counter.received(socket.domain, socket.kind, received.len);
        }
    }

    pub(super) fn recv_from(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        if self.brings_rights(socket) {
            let message = self.recv_message(socket, bufs, flags)?;
            return Ok((message.received, message.from));
        }
        if socket.kind == Kind::Stream {
            let received = recv_unjudged(self.host, self.meter, socket, bufs, flags)?;
            self.count_received(socket, received, flags);
            return Ok((received, SockAddr::Unspec));
        }
        let (received, from) = if judged(self.gate, socket) {
            self.recv_judged(socket, bufs, flags)?
        } else {
            let (host, meter) = (&mut *self.host, self.meter);
            let blocks = !socket.nonblocking.get() && !flags.contains(RecvFlags::DONTWAIT);
            let limit = &mut Deadline::new(socket.recv_timeout.get());
            let block = Block::new(blocks, !metered::counts(meter, socket));
            attempt(host, &socket.io, Ready::READ, block, limit, |host| {
                let outcome =
                    metered::recv(host, meter, socket, bufs, flags, blocks, |host, bufs, taking| {
                        let (received, from) = host.recv_from(&socket.io, bufs, taking.flags())?;
                        Ok((taking.took(received), from))
                    });
                end_if_shut(socket, blocks, outcome, (RecvMeta::default(), SockAddr::Unspec))
            })?
        };
        self.count_received(socket, received, flags);
        Ok((received, stub::as_seen(self.gate, socket, from)))
    }

    /// A receive on a UNIX socket by one who wants no control data, while descriptors are under way: those that come
    /// with it are given up, as the kernel does.
    pub(super) fn brings_rights(&self, socket: &Socket<H::Io>) -> bool {
        socket.domain == Domain::Unix && !self.in_flight.is_empty()
    }

    /// Receives a datagram by way of the scratch buffer: judge first, then give.
    fn recv_judged(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        let (host, gate, meter) = (&mut *self.host, &mut *self.gate, self.meter);
        let scratch = &mut *self.scratch;
        let blocks = !socket.nonblocking.get() && !flags.contains(RecvFlags::DONTWAIT);
        let limit = &mut Deadline::new(socket.recv_timeout.get());
        scratch.resize(SCRATCH, 0);
        attempt(host, &socket.io, Ready::READ, blocks, limit, |host| {
            let outcome = metered::recv(host, meter, socket, bufs, flags, blocks, |host, bufs, taking| {
                let peek = flags & RecvFlags::PEEK;
                let take = |host: &mut H| host.recv_from(&socket.io, &mut [IoSliceMut::new(scratch)], peek);
                let (received, from) =
                    allowed_datagram(host, gate, socket, taking, peek, take, |(_, from)| from.inet())?;
                let datagram = scratch.get(..received.len).ok_or(Errno::EIO)?;
                H::fill(bufs, datagram);
                Ok((taking.took(received), from))
            });
            end_if_shut(socket, blocks, outcome, (RecvMeta::default(), SockAddr::Unspec))
        })
    }
}

/// Receives without the sender's address, where the policy has nothing to say.
fn recv_unjudged<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
) -> Result<RecvMeta> {
    let stream = socket.kind == Kind::Stream;
    // Linux: a receive of urgent data never blocks.
    let never_blocks = stream && flags.contains(RecvFlags::OOB);
    let blocks = !socket.nonblocking.get() && !flags.contains(RecvFlags::DONTWAIT) && !never_blocks;
    if blocks && stream && (socket.low_water.get() > 1 || flags.contains(RecvFlags::WAITALL)) {
        return with_low_water_1(host, socket, |host| {
            recv_at_least(host, meter, socket, bufs, flags)
        });
    }
    let limit = &mut Deadline::new(socket.recv_timeout.get());
    let block = Block::new(blocks, !metered::counts(meter, socket));
    receive(host, socket, block, limit, |host| {
        let outcome = recv_once(host, meter, socket, bufs, flags, blocks);
        end_if_shut(socket, blocks, outcome, RecvMeta::default())
    })
}

/// Receives what there is.
pub(super) fn recv_once<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
    blocks: bool,
) -> Result<RecvMeta> {
    metered::recv(host, meter, socket, bufs, flags, blocks, |host, bufs, taking| {
        let received = host.recv(&socket.io, bufs, taking.flags())?;
        Ok(taking.took(received))
    })
}

/// Takes datagrams, by `take`, until one is from a sender that the policy allows.
///
/// # Errors
/// `EAGAIN`: none is there, or a flood from others has to be interrupted.
pub(super) fn allowed_datagram<H: Host, R>(
    host: &mut H,
    gate: &mut Gate,
    socket: &Socket<H::Io>,
    taking: &mut Taking<'_>,
    peek: RecvFlags,
    mut take: impl FnMut(&mut H) -> Result<R>,
    from: impl Fn(&R) -> Option<SocketAddr>,
) -> Result<R> {
    for _ in 0..REFUSALS {
        let datagram = take(host)?;
        match from(&datagram) {
            Some(sender) if !sender_allowed(host, gate, socket, sender) => {
                if peek.contains(RecvFlags::PEEK) {
                    // What was peeked at is still at the head of the queue: take it off.
                    host.recv(&socket.io, &mut [], RecvFlags::empty())?;
                }
                taking.dropped();
            }
            _ => return Ok(datagram),
        }
    }
    Err(Errno::EAGAIN)
}

/// Whether the sender of each datagram must be judged. While one thread waits for a datagram another may bind the socket:
/// one that is not bound is judged if either rule could come to count.
pub(super) fn judged<Io>(gate: &Gate, socket: &Socket<Io>) -> bool {
    socket.kind == Kind::Datagram
        && socket.domain != Domain::Unix
        && !(gate.every_sender_allowed(true) && (socket.bound.get() || gate.every_sender_allowed(false)))
}

pub(super) fn sender_allowed<H: Host>(
    host: &H,
    gate: &mut Gate,
    socket: &Socket<H::Io>,
    sender: SocketAddr,
) -> bool {
    if stub::is_stub(gate, socket, sender) {
        true
    } else if socket.bound.get() {
        gate.accept("recvfrom", Protocol::Udp, sender)
    } else {
        // The kernel lets a connected socket's peer through only, and the policy allowed to connect to it: its answers
        // come for as long as it is sent to, also when the name's pin has expired meanwhile.
        socket.peer.get() == Some(sender) || gate.reply("recvfrom", sender, || host.now_coarse())
    }
}

/// A blocking receive on a datagram socket whose receiving side is shut down returns nothing, as Linux has it; the
/// non-blocking descriptor below says `EAGAIN`, and poll(2) says that it is readable for ever.
pub(super) fn end_if_shut<Io, T>(
    socket: &Socket<Io>,
    blocks: bool,
    outcome: Result<T>,
    nothing: T,
) -> Result<T> {
    match outcome {
        Err(Errno::EAGAIN) if blocks && socket.receive_ended.get() => Ok(nothing),
        outcome => outcome,
    }
}

/// [`attempt`] for what comes in. Datagrams come in bursts, of which a wait beforehand would cost each one a poll;
/// who waits for one on a stream mostly waits for an answer.
#[inline]
fn receive<H: Host, T>(
    host: &mut H,
    socket: &Socket<H::Io>,
    block: Block,
    limit: &mut Deadline,
    call: impl FnMut(&mut H) -> Result<T>,
) -> Result<T> {
    if block != Block::Never && socket.kind == Kind::Stream {
        block_until_received(host, &socket.io, &socket.strategy, block, limit, call)
    } else {
        attempt(host, &socket.io, Ready::READ, block, limit, call)
    }
}

pub(super) fn send<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    mut bufs: &mut [IoSlice<'_>],
    flags: SendFlags,
) -> Result<usize> {
    let blocks = !socket.nonblocking.get() && !flags.contains(SendFlags::DONTWAIT);
    let flags = flags - SendFlags::DONTWAIT;
    let limit = &mut Deadline::new(socket.send_timeout.get());
    let block = Block::new(blocks, !metered::counts(meter, socket));
    let mut sent = 0;
    loop {
        let outcome = attempt(host, &socket.io, Ready::WRITE, block, limit, |host| {
            metered::send(host, meter, socket, bufs, None, blocks, |host, bufs| {
                host.send(&socket.io, bufs, flags)
            })
        });
        match outcome {
            Ok(count) if !blocks || socket.kind != Kind::Stream => return Ok(count),
            Ok(count) => {
                sent += count;
                IoSlice::advance_slices(&mut bufs, count);
                if bufs.iter().all(|buf| buf.is_empty()) {
                    return Ok(sent);
                }
            }
            Err(errno) if sent == 0 => return Err(errno),
            // What was queued is reported; the error shows at the next call.
            Err(_) => return Ok(sent),
        }
    }
}

/// A blocking receive from a stream with `MSG_WAITALL` or `SO_RCVLOWAT` above 1: until so much has come, the stream
/// ends, the time is over or an error comes. Like Linux it takes the pieces as they come.
pub(super) fn recv_at_least<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    mut bufs: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
) -> Result<RecvMeta> {
    let room = bufs.iter().map(|buf| buf.len()).sum::<usize>();
    let target = if flags.contains(RecvFlags::WAITALL) {
        room
    } else {
        socket.low_water.get().min(room)
    };
    let limit = &mut Deadline::new(socket.recv_timeout.get());
    if flags.contains(RecvFlags::PEEK) {
        return peek_at_least(host, meter, socket, bufs, flags, target, limit);
    }
    let mut len = 0;
    loop {
        let outcome = attempt(host, &socket.io, Ready::READ, true, limit, |host| {
            recv_once(host, meter, socket, bufs, flags, true)
        });
        match outcome {
            Ok(received) => {
                len += received.len;
                IoSliceMut::advance_slices(&mut bufs, received.len);
                if received.len == 0 || len >= target {
                    return Ok(RecvMeta {
                        len,
                        truncated: false,
                    });
                }
            }
            Err(errno) if len == 0 => return Err(errno),
            Err(_) => {
                return Ok(RecvMeta {
                    len,
                    truncated: false,
                });
            }
        }
    }
}

/// The kernel's poll(2) heeds `SO_RCVLOWAT`, and would not report the last bytes of a part that was begun.
fn with_low_water_1<H: Host, T>(
    host: &mut H,
    socket: &Socket<H::Io>,
    receive: impl FnOnce(&mut H) -> Result<T>,
) -> Result<T> {
    if socket.low_water.get() <= 1 {
        return receive(host);
    }
    host.set_option(&socket.io, SockOpt::RcvLowat, OptValue::Int(1))?;
    let result = receive(host);
    let low_water = i32::try_from(socket.low_water.get()).unwrap_or(i32::MAX);
    // What was received must not be lost for this; the next receive tries again.
    let _ = host.set_option(&socket.io, SockOpt::RcvLowat, OptValue::Int(low_water));
    result
}

/// As [`recv_at_least`] for a peek, which leaves the descriptor readable: it has to look again and again.
fn peek_at_least<H: Host>(
    host: &mut H,
    meter: Option<&Meter>,
    socket: &Socket<H::Io>,
    bufs: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
    target: usize,
    limit: &mut Deadline,
) -> Result<RecvMeta> {
    let mut pause = Backoff::default();
    loop {
        let received = block_until_ready(host, &socket.io, Ready::READ, limit, |host| {
            recv_once(host, meter, socket, bufs, flags, true)
        })?;
        let remaining = limit.remaining(host);
        if received.len == 0
            || received.len >= target
            || remaining == Some(Duration::ZERO)
            || host.wait(&socket.io, Ready::READ_HANGUP, Some(Duration::ZERO))?
        {
            return Ok(received);
        }
        pause.sleep(host, remaining)?;
    }
}
