//! sendmsg(2) and recvmsg(2) with control data, and the calls that make a pair of descriptors.
//!
//! Descriptors that are passed on (`SCM_RIGHTS`) stay inside the guest. The kernel carries them, but what arrives is
//! the guest's own open file description, found again by its identity; what was not sent by this guest is closed.

use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use super::flight::{InFlight, MAX_RIGHTS, Sent};
use super::metered;
use super::state::Socket;
use super::transfer::{self, allowed_datagram, judged};
use super::{option, stub, unix_node};
use crate::addr::{Domain, Kind, SockAddr};
use crate::blocking::{Deadline, attempt};
use crate::capacity::PIPE;
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots, Target, find};
use crate::guest::{Call, GuestThread, SharedGuestThread};
use crate::host::{Control, Destination, Host, Identity, Message, RecvFlags, RecvMeta, SendFlags};
use crate::open_file::{Holds, OpenFile};
use crate::policy::Protocol;
use crate::readiness::Ready;

/// A message with the guest's own open files.
pub(super) type Brought<Io, F> = Message<Arc<OpenFile<Io, F>>>;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// socketpair(2) of UNIX sockets, in blocking mode. The policy has no say: nothing leaves the guest.
    ///
    /// # Errors
    /// `EMFILE`, `ENOBUFS` (the guest's limit of buffers), `EOPNOTSUPP` (a host without).
    pub fn socket_pair(&mut self, kind: Kind) -> Result<(Fd, Fd)> {
        let result = self.do_socket_pair(kind);
        self.traced(
            "socketpair",
            result,
            |pair| u64::from(pair.0),
            format_args!("{kind:?}"),
        )
    }

    fn do_socket_pair(&mut self, kind: Kind) -> Result<(Fd, Fd)> {
        let permits = (self.permit()?, self.permit()?);
        let (one, other) = self.host.socket_pair(kind)?;
        let one = self.made(one, Domain::Unix, kind, permits.0)?;
        let other = self.made(other, Domain::Unix, kind, permits.1)?;
        for end in [&one, &other] {
            end.take_send_buffer()?;
            end.is_of_pair.set(true);
        }
        self.insert_pair(OpenFile::Socket(one), OpenFile::Socket(other))
    }

    /// pipe(2): the end to read from and the end to write to, in blocking mode.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE` (the guest's limit of buffers, as pipe(7) says of the user's), `ENOSYS` (a host without).
    pub fn pipe(&mut self) -> Result<(Fd, Fd)> {
        let result = self.do_pipe();
        self.traced("pipe", result, |pair| u64::from(pair.0), format_args!(""))
    }

    fn do_pipe(&mut self) -> Result<(Fd, Fd)> {
        let permits = (self.permit()?, self.permit()?);
        let buffers = self.guest.room.buffers(PIPE).map_err(|_| Errno::ENFILE)?;
        let buffers = Arc::new(buffers);
        let (read, write) = self.host.pipe()?;
        let read = self.stream(read, Some(Holds::new(Some(permits.0), &buffers)));
        let write = self.stream(write, Some(Holds::new(Some(permits.1), &buffers)));
        self.insert_pair(read, write)
    }
}

impl<H: Host, F> SharedGuestThread<H, F> {
    /// sendmsg(2) with control data. Shortens `bufs` as it goes.
    ///
    /// # Errors
    /// Those of [`GuestThread::send`] and [`GuestThread::send_to`]; `EBADF` also for a descriptor to be passed on, `EINVAL` (more
    /// than 253 of them, or descriptors over another family than UNIX), `EPERM` (to a peer outside of this process),
    /// `EOPNOTSUPP` (a file that cannot be passed on), `ETOOMANYREFS` (too many are under way), `EACCES` also for an
    /// interface that the message would choose, where the policy has rules about destinations.
    pub fn send_message(
        &mut self,
        fd: impl Target<Arc<OpenFile<H::Io, F>>>,
        bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        control: &[Control<Fd>],
        flags: SendFlags,
    ) -> Result<usize> {
        let result = self.do_send_message(fd, bufs, addr, control, flags);
        self.traced(
            "sendmsg",
            result,
            |count| *count as u64,
            format_args!("{fd}, {control:?}, {flags:?}"),
        )
    }

    pub(super) fn do_send_message(
        &mut self,
        fd: impl Target<Arc<OpenFile<H::Io, F>>>,
        bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        control: &[Control<Fd>],
        flags: SendFlags,
    ) -> Result<usize> {
        let (table, mut call) = self.split();
        let entry = find(&fd, table)?;
        let socket = entry.socket()?;
        let mut passed = Vec::new();
        for item in control {
            if let Control::PacketInfo4 { interface, .. } | Control::PacketInfo6 { interface, .. } = item {
                call.gate.interface("sendmsg", *interface)?;
            }
            let Control::Rights(fds) = item else { continue };
            if socket.domain != Domain::Unix || fds.len() > MAX_RIGHTS {
                return Err(Errno::EINVAL);
            }
            for fd in fds {
                let file = table.entry(*fd)?;
                let identity = call.host.identity(io_of(&file)?)?;
                passed.push((identity, file));
            }
        }
        if call.meter.is_some() && socket.is_metered() && socket.kind == Kind::Stream {
            // What goes in pieces has no control data: the kernel passes over those of IP on a stream.
            return call.send(socket, bufs, flags);
        }
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        let blocks = !socket.nonblocking.get() && !flags.contains(SendFlags::DONTWAIT);
        let Call {
            host,
            gate,
            meter,
            in_flight,
            counter,
            ..
        } = call;
        let mut rest = passed.iter().map(|(_, file)| io_of(file));
        let mut control = control
            .iter()
            .map(|item| with_files(item, &mut rest))
            .collect::<Result<Vec<_>>>()?;
        let node;
        let to = match (socket.domain, socket.kind, addr) {
            // unix(7) does not say it: a connection of packets does not look at the address.
            (_, _, None) | (_, Kind::SeqPacket, _) | (Domain::Inet | Domain::Inet6, Kind::Stream, _) => {
                Destination::Peer
            }
            (Domain::Unix, Kind::Stream, Some(_)) => {
                host.peer_addr(&socket.io).map_err(|_| Errno::EOPNOTSUPP)?;
                return Err(Errno::EISCONN);
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, Some(SockAddr::Inet(to))) => {
                let route = gate.connect("sendmsg", Protocol::Udp, *to, || host.now_coarse())?;
                Destination::Inet(stub::target(host, gate, socket, *to, route)?)
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, Some(_)) => return Err(Errno::EAFNOSUPPORT),
            (Domain::Unix, Kind::Datagram, Some(SockAddr::Unix(path))) => {
                node = unix_node(host, gate, "sendmsg", path, false)?;
                socket.take_send_buffer()?;
                Destination::Unix(&node)
            }
            (Domain::Unix, Kind::Datagram, Some(_)) => return Err(Errno::EINVAL),
        };
        // Before the message: the receiver may be quicker than this thread.
        let message = in_flight.send(host, &passed)?;
        marker(&mut control, &message);
        let segment = control.iter().find_map(|item| match item {
            Control::SegmentSize(size) => Some(*size),
            _ => None,
        });
        let mut limit = Deadline::new(socket.send_timeout.get());
        let once = flags - SendFlags::DONTWAIT;
        let outcome = attempt(host, &socket.io, Ready::WRITE, blocks, &mut limit, |host| {
            metered::send(host, meter, socket, bufs, segment, blocks, |host, bufs| {
                host.send_message(&socket.io, bufs, &to, &control, once)
            })
        });
        if let Some(SockAddr::Inet(to)) = addr {
            option::record_broadcast(gate, socket, "sendmsg", *to, &outcome);
        }
        let mut sent = match outcome {
            Ok(sent) => sent,
            Err(errno) => {
                in_flight.give_up(&message);
                return Err(errno);
            }
        };
        if blocks && socket.kind == Kind::Stream && sent < len {
            let mut bufs = bufs;
            IoSlice::advance_slices(&mut bufs, sent);
            // What was queued is reported; the error shows at the next call.
            sent += transfer::send(host, meter, socket, bufs, flags).unwrap_or(0);
        }
        counter.sent(socket.domain, socket.kind, sent);
        Ok(sent)
    }

    /// recvmsg(2) with control data. Descriptors that came get the lowest free numbers; those for which there is none
    /// are lost, and `control_truncated` says so. At most `rights` of them are taken.
    ///
    /// # Errors
    /// Those of [`GuestThread::recv`].
    pub fn recv_message(
        &mut self,
        fd: impl Target<Arc<OpenFile<H::Io, F>>>,
        bufs: &mut [IoSliceMut<'_>],
        rights: usize,
        flags: RecvFlags,
    ) -> Result<Message<Fd>> {
        let result = self
            .with_socket(fd, |call, socket| call.recv_message(socket, bufs, flags))
            .map(|message| self.enter_rights(message, rights));
        self.traced(
            "recvmsg",
            result,
            |message| message.received.len as u64,
            format_args!("{fd}, {flags:?}"),
        )
    }

    /// Gives numbers to the descriptors that came.
    pub(super) fn enter_rights(&mut self, message: Brought<H::Io, F>, mut room: usize) -> Message<Fd> {
        let mut truncated = message.control_truncated;
        let mut control = Vec::with_capacity(message.control.len());
        for item in message.control {
            let item = match item {
                Control::Rights(files) => {
                    truncated |= files.len() > room;
                    let mut fds = Vec::with_capacity(files.len());
                    for file in files.into_iter().take(room) {
                        match self.guest.table.insert_open(file) {
                            Ok(fd) => fds.push(fd),
                            Err(_) => truncated = true,
                        }
                    }
                    room -= fds.len();
                    Control::Rights(fds)
                }
                other => without_files(other),
            };
            if !matches!(&item, Control::Rights(fds) if fds.is_empty()) {
                control.push(item);
            }
        }
        Message {
            received: message.received,
            from: message.from,
            control,
            control_truncated: truncated,
            urgent: message.urgent,
        }
    }
}

impl<H: Host, F> Call<'_, H, F> {
    /// recvmsg(2), with the guest's own files in place of descriptors.
    pub(super) fn recv_message(
        &mut self,
        socket: &Socket<H::Io>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<Brought<H::Io, F>> {
        let stream = socket.kind == Kind::Stream;
        let urgent = stream && flags.contains(RecvFlags::OOB);
        let blocks = !socket.nonblocking.get() && !flags.contains(RecvFlags::DONTWAIT) && !urgent;
        let judged = judged(self.gate, socket);
        let mut limit = Deadline::new(socket.recv_timeout.get());
        let outcome = attempt(self.host, &socket.io, Ready::READ, blocks, &mut limit, |host| {
            metered::recv(
                host,
                self.meter,
                socket,
                bufs,
                flags,
                blocks,
                |host, bufs, taking| {
                    let peek = flags & RecvFlags::PEEK;
                    let mut message = if judged {
                        let scratch = &mut *self.scratch;
                        scratch.resize(transfer::SCRATCH, 0);
                        let take = |host: &mut H| {
                            host.recv_message(&socket.io, &mut [IoSliceMut::new(scratch)], peek)
                        };
                        let message =
                            allowed_datagram(host, self.gate, socket, taking, peek, take, |message| {
                                message.from.inet()
                            })?;
                        H::fill(bufs, scratch.get(..message.received.len).ok_or(Errno::EIO)?);
                        // What comes from another machine brings no descriptors.
                        with_their_files(self.in_flight, message, false)
                    } else {
                        let _receiving = (socket.domain == Domain::Unix).then(|| self.in_flight.receiving());
                        let message = host.recv_message(&socket.io, bufs, taking.flags())?;
                        with_their_files(self.in_flight, message, peek.contains(RecvFlags::PEEK))
                    };
                    message.received = taking.took(message.received);
                    Ok(message)
                },
            )
        });
        let mut message = match outcome {
            Err(Errno::EAGAIN) if blocks && socket.receive_ended.get() => Message {
                received: RecvMeta::default(),
                from: SockAddr::Unspec,
                control: Vec::new(),
                control_truncated: false,
                urgent: false,
            },
            outcome => outcome?,
        };
        let more = flags & (RecvFlags::WAITALL | RecvFlags::PEEK) == RecvFlags::WAITALL
            && blocks
            && stream
            && message.received.len > 0;
        if more {
            let mut bufs = bufs;
            IoSliceMut::advance_slices(&mut bufs, message.received.len);
            if bufs.iter().any(|buf| !buf.is_empty()) {
                // What has come is reported; the error shows at the next call.
                let rest =
                    transfer::recv_at_least(self.host, self.meter, socket, bufs, flags).unwrap_or_default();
                message.received.len += rest.len;
            }
        }
        self.count_received(socket, message.received, flags);
        message.from = stub::as_seen(self.gate, socket, message.from);
        Ok(message)
    }
}

/// What a message brought, with the guest's own files in place of what the kernel made of them.
fn with_their_files<Io, F>(
    in_flight: &InFlight<Io, F>,
    message: Message<Identity>,
    peek: bool,
) -> Brought<Io, F> {
    let mut control_truncated = message.control_truncated;
    let control = message.control.into_iter().map(|item| match item {
        Control::Rights(identities) => {
            let (files, lost) = in_flight.receive(&identities, peek);
            control_truncated |= lost;
            Control::Rights(files)
        }
        other => without_files(other),
    });
    Message {
        control: control.collect(),
        received: message.received,
        from: message.from,
        control_truncated,
        urgent: message.urgent,
    }
}

/// # Errors
/// `EOPNOTSUPP`: a file of the adapter, which the host does not know.
fn io_of<Io, F>(entry: &OpenFile<Io, F>) -> Result<&Io> {
    match entry {
        OpenFile::Socket(socket) => Ok(&socket.io),
        OpenFile::Stream(stream) => Ok(&stream.io),
        OpenFile::File(_) => Err(Errno::EOPNOTSUPP),
    }
}

/// Puts a message's marker before its files.
fn marker<'a, Io>(control: &mut [Control<&'a Io>], message: &'a Sent<Io>) {
    let rights = control.iter_mut().find_map(|item| match item {
        Control::Rights(files) => Some(files),
        _ => None,
    });
    if let (Some(files), Some(marker)) = (rights, message.marker()) {
        files.insert(0, marker);
    }
}

/// The same item with the files instead of their numbers, which come in the same order.
fn with_files<'a, Io>(
    item: &Control<Fd>,
    files: &mut impl Iterator<Item = Result<&'a Io>>,
) -> Result<Control<&'a Io>> {
    match item {
        Control::Rights(fds) => files.take(fds.len()).collect::<Result<_>>().map(Control::Rights),
        other => Ok(without_files(other.clone())),
    }
}

/// An item that has no descriptors.
pub(super) fn without_files<A, B>(item: Control<A>) -> Control<B> {
    match item {
        Control::Rights(_) => Control::Rights(Vec::new()),
        Control::PacketInfo4 {
            interface,
            local,
            destination,
        } => Control::PacketInfo4 {
            interface,
            local,
            destination,
        },
        Control::PacketInfo6 { local, interface } => Control::PacketInfo6 { local, interface },
        Control::Ttl(value) => Control::Ttl(value),
        Control::Tos(value) => Control::Tos(value),
        Control::HopLimit(value) => Control::HopLimit(value),
        Control::TrafficClass(value) => Control::TrafficClass(value),
        Control::Timestamp(time) => Control::Timestamp(time),
        Control::TimestampNs(time) => Control::TimestampNs(time),
        Control::Dropped(count) => Control::Dropped(count),
        Control::SegmentSize(size) => Control::SegmentSize(size),
    }
}
