//! sendmmsg(2) and recvmmsg(2): many messages in one call.
//!
//! Datagrams of IP go to the host as a batch: each destination is judged, and then the host has all of them. Where bytes are
//! counted, or the sender of each datagram must be judged before the guest may see it, and for streams and UNIX sockets, the
//! messages are sent and received one after another, as by as many calls. A guest sees no difference.

use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use super::message::without_files;
use super::state::Socket;
use super::transfer::{end_if_shut, judged};
use super::{option, stub};
use crate::addr::{Domain, Kind, SockAddr};
use crate::blocking::{Deadline, attempt};
use crate::cell::KeptError;
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Target};
use crate::guest::{Call, SharedDescriptor, SharedGuestThread};
use crate::host::{
    Clock, Control, Host, Identity, IncomingDatagram, Message, OutgoingDatagram, RecvFlags, RecvMeta,
    SendFlags,
};
use crate::open_file::OpenFile;
use crate::option::{OptValue, SockOpt};
use crate::policy::Protocol;
use crate::readiness::Ready;

/// `UIO_MAXIOV` of Linux: the most messages of one call. Those beyond are not looked at.
pub const MAX_BATCH: usize = 1024;

/// One message of sendmmsg(2).
#[derive(Debug)]
pub struct OutgoingMessage<'a> {
    /// The bytes. They are shortened as the call goes.
    pub bufs: &'a mut [IoSlice<'a>],
    /// Where it goes, if it has an address.
    pub to: Option<SockAddr>,
    /// The control data.
    pub control: Vec<Control<Fd>>,
    /// How many bytes were sent (`msg_len`). Set for as many messages as the call returns.
    pub sent: usize,
}

/// One message of recvmmsg(2).
#[derive(Debug)]
pub struct IncomingMessage<'a> {
    /// Room for the bytes.
    pub bufs: &'a mut [IoSliceMut<'a>],
    /// Whether there is room for control data.
    pub wants_control: bool,
    /// For how many descriptors there is room.
    pub rights: usize,
    /// What came. Set for as many messages as the call returns.
    pub message: Option<Message<Fd>>,
}

/// How a batch is received: what ends it before it is full.
#[derive(Debug)]
struct Progress {
    flags: RecvFlags,
    wait_for_one: bool,
    deadline: Option<Duration>,
    /// What is left of the time after the last message.
    remaining: Option<Duration>,
}

impl Progress {
    /// Something was received. Whether the call goes on.
    fn goes_on<H: Host>(&mut self, host: &H) -> bool {
        if self.wait_for_one {
            self.flags |= RecvFlags::DONTWAIT;
        }
        self.remaining = self
            .deadline
            .map(|deadline| deadline.saturating_sub(host.now(Clock::Monotonic)));
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.remaining == Some(Duration::ZERO)
    }
}

impl<H: Host, F> SharedGuestThread<H, F> {
    /// sendmmsg(2): sends at most [`MAX_BATCH`] messages in order, and returns how many were sent. The policy judges each of them.
    /// What fails, or sends a part only, is the last. Why a later message than the first failed is not known.
    ///
    /// # Errors
    /// What the first message failed with: those of [`GuestThread::send_message`](crate::GuestThread::send_message).
    pub fn send_batch(
        &mut self,
        fd: impl Target<Arc<OpenFile<H::Io, F>>>,
        messages: &mut [OutgoingMessage<'_>],
        flags: SendFlags,
    ) -> Result<usize> {
        let count = messages.len().min(MAX_BATCH);
        let (messages, _) = messages.split_at_mut(count);
        let result = self
            .pinned(fd)
            .and_then(|fd| self.do_send_batch(&fd, messages, flags));
        self.traced(
            "sendmmsg",
            result,
            |sent| *sent as u64,
            format_args!("{fd}, {count} messages, {flags:?}"),
        )
    }

    fn do_send_batch(
        &mut self,
        fd: &SharedDescriptor<H, F>,
        messages: &mut [OutgoingMessage<'_>],
        flags: SendFlags,
    ) -> Result<usize> {
        let socket = fd.open_file().socket()?;
        let (_, mut call) = self.split();
        if call.meter.is_none() && is_inet_datagram(socket) {
            return call.send_datagrams(socket, messages, flags);
        }
        let mut count = 0;
        for message in messages {
            let len: usize = message.bufs.iter().map(|buf| buf.len()).sum();
            let bufs = &mut *message.bufs;
            let outcome = match (&message.to, message.control.is_empty()) {
                (None, true) => self.with_socket(fd, |call, socket| call.send(socket, bufs, flags)),
                (Some(addr), true) => {
                    self.with_socket(fd, |call, socket| call.send_to(socket, bufs, addr, flags))
                }
                (addr, false) => self.do_send_message(fd, bufs, addr.as_ref(), &message.control, flags),
            };
            match outcome {
                Ok(sent) => {
                    message.sent = sent;
                    count += 1;
                    if sent < len {
                        break;
                    }
                }
                Err(errno) if count == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    /// recvmmsg(2): receives at most [`MAX_BATCH`] messages, and returns how many came and what is left of `timeout`. On a
    /// descriptor that blocks it waits for all of them, or with `wait_for_one` (`MSG_WAITFORONE`) for the first. As in Linux, the
    /// timeout is looked at after a message only: it ends no wait.
    ///
    /// An error that comes after a message shows at the next call that moves data, by poll(2) and as `SO_ERROR`.
    ///
    /// # Errors
    /// Why the first message did not come: those of [`GuestThread::recv`](crate::GuestThread::recv). An error of a stream is
    /// reported before its data.
    pub fn recv_batch(
        &mut self,
        fd: impl Target<Arc<OpenFile<H::Io, F>>>,
        messages: &mut [IncomingMessage<'_>],
        flags: RecvFlags,
        wait_for_one: bool,
        timeout: Option<Duration>,
    ) -> Result<(usize, Option<Duration>)> {
        let count = messages.len().min(MAX_BATCH);
        let (messages, _) = messages.split_at_mut(count);
        let mut progress = Progress {
            flags,
            wait_for_one,
            deadline: timeout.map(|timeout| self.now(Clock::Monotonic).saturating_add(timeout)),
            remaining: timeout,
        };
        let result = self
            .pinned(fd)
            .and_then(|fd| self.do_recv_batch(&fd, messages, &mut progress))
            .map(|received| (received, progress.remaining));
        self.traced(
            "recvmmsg",
            result,
            |(received, _)| *received as u64,
            format_args!("{fd}, {count} messages, {flags:?}, {timeout:?}"),
        )
    }

    fn do_recv_batch(
        &mut self,
        fd: &SharedDescriptor<H, F>,
        messages: &mut [IncomingMessage<'_>],
        progress: &mut Progress,
    ) -> Result<usize> {
        let socket = fd.open_file().socket()?;
        let (_, mut call) = self.split();
        call.first_error(socket)?;
        if call.meter.is_none() && is_inet_datagram(socket) && !judged(call.gate, socket) {
            return call.recv_datagrams(socket, messages, progress);
        }
        let mut count = 0;
        for message in messages {
            let bufs = &mut *message.bufs;
            let received = self.with_socket(fd, |call, socket| {
                if message.wants_control || socket.domain == Domain::Unix {
                    call.recv_message(socket, bufs, progress.flags)
                } else {
                    let (received, from) = call.recv_from(socket, bufs, progress.flags)?;
                    Ok(without_control(received, from))
                }
            });
            match received {
                Ok(received) => {
                    let urgent = received.urgent;
                    message.message = Some(self.enter_rights(received, message.rights));
                    count += 1;
                    if urgent || !progress.goes_on(&self.host) {
                        break;
                    }
                }
                Err(errno) => return ended(&socket.kept_error, count, errno),
            }
        }
        Ok(count)
    }

    /// Looks a number up, once for the whole batch.
    fn pinned(&self, fd: impl Target<Arc<OpenFile<H::Io, F>>>) -> Result<SharedDescriptor<H, F>> {
        fd.descriptor()
            .map_or_else(|| self.look_up(fd.number()), |fd| Ok(fd.clone()))
    }
}

impl<H: Host, F> Call<'_, H, F> {
    /// What recvmmsg(2) fails with before it looks for data: the error that a batch has left, or that of a stream, which recv(2)
    /// reports after the data. A datagram socket reports its own first anyway.
    fn first_error(&mut self, socket: &Socket<H::Io>) -> Result<()> {
        if let Some(errno) = socket.kept_error.take_pending() {
            return Err(errno);
        }
        if socket.kind == Kind::Stream
            && let OptValue::Error(Some(errno)) = self.host.option(&socket.io, SockOpt::Error)?
        {
            return Err(errno);
        }
        Ok(())
    }

    fn send_datagrams(
        &mut self,
        socket: &Socket<H::Io>,
        messages: &mut [OutgoingMessage<'_>],
        flags: SendFlags,
    ) -> Result<usize> {
        if let Some(errno) = socket.kept_error.take_pending() {
            return Err(errno);
        }
        let blocks = !socket.nonblocking.get() && !flags.contains(SendFlags::DONTWAIT);
        let once = flags - SendFlags::DONTWAIT;
        let mut count = 0;
        while let Some(rest) = messages.get(count..).filter(|rest| !rest.is_empty()) {
            let mut batch = Vec::with_capacity(rest.len().min(H::BATCH));
            let mut refused = None;
            for message in rest.iter().take(H::BATCH) {
                match self.route(socket, message) {
                    Ok(datagram) => batch.push(datagram),
                    Err(errno) => {
                        refused = Some(errno);
                        break;
                    }
                }
            }
            let mut sent = 0;
            while let Some(left) = batch.get(sent..).filter(|left| !left.is_empty()) {
                let limit = &mut Deadline::new(socket.send_timeout.get());
                let outcome = attempt(self.host, &socket.io, Ready::WRITE, blocks, limit, |host| {
                    host.send_batch(&socket.io, left, once)
                });
                match outcome {
                    // What the kernel did not take then has no room or fails: who does not wait leaves it.
                    Ok(more) if blocks || more == left.len() => sent += more,
                    Ok(more) => {
                        sent += more;
                        refused = Some(Errno::EAGAIN);
                        break;
                    }
                    Err(errno) => {
                        if let Some(SockAddr::Inet(to)) =
                            rest.get(sent).and_then(|message| message.to.as_ref())
                        {
                            option::record_broadcast(self.gate, socket, "sendto", *to, &outcome);
                        }
                        refused = Some(errno);
                        break;
                    }
                }
            }
            drop(batch);
            for message in messages.iter_mut().skip(count).take(sent) {
                // A datagram goes whole.
                message.sent = message.bufs.iter().map(|buf| buf.len()).sum();
                self.counter.sent(socket.domain, socket.kind, message.sent);
            }
            count += sent;
            match refused {
                Some(errno) if count == 0 => return Err(errno),
                Some(_) => break,
                None => {}
            }
        }
        Ok(count)
    }

    /// Judges one message, as a call of its own would be, and addresses it.
    fn route<'m>(
        &mut self,
        socket: &Socket<H::Io>,
        message: &'m OutgoingMessage<'_>,
    ) -> Result<OutgoingDatagram<'m, H::Io>> {
        let mut control = Vec::with_capacity(message.control.len());
        for item in &message.control {
            match item {
                Control::Rights(_) => return Err(Errno::EINVAL),
                Control::PacketInfo4 { interface, .. } | Control::PacketInfo6 { interface, .. } => {
                    self.gate.interface("sendmsg", *interface)?;
                }
                _ => {}
            }
            control.push(without_files(item.clone()));
        }
        let name = if control.is_empty() { "sendto" } else { "sendmsg" };
        let (host, gate) = (&mut *self.host, &mut *self.gate);
        let to = match &message.to {
            None => None,
            Some(SockAddr::Inet(to)) => {
                let route = gate.connect(name, Protocol::Udp, *to, || host.now_coarse())?;
                Some(stub::target(host, gate, socket, *to, route)?)
            }
            Some(_) => return Err(Errno::EAFNOSUPPORT),
        };
        Ok(OutgoingDatagram {
            bufs: &*message.bufs,
            to,
            control,
        })
    }

    fn recv_datagrams(
        &mut self,
        socket: &Socket<H::Io>,
        messages: &mut [IncomingMessage<'_>],
        progress: &mut Progress,
    ) -> Result<usize> {
        let may_block = !socket.nonblocking.get();
        let once = progress.flags - RecvFlags::WAITALL - RecvFlags::DONTWAIT;
        let mut count = 0;
        while let Some(rest) = messages.get_mut(count..).filter(|rest| !rest.is_empty()) {
            let blocks = may_block && !progress.flags.contains(RecvFlags::DONTWAIT);
            // Time that is over already is over after one.
            let most = if progress.is_over() { 1 } else { H::BATCH };
            let mut batch: Vec<_> = rest
                .iter_mut()
                .take(most)
                .map(|message| IncomingDatagram {
                    bufs: &mut *message.bufs,
                    wants_control: message.wants_control,
                    message: None,
                })
                .collect();
            let asked = batch.len();
            let limit = &mut Deadline::new(socket.recv_timeout.get());
            let outcome = attempt(self.host, &socket.io, Ready::READ, blocks, limit, |host| {
                let outcome = host.recv_batch(&socket.io, &mut batch, once);
                end_if_shut(socket, blocks, outcome, 0)
            });
            let came = match outcome {
                // The receiving side is shut: what would wait receives nothing.
                Ok(0) => {
                    let nothing: Message<Identity> = without_control(RecvMeta::default(), SockAddr::Unspec);
                    if let Some(first) = batch.first_mut() {
                        first.message = Some(nothing);
                    }
                    1
                }
                Ok(came) => came,
                Err(errno) => return ended(&socket.kept_error, count, errno),
            };
            let received: Vec<_> = batch.into_iter().map(|datagram| datagram.message).collect();
            for (message, received) in rest.iter_mut().zip(received).take(came) {
                message.message = received.map(|received| {
                    self.count_received(socket, received.received, progress.flags);
                    self.as_seen(socket, received)
                });
            }
            count += came;
            let waits = may_block && !progress.wait_for_one && blocks;
            if !progress.goes_on(self.host) || (came < asked && !waits) {
                break;
            }
        }
        Ok(count)
    }

    /// A datagram as the guest sees it. Descriptors do not come over IP.
    fn as_seen(&self, socket: &Socket<H::Io>, message: Message<Identity>) -> Message<Fd> {
        Message {
            received: message.received,
            from: stub::as_seen(self.gate, socket, message.from),
            control: message.control.into_iter().map(without_files).collect(),
            control_truncated: message.control_truncated,
            urgent: message.urgent,
        }
    }
}

/// Whether a socket's messages can go to the host as a batch.
fn is_inet_datagram<Io>(socket: &Socket<Io>) -> bool {
    socket.kind == Kind::Datagram && socket.domain != Domain::Unix
}

/// What a batch returns that has received `count` messages when it failed: as in Linux, the error waits for the next call.
fn ended(kept: &KeptError, count: usize, errno: Errno) -> Result<usize> {
    match errno {
        _ if count == 0 => return Err(errno),
        // The next call says so by itself: there is nothing yet, the guest has to stop, or its bytes are used up.
        Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS => {}
        _ => kept.set_pending(errno),
    }
    Ok(count)
}

fn without_control<D>(received: RecvMeta, from: SockAddr) -> Message<D> {
    Message {
        received,
        from,
        control: Vec::new(),
        control_truncated: false,
        urgent: false,
    }
}
