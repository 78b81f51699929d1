//! sendmsg(2) and recvmsg(2) with control data, and the calls that make a pair of descriptors.
//!
//! Descriptors that are passed on (`SCM_RIGHTS`) stay inside the guest. The kernel carries them, but what arrives is
//! the guest's own open file description, found again by its identity; what was not sent by this guest is closed.

use std::collections::HashMap;
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::transfer::{self, attempt, judged, scatter, sender_allowed};
use super::{REFUSALS, Socket, stub};
use crate::addr::{Domain, Kind, SockAddr};
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::guest::{Entry, Guest, Limit, SharedGuest};
use crate::host::{Control, Destination, Host, Identity, Message, Received, RecvFlags, SendFlags};
use crate::policy::Protocol;
use crate::readiness::Ready;
use crate::resolve::lock;

/// The most descriptors that are under way in one guest: who sends without ever receiving holds no host's files.
const MAX_IN_FLIGHT: usize = 1024;

/// `SCM_MAX_FD` of unix(7): the most descriptors in one message.
pub(crate) const MAX_RIGHTS: usize = 253;

/// The open files that are under way, each with how often.
/// What a message carries is alive in here, also when every descriptor for it is closed.
#[derive(Debug)]
pub(crate) struct InFlight<E> {
    files: Mutex<HashMap<Identity, (Arc<E>, usize)>>,
    count: AtomicUsize,
}

impl<E> Default for InFlight<E> {
    fn default() -> Self {
        InFlight {
            files: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }
}

impl<E> InFlight<E> {
    /// Whether anything is under way. A call that misses what another thread sends just now is as if it had come first.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// # Errors
    /// `ETOOMANYREFS`.
    fn add(&self, files: &[(Identity, Arc<E>)]) -> Result<()> {
        let mut map = lock(&self.files);
        let under_way = self.count.load(Ordering::Relaxed) + files.len();
        if under_way > MAX_IN_FLIGHT {
            return Err(Errno::Toomanyrefs);
        }
        self.count.store(under_way, Ordering::Relaxed);
        for (identity, file) in files {
            map.entry(*identity).or_insert_with(|| (Arc::clone(file), 0)).1 += 1;
        }
        Ok(())
    }

    fn look(&self, identity: Identity) -> Option<Arc<E>> {
        lock(&self.files).get(&identity).map(|(file, _)| Arc::clone(file))
    }

    fn take(&self, identity: Identity) -> Option<Arc<E>> {
        let mut map = lock(&self.files);
        let (file, count) = map.get_mut(&identity)?;
        let file = Arc::clone(file);
        self.count.fetch_sub(1, Ordering::Relaxed);
        *count -= 1;
        if *count == 0 {
            map.remove(&identity);
        }
        Some(file)
    }
}

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
    ) -> Result<Message<Identity>> {
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
            host, gate, scratch, ..
        } = self;
        let judged = judged(gate, socket);
        let once = flags - RecvFlags::WAITALL - RecvFlags::DONTWAIT;
        let mut limit = Limit::new(socket.recv_timeout.get());
        let outcome = attempt(host, &socket.io, Ready::READ, blocks, &mut limit, |host| {
            if !judged {
                return host.recv_message(&socket.io, bufs, once);
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
                        return Ok(message);
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
        for item in &message.control {
            if let (Control::Rights(identities), false) = (item, flags.contains(RecvFlags::PEEK)) {
                for identity in identities {
                    self.in_flight.take(*identity);
                }
            }
        }
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
    /// `EOPNOTSUPP` (a file that cannot be passed on), `ETOOMANYREFS` (too many are under way).
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
        let control = control
            .iter()
            .map(|item| with_files(item, &mut rest))
            .collect::<Result<Vec<_>>>()?;
        let place;
        let to = match (socket.domain, socket.kind, addr) {
            (_, _, None) | (Domain::Inet | Domain::Inet6, Kind::Stream, _) => Destination::Peer,
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
                let (found, resolved) = host.unix_place(path, false)?;
                gate.unix("sendmsg", &resolved)?;
                place = found;
                Destination::Unix(&place)
            }
            (Domain::Unix, Kind::Datagram, Some(_)) => return Err(Errno::Inval),
        };
        // Before the message: the receiver may be quicker than this thread.
        self.in_flight.add(&passed)?;
        let mut limit = Limit::new(socket.send_timeout.get());
        let once = flags - SendFlags::DONTWAIT;
        let outcome = attempt(host, &socket.io, Ready::WRITE, blocks, &mut limit, |host| {
            host.send_message(&socket.io, bufs, &to, &control, once)
        });
        let mut sent = match outcome {
            Ok(sent) => sent,
            Err(errno) => {
                for (identity, _) in &passed {
                    self.in_flight.take(*identity);
                }
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
        let result = self.do_recv_message(fd, bufs, flags).map(|message| {
            let peek = flags.contains(RecvFlags::PEEK);
            self.enter_rights(message, rights, peek)
        });
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
    fn enter_rights(&mut self, message: Message<Identity>, mut room: usize, peek: bool) -> Message<Fd> {
        let mut truncated = message.control_truncated;
        let mut control = Vec::with_capacity(message.control.len());
        for item in message.control {
            let item = match item {
                Control::Rights(identities) => {
                    let mut fds = Vec::with_capacity(identities.len());
                    for identity in identities {
                        let file = if peek {
                            self.in_flight.look(identity)
                        } else {
                            self.in_flight.take(identity)
                        };
                        match file.filter(|_| room > 0).map(|file| self.table.insert_open(file)) {
                            Some(Ok(fd)) => {
                                room -= 1;
                                fds.push(fd);
                            }
                            Some(Err(_)) | None => truncated = true,
                        }
                    }
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

/// # Errors
/// `EOPNOTSUPP`: a file of the adapter, which the host does not know.
fn io_of<Io, F>(entry: &Entry<Io, F>) -> Result<&Io> {
    match entry {
        Entry::Socket(socket) => Ok(&socket.io),
        Entry::Stream(stream) => Ok(&stream.io),
        Entry::File(_) => Err(Errno::Opnotsupp),
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
