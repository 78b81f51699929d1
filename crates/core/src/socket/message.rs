//! sendmsg(2) and recvmsg(2) with control data, and the calls that make a pair of descriptors.
//!
//! Descriptors that are passed on (`SCM_RIGHTS`) stay inside the guest. The kernel carries them, but what arrives is
//! the guest's own open file description, found again by its identity; what was not sent by this guest is closed.

use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use super::flight::{InFlight, Sent};
use super::transfer::{self, attempt, judged, scatter, sender_allowed};
use super::{REFUSALS, Socket, option, stub, unix_place};
use crate::addr::{Domain, Kind, SockAddr};
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::guest::{Entry, Guest, Limit, SharedGuest};
use crate::host::{Control, Destination, Host, Identity, Message, Received, RecvFlags, SendFlags};
use crate::policy::Protocol;
use crate::readiness::Ready;

/// `SCM_MAX_FD` of unix(7): the most descriptors in one message.
pub(crate) const MAX_RIGHTS: usize = 253;

/// A message with the guest's own open files.
type Brought<Io, F> = Message<Arc<Entry<Io, F>>>;

impl<H: Host, F, T: Slots<Entry<H::Io, F>>> Guest<H, F, T> {
    /// socketpair(2) of UNIX sockets, in blocking mode. The policy has no say: nothing leaves the guest.
    ///
    /// # Errors
    /// `EMFILE`, `EOPNOTSUPP` (a host without).
    pub fn socket_pair(&mut self, kind: Kind) -> Result<(Fd, Fd)> {
        let result = self.do_socket_pair(kind);
        if self.traced {
            self.trace(
                "socketpair",
                &result,
                |pair| u64::from(pair.0),
                format_args!("{kind:?}"),
            );
        }
        result
    }

    fn do_socket_pair(&mut self, kind: Kind) -> Result<(Fd, Fd)> {
        let seats = (self.seat()?, self.seat()?);
        let (one, other) = self.host.socket_pair(kind)?;
        let first = self.insert_socket(Socket::new(one, Domain::Unix, kind, seats.0))?;
        match self.insert_socket(Socket::new(other, Domain::Unix, kind, seats.1)) {
            Ok(second) => Ok((first, second)),
            Err(errno) => {
                self.close(first)?;
                Err(errno)
            }
        }
    }

    fn do_recv_message(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<Brought<H::Io, F>> {
        let (stream, nonblocking) = self.kind_and_mode(fd)?;
        let urgent = stream && flags.contains(RecvFlags::OOB);
        let blocks = !nonblocking && !flags.contains(RecvFlags::DONTWAIT) && !urgent;
        let metered = self.metered(fd);
        if metered && stream {
            // In pieces, as `recv` has it; a stream's control data, which are times of arrival, are not given.
            let (received, from) = self.recv_metered(fd, bufs, flags)?;
            return Ok(Message {
                received,
                from,
                control: Vec::new(),
                control_truncated: false,
                urgent: false,
            });
        }
        if metered {
            self.allowance(blocks)?;
        }
        let entry = self.table.entry(fd)?;
        let socket = entry.socket()?;
        let Guest {
            host,
            gate,
            scratch,
            in_flight,
            ..
        } = self;
        let judged = judged(gate, socket);
        let once = flags - RecvFlags::WAITALL - RecvFlags::DONTWAIT;
        let mut limit = Limit::new(socket.recv_timeout.get());
        let outcome = attempt(host, &socket.io, Ready::READ, blocks, &mut limit, |host| {
            if !judged {
                let _receiving = (socket.domain == Domain::Unix).then(|| in_flight.receiving());
                let message = host.recv_message(&socket.io, bufs, once)?;
                return Ok(with_their_files(
                    in_flight,
                    message,
                    once.contains(RecvFlags::PEEK),
                ));
            }
            for _ in 0..REFUSALS {
                scratch.resize(transfer::SCRATCH, 0);
                let into = &mut [IoSliceMut::new(scratch)];
                let mut message = host.recv_message(&socket.io, into, once & RecvFlags::PEEK)?;
                match message.from.inet() {
                    Some(sender) if !sender_allowed(host, gate, socket, sender) => {
                        if once.contains(RecvFlags::PEEK) {
                            // What was peeked at is still at the head of the queue: take it off.
                            host.recv(&socket.io, &mut [], RecvFlags::empty())?;
                        }
                    }
                    _ => {
                        let real = message.received.len;
                        let stored = scatter(scratch.get(..real).ok_or(Errno::Io)?, bufs);
                        message.received.truncated |= stored < real;
                        if !once.contains(RecvFlags::TRUNC) {
                            message.received.len = stored;
                        }
                        // What comes from another machine brings no descriptors.
                        return Ok(with_their_files(in_flight, message, false));
                    }
                }
            }
            Err(Errno::Again)
        });
        let mut message = match outcome {
            Err(Errno::Again) if blocks && socket.receive_ended.get() => Message {
                received: Received::default(),
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
                let rest = transfer::recv_at_least(host, socket, bufs, flags).unwrap_or_default();
                message.received.len += rest.len;
            }
        }
        message.from = stub::as_seen(gate, socket, message.from);
        drop(entry);
        if metered && !flags.contains(RecvFlags::PEEK) {
            self.count(message.received.len);
        }
        Ok(message)
    }

    /// A receive on a UNIX socket by one who wants no control data, while descriptors are under way: those that come
    /// with it are given up, as the kernel does.
    pub(super) fn recv_without_rights(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(Received, SockAddr)> {
        let message = self.do_recv_message(fd, bufs, flags)?;
        Ok((message.received, message.from))
    }

    /// pipe(2): the end to read from and the end to write to, in blocking mode.
    ///
    /// # Errors
    /// `EMFILE`, `ENOSYS` (a host without).
    pub fn pipe(&mut self) -> Result<(Fd, Fd)> {
        self.table.lowest_free()?;
        let (read, write) = self.host.pipe()?;
        let read = self.insert_stream(read)?;
        match self.insert_stream(write) {
            Ok(write) => Ok((read, write)),
            Err(errno) => {
                self.close(read)?;
                Err(errno)
            }
        }
    }
}

impl<H: Host, F> SharedGuest<H, F> {
    /// sendmsg(2) with control data. Shortens `bufs` as it goes.
    ///
    /// # Errors
    /// Those of [`Guest::send`] and [`Guest::send_to`]; `EBADF` also for a descriptor to be passed on, `EINVAL` (more
    /// than 253 of them, or descriptors over another family than UNIX), `EPERM` (to a peer outside of this process),
    /// `EOPNOTSUPP` (a file that cannot be passed on), `ETOOMANYREFS` (too many are under way), `EACCES` also for an
    /// interface that the message would choose, where the policy has rules about destinations.
    pub fn send_message(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        control: &[Control<Fd>],
        flags: SendFlags,
    ) -> Result<usize> {
        let result = self.do_send_message(fd, bufs, addr, control, flags);
        if self.traced {
            self.trace(
                "sendmsg",
                &result,
                |count| *count as u64,
                format_args!("{fd}, {control:?}, {flags:?}"),
            );
        }
        result
    }

    fn do_send_message(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        control: &[Control<Fd>],
        flags: SendFlags,
    ) -> Result<usize> {
        let entry = self.table.entry(fd)?;
        let socket = entry.socket()?;
        let mut passed = Vec::new();
        for item in control {
            if let Control::PacketInfo4 { interface, .. } | Control::PacketInfo6 { interface, .. } = item {
                self.gate.interface("sendmsg", *interface)?;
            }
            let Control::Rights(fds) = item else { continue };
            if socket.domain != Domain::Unix || fds.len() > MAX_RIGHTS {
                return Err(Errno::Inval);
            }
            for fd in fds {
                let file = self.table.entry(*fd)?;
                let identity = self.host.identity(io_of(&file)?)?;
                passed.push((identity, file));
            }
        }
        let metered = self.metered(fd);
        if metered && socket.kind == Kind::Stream {
            // What goes in pieces has no control data: the kernel passes over those of IP on a stream.
            drop(entry);
            return self.send_metered(fd, bufs, None, flags);
        }
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        let blocks = !socket.nonblocking.get() && !flags.contains(SendFlags::DONTWAIT);
        if metered {
            // A datagram goes whole, on credit if need be, but not beyond the total.
            self.allowance(blocks)?;
            if !self.within_total(len) {
                return Err(Errno::Nobufs);
            }
        }
        let Guest { host, gate, .. } = self;
        let mut rest = passed.iter().map(|(_, file)| io_of(file));
        let mut control = control
            .iter()
            .map(|item| with_files(item, &mut rest))
            .collect::<Result<Vec<_>>>()?;
        let place;
        let to = match (socket.domain, socket.kind, addr) {
            // unix(7) does not say it: a connection of packets does not look at the address.
            (_, _, None) | (_, Kind::SeqPacket, _) | (Domain::Inet | Domain::Inet6, Kind::Stream, _) => {
                Destination::Peer
            }
            (Domain::Unix, Kind::Stream, Some(_)) => {
                host.peer_addr(&socket.io).map_err(|_| Errno::Opnotsupp)?;
                return Err(Errno::Isconn);
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, Some(SockAddr::Inet(to))) => {
                let route = gate.connect("sendmsg", Protocol::Udp, *to, || host.now_coarsely())?;
                Destination::Inet(stub::target(host, gate, socket, *to, route)?)
            }
            (Domain::Inet | Domain::Inet6, Kind::Datagram, Some(_)) => return Err(Errno::Afnosupport),
            (Domain::Unix, Kind::Datagram, Some(SockAddr::Unix(path))) => {
                place = unix_place(host, gate, "sendmsg", path, false)?;
                Destination::Unix(&place)
            }
            (Domain::Unix, Kind::Datagram, Some(_)) => return Err(Errno::Inval),
        };
        // Before the message: the receiver may be quicker than this thread.
        let parcel = self.in_flight.send(host, &passed)?;
        seal(&mut control, &parcel);
        let mut limit = Limit::new(socket.send_timeout.get());
        let once = flags - SendFlags::DONTWAIT;
        let outcome = attempt(host, &socket.io, Ready::WRITE, blocks, &mut limit, |host| {
            host.send_message(&socket.io, bufs, &to, &control, once)
        });
        if let Some(SockAddr::Inet(to)) = addr {
            option::tell_broadcast(gate, socket, "sendmsg", *to, &outcome);
        }
        let mut sent = match outcome {
            Ok(sent) => sent,
            Err(errno) => {
                self.in_flight.give_up(&parcel);
                return Err(errno);
            }
        };
        if blocks && socket.kind == Kind::Stream && sent < len {
            let mut bufs = bufs;
            IoSlice::advance_slices(&mut bufs, sent);
            // What was queued is reported; the error shows at the next call.
            sent += transfer::send(host, socket, bufs, flags).unwrap_or(0);
        }
        if metered {
            self.count(sent);
        }
        Ok(sent)
    }

    /// recvmsg(2) with control data. Descriptors that came get the lowest free numbers; those for which there is none
    /// are lost, and `control_truncated` says so. At most `rights` of them are taken.
    ///
    /// # Errors
    /// Those of [`Guest::recv`].
    pub fn recv_message(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSliceMut<'_>],
        rights: usize,
        flags: RecvFlags,
    ) -> Result<Message<Fd>> {
        let result = self
            .do_recv_message(fd, bufs, flags)
            .map(|message| self.enter_rights(message, rights));
        if self.traced {
            self.trace(
                "recvmsg",
                &result,
                |message| message.received.len as u64,
                format_args!("{fd}, {flags:?}"),
            );
        }
        result
    }

    /// Gives numbers to the descriptors that came.
    fn enter_rights(&mut self, message: Brought<H::Io, F>, mut room: usize) -> Message<Fd> {
        let mut truncated = message.control_truncated;
        let mut control = Vec::with_capacity(message.control.len());
        for item in message.control {
            let item = match item {
                Control::Rights(files) => {
                    truncated |= files.len() > room;
                    let mut fds = Vec::with_capacity(files.len());
                    for file in files.into_iter().take(room) {
                        match self.table.insert_open(file) {
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
fn io_of<Io, F>(entry: &Entry<Io, F>) -> Result<&Io> {
    match entry {
        Entry::Socket(socket) => Ok(&socket.io),
        Entry::Stream(stream) => Ok(&stream.io),
        Entry::File(_) => Err(Errno::Opnotsupp),
    }
}

/// Puts a parcel's seal before its files.
fn seal<'a, Io>(control: &mut [Control<&'a Io>], parcel: &'a Sent<Io>) {
    let rights = control.iter_mut().find_map(|item| match item {
        Control::Rights(files) => Some(files),
        _ => None,
    });
    if let (Some(files), Some(seal)) = (rights, parcel.seal()) {
        files.insert(0, seal);
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
fn without_files<A, B>(item: Control<A>) -> Control<B> {
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
    }
}
