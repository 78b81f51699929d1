//! Sockets: open, bind, listen, accept, connect, shutdown and the addresses.
//!
//! Not here: moving data (`transfer`) and options (`option`).

mod batch;
mod bulk;
mod flight;
mod in_call;
mod message;
mod metered;
mod option;
mod state;
mod stub;
mod transfer;

pub use batch::{IncomingMessage, MAX_BATCH, OutgoingMessage};
pub use bulk::SpliceFlags;
pub(crate) use flight::InFlight;
pub use state::Socket;
use state::{PendingConnect, REFUSALS};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::addr::{Domain, Kind, SockAddr, wildcard};
use crate::blocking::{Backoff, Block, Deadline, attempt, block_until_ready};
use crate::capacity::SocketPermit;
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots, Target, find};
use crate::gate::{Gate, Route};
use crate::guest::{Call, GuestThread};
use crate::host::{Host, Shutdown};
use crate::open_file::OpenFile;
use crate::option::{OptValue, SockOpt};
use crate::policy::Protocol;
use crate::quota::{CONNECTION, Want};
use crate::readiness::Ready;
use crate::sync::lock;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// socket(2). The new descriptor is in blocking mode.
    ///
    /// # Errors
    /// `EMFILE` (no room in the table, or the guest's limit of sockets), `ENFILE`, `ENOBUFS`, `ESOCKTNOSUPPORT`
    /// ([`Kind::SeqPacket`] of another family than UNIX).
    pub fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Fd> {
        let result = self.permit().and_then(|permit| {
            if kind == Kind::SeqPacket && domain != Domain::Unix {
                return Err(Errno::ESOCKTNOSUPPORT);
            }
            let io = self.host.socket(domain, kind)?;
            let socket = self.made(io, domain, kind, permit)?;
            self.insert_made(OpenFile::Socket(socket))
        });
        self.traced(
            "socket",
            result,
            |fd| u64::from(*fd),
            format_args!("{domain:?}, {kind:?}"),
        )
    }

    /// bind(2).
    ///
    /// # Errors
    /// `EACCES` (the policy), `EADDRINUSE`, `EADDRNOTAVAIL`, `EINVAL` (already bound, or a family that the socket
    /// cannot have), `EAFNOSUPPORT`, `EBADF`, `ENOTSOCK`; for paths also `ENOENT`, `ENOTDIR`, `ELOOP`.
    pub fn bind(&mut self, fd: impl Target<T::Pin>, addr: &SockAddr) -> Result<()> {
        let result = self.with_socket(fd, |call, socket| call.bind(socket, addr));
        self.traced("bind", result, |()| 0, format_args!("{fd}, {addr}"))
    }

    /// listen(2). Binds an unbound IP socket to an ephemeral port, for which the policy is asked as for a bind.
    ///
    /// # Errors
    /// `EACCES` (the policy), `EADDRINUSE`, `EINVAL`, `EOPNOTSUPP` (datagrams), `EBADF`, `ENOTSOCK`.
    pub fn listen(&mut self, fd: impl Target<T::Pin>, backlog: i32) -> Result<()> {
        let result = self.with_socket(fd, |call, socket| call.listen(socket, backlog));
        self.traced("listen", result, |()| 0, format_args!("{fd}, {backlog}"))
    }

    /// accept4(2). A peer that the policy refuses is reset, and the next one is taken.
    ///
    /// # Errors
    /// `EAGAIN`, `EINVAL` (not listening), `EOPNOTSUPP` (datagrams), `EMFILE`, `ECONNABORTED`, `EBADF`, `ENOTSOCK`,
    /// `EINTR` (the guest was stopped).
    pub fn accept(&mut self, fd: impl Target<T::Pin>, nonblocking: bool) -> Result<(Fd, SockAddr)> {
        let result = self.do_accept(fd, nonblocking, true);
        self.trace_accept(fd, &result);
        result
    }

    /// accept4(2) that does not wait, whatever the descriptor's mode: what `MSG_DONTWAIT` is to a receive. Linux has no
    /// such flag; an adapter whose waiting is done elsewhere needs it, and the mode is not its own to change.
    ///
    /// # Errors
    /// `EAGAIN` if there is no connection, which is not traced: the adapter asks again. Those of [`GuestThread::accept`].
    pub fn try_accept(&mut self, fd: impl Target<T::Pin>, nonblocking: bool) -> Result<(Fd, SockAddr)> {
        let result = self.do_accept(fd, nonblocking, false);
        if !matches!(result, Err(Errno::EAGAIN)) {
            self.trace_accept(fd, &result);
        }
        result
    }

    fn trace_accept(&mut self, fd: impl Target<T::Pin>, result: &Result<(Fd, SockAddr)>) {
        self.counter.returned(result);
        if self.guest.traced {
            match result {
                Ok((_, peer)) => {
                    self.trace(
                        "accept",
                        result,
                        |(new, _)| u64::from(*new),
                        format_args!("{fd}, {peer}"),
                    );
                }
                Err(_) => self.trace("accept", result, |(new, _)| u64::from(*new), format_args!("{fd}")),
            }
        }
    }

    fn do_accept(
        &mut self,
        fd: impl Target<T::Pin>,
        nonblocking: bool,
        may_wait: bool,
    ) -> Result<(Fd, SockAddr)> {
        let (room, permit) = (Arc::clone(&self.guest.room), self.guest.room.permit());
        let (table, mut call) = self.split();
        let entry = find(&fd, table)?;
        let listener = entry.socket()?;
        let permit = permit?;
        table.lowest_free()?;
        // It begins with what the listener has, which the kernel copies or gives to every socket.
        let buffers = room.buffers(match listener.domain {
            Domain::Unix => listener.send_buffer(),
            Domain::Inet | Domain::Inet6 => listener.buffers.bytes(),
        })?;
        let (io, peer) = call.accept(listener, may_wait)?;
        call.counter.accepted(listener.domain, listener.kind);
        let socket = Socket::new(io, listener.domain, listener.kind, permit, buffers);
        socket.nonblocking.set(nonblocking);
        // What the kernel copies from the listener; the other end of a UNIX connection makes its own.
        if listener.domain != Domain::Unix {
            socket.recv_timeout.set(listener.recv_timeout.get());
            socket.send_timeout.set(listener.send_timeout.get());
            socket.low_water.set(listener.low_water.get());
        }
        *lock(&socket.asked) = *lock(&listener.asked);
        drop(entry);
        self.insert_made(OpenFile::Socket(socket)).map(|fd| (fd, peer))
    }

    /// Enters a socket that was open before the guest started, such as a listener of the service manager.
    ///
    /// # Errors
    /// `EMFILE`, or what the host says of the socket's type.
    pub fn insert_preopened(&mut self, io: H::Io, nonblocking: bool) -> Result<Fd> {
        let permit = self.permit()?;
        let kind = match self.host.option(&io, SockOpt::Type)? {
            OptValue::Kind(kind) => kind,
            _ => return Err(Errno::EPROTOTYPE),
        };
        let domain = match self.host.option(&io, SockOpt::Domain)? {
            OptValue::Domain(domain) => domain,
            _ => return Err(Errno::EAFNOSUPPORT),
        };
        if kind == Kind::SeqPacket && domain != Domain::Unix {
            return Err(Errno::EPROTOTYPE);
        }
        let socket = self.made(io, domain, kind, permit)?;
        if domain == Domain::Unix {
            socket.take_send_buffer()?;
        }
        socket.nonblocking.set(nonblocking);
        socket.bound.set(true);
        self.insert_made(OpenFile::Socket(socket))
    }

    /// A socket that was opened just now.
    pub(crate) fn made(
        &mut self,
        io: H::Io,
        domain: Domain,
        kind: Kind,
        permit: SocketPermit,
    ) -> Result<Box<Socket<H::Io>>> {
        let begins = match domain {
            Domain::Unix => match self.host.option(&io, SockOpt::SndBuf)? {
                OptValue::Int(bytes) => usize::try_from(bytes).unwrap_or(0),
                _ => 0,
            },
            Domain::Inet | Domain::Inet6 => 0,
        };
        let socket = Socket::new(io, domain, kind, permit, self.guest.room.buffers(0)?);
        *lock(&socket.asked) = [begins, 0];
        Ok(socket)
    }

    /// connect(2). [`SockAddr::Unspec`] dissolves the association.
    ///
    /// # Errors
    /// `EACCES` (the policy), `EINPROGRESS` (non-blocking, or `SO_SNDTIMEO` over), `EALREADY`, `EISCONN`,
    /// `ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH`, `EAFNOSUPPORT`, `EINVAL`, `EBADF`, `ENOTSOCK`, `EINTR` (the guest
    /// was stopped); for paths also `ENOENT`, `EAGAIN`, `EPROTOTYPE`.
    pub fn connect(&mut self, fd: impl Target<T::Pin>, addr: &SockAddr) -> Result<()> {
        let result = self.with_socket(fd, |call, socket| call.connect(socket, addr, true));
        self.traced("connect", result, |()| 0, format_args!("{fd}, {addr}"))
    }

    /// connect(2) that does not wait, whatever the descriptor's mode, as [`GuestThread::try_accept`] does not.
    ///
    /// # Errors
    /// Those of [`GuestThread::connect`] on a non-blocking socket. `EINPROGRESS`, `EALREADY`, and `EAGAIN` (a UNIX listener
    /// has no room, or the rate is used up) mean that the adapter asks again once the descriptor is writable, or after a
    /// while; only the end of it is traced.
    pub fn try_connect(&mut self, fd: impl Target<T::Pin>, addr: &SockAddr) -> Result<()> {
        let result = self.with_socket(fd, |call, socket| call.connect(socket, addr, false));
        if matches!(result, Err(Errno::EINPROGRESS | Errno::EALREADY | Errno::EAGAIN)) {
            return result;
        }
        self.traced("connect", result, |()| 0, format_args!("{fd}, {addr}"))
    }

    /// shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN`, `EBADF`, `ENOTSOCK`.
    pub fn shutdown(&mut self, fd: impl Target<T::Pin>, how: Shutdown) -> Result<()> {
        let result = self.with_socket(fd, |call, socket| {
            // It ends a connect that is under way; the next one begins another.
            *lock(&socket.connecting) = None;
            let result = call.host.shutdown(&socket.io, how);
            // Linux closes the receiving side of an unconnected datagram socket too, although it says ENOTCONN.
            if socket.kind == Kind::Datagram
                && how != Shutdown::Write
                && matches!(result, Ok(()) | Err(Errno::ENOTCONN))
            {
                socket.receive_ended.set(true);
            }
            result
        });
        self.traced("shutdown", result, |()| 0, format_args!("{fd}, {how:?}"))
    }

    /// getsockname(2). A UNIX socket has the name that the guest gave it.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub fn local_addr(&mut self, fd: impl Target<T::Pin>) -> Result<SockAddr> {
        let result = self.with_socket(fd, |call, socket| call.host.local_addr(&socket.io));
        self.traced("getsockname", result, |_| 0, format_args!("{fd}"))
    }

    /// getpeername(2).
    ///
    /// # Errors
    /// `ENOTCONN`, `EBADF`, `ENOTSOCK`.
    pub fn peer_addr(&mut self, fd: impl Target<T::Pin>) -> Result<SockAddr> {
        let result = self.with_socket(fd, |call, socket| {
            let peer = call.host.peer_addr(&socket.io)?;
            Ok(stub::as_seen(call.gate, socket, peer))
        });
        self.traced("getpeername", result, |_| 0, format_args!("{fd}"))
    }

    /// `FIONREAD` of ioctl(2).
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` (a listener).
    pub fn readable_bytes(&mut self, fd: impl Target<T::Pin>) -> Result<usize> {
        self.with_open_file(fd, |call, entry| match entry {
            OpenFile::Socket(socket) => call.host.readable_bytes(&socket.io),
            OpenFile::Stream(stream) => call.host.readable_bytes(&stream.io),
            OpenFile::File(_) => Err(Errno::ENOTTY),
        })
    }

    /// `TIOCOUTQ` of ioctl(2), the `SIOCOUTQ` of tcp(7), udp(7) and unix(7): bytes that were sent and not yet acknowledged, of
    /// TCP, or not yet taken.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` (a listener), `ENOTTY` (no socket, or a host that cannot say).
    pub fn unsent_bytes(&mut self, fd: impl Target<T::Pin>) -> Result<usize> {
        self.with_open_file(fd, |call, entry| match entry {
            OpenFile::Socket(socket) => call.host.unsent_bytes(&socket.io),
            OpenFile::Stream(_) | OpenFile::File(_) => Err(Errno::ENOTTY),
        })
    }

    /// `SIOCATMARK` of ioctl(2), sockatmark(3): whether the next byte to read is the one behind urgent data, or is it.
    ///
    /// # Errors
    /// `EBADF`, `ENOTTY` (no stream socket, or a host that cannot say).
    pub fn at_mark(&mut self, fd: impl Target<T::Pin>) -> Result<bool> {
        self.with_open_file(fd, |call, entry| match entry {
            OpenFile::Socket(socket) => call.host.at_mark(&socket.io),
            OpenFile::Stream(_) | OpenFile::File(_) => Err(Errno::ENOTTY),
        })
    }
}

impl<H: Host, F> Call<'_, H, F> {
    fn bind(&mut self, socket: &Socket<H::Io>, addr: &SockAddr) -> Result<()> {
        match (socket.domain, addr) {
            (Domain::Inet | Domain::Inet6, SockAddr::Inet(addr)) => {
                if !socket.is_binding(*addr) {
                    self.gate.listen("bind", socket.protocol(), *addr)?;
                }
                self.until_answered(socket, *addr, |host| host.bind(&socket.io, *addr))?;
            }
            (Domain::Unix, SockAddr::Unix(path)) => {
                let node = unix_node(self.host, self.gate, "bind", path, true)?;
                self.host.unix_bind(&socket.io, &node, path)?;
            }
            // An empty path would be an abstract name of the kernel's choice, outside of every directory.
            (Domain::Unix, _) => return Err(Errno::EINVAL),
            (Domain::Inet | Domain::Inet6, _) => return Err(Errno::EAFNOSUPPORT),
        }
        socket.bound.set(true);
        Ok(())
    }

    fn listen(&mut self, socket: &Socket<H::Io>, backlog: i32) -> Result<()> {
        if !socket.bound.get()
            && socket.kind == Kind::Stream
            && let Some(any) = wildcard(socket.domain)
        {
            // A dissolved connection keeps the address that it was bound to.
            let local = self.host.local_addr(&socket.io)?.inet().unwrap_or(any);
            if !socket.is_binding(any) {
                self.gate.listen("listen", Protocol::Tcp, local)?;
            }
            let backlog = self.gate.backlog(backlog);
            return self.until_answered(socket, any, |host| host.listen(&socket.io, backlog));
        }
        self.host.listen(&socket.io, self.gate.backlog(backlog))
    }

    /// Calls something of a host that binds in the background, whatever the descriptor's mode: natively neither bind(2) nor
    /// listen(2) ever waits. A host that cannot wait says `EAGAIN`; the same call is then not judged again.
    fn until_answered(
        &mut self,
        socket: &Socket<H::Io>,
        addr: SocketAddr,
        call: impl FnMut(&mut H) -> Result<()>,
    ) -> Result<()> {
        let forever = &mut Deadline::new(None);
        let outcome = block_until_ready(self.host, &socket.io, Ready::WRITE, forever, call);
        socket.bind_returned(addr, &outcome);
        outcome
    }

    fn accept(&mut self, listener: &Socket<H::Io>, may_wait: bool) -> Result<(H::Io, SockAddr)> {
        let waits = may_wait && !listener.nonblocking.get();
        let limit = &mut Deadline::new(listener.recv_timeout.get());
        let (host, gate, meter) = (&mut *self.host, &mut *self.gate, self.meter);
        let meter = meter.filter(|_| listener.is_metered());
        let every_peer = listener.domain == Domain::Unix || gate.every_peer_allowed();
        let block = Block::new(waits, meter.is_none());
        attempt(host, &listener.io, Ready::READ, block, limit, |host| {
            let reservation = meter
                .map(|meter| meter.reserve(host, Want::Connection, waits))
                .transpose()?;
            for _ in 0..REFUSALS {
                let (io, peer) = host.accept(&listener.io)?;
                match peer.inet() {
                    Some(addr) if !every_peer && !gate.accept("accept", Protocol::Tcp, addr) => {
                        reset(host, io);
                    }
                    _ => {
                        if let Some(reservation) = reservation {
                            reservation.settle(0, CONNECTION);
                        }
                        return Ok((io, peer));
                    }
                }
            }
            Err(Errno::EAGAIN)
        })
    }

    fn connect(&mut self, socket: &Socket<H::Io>, addr: &SockAddr, may_wait: bool) -> Result<()> {
        let waits = may_wait && !socket.nonblocking.get();
        let (host, gate, meter) = (&mut *self.host, &mut *self.gate, self.meter);
        socket.kept_error.keep(None);
        match (socket.domain, addr) {
            (_, SockAddr::Unspec) => {
                // A stream lost its port, unless the guest chose the number: listening must be asked for again. Also
                // when the call fails, because how far it came is not known.
                if socket.kind != Kind::Datagram {
                    socket.bound.set(false);
                }
                socket.peer.set(None);
                *lock(&socket.connecting) = None;
                // What was peeked at may be gone; held, so that no other thread peeks in between.
                let mut peeked = lock(&socket.peeked);
                *peeked = 0;
                host.connect(&socket.io, addr)?;
                socket.dns_redirect.set(None);
                Ok(())
            }
            (Domain::Unix, SockAddr::Unix(path)) => {
                let (node, resolved) = find_node(host, gate, "connect", path, false)?;
                let to = SockAddr::Unix(resolved.as_str().into());
                let pending = match socket.pending_connect(&to, || host.now_coarse()) {
                    Some(pending) => pending,
                    None => {
                        gate.unix("connect", &resolved)?;
                        self.counter.connected(socket.domain, socket.kind);
                        PendingConnect::new(to)
                    }
                };
                socket.take_send_buffer()?;
                let outcome = unix_connect(host, socket, &node, waits);
                socket.connect_returned(pending, &outcome, || host.now_coarse());
                outcome
            }
            (Domain::Inet | Domain::Inet6, SockAddr::Inet(to)) => {
                let (mut pending, route) = match socket.pending_connect(addr, || host.now_coarse()) {
                    Some(pending) => (pending, stub::route(socket, *to)),
                    None => {
                        let route = match host.name_of(to.ip()) {
                            None => gate.connect("connect", socket.protocol(), *to, || host.now_coarse())?,
                            Some(name) => {
                                gate.connect_to_name("connect", socket.protocol(), &name, to.port())?;
                                Route::Direct
                            }
                        };
                        (PendingConnect::new(addr.clone()), route)
                    }
                };
                let target = stub::target(host, gate, socket, *to, route)?;
                // The connect of a datagram socket sends nothing.
                let reservation = match meter {
                    Some(meter) if socket.kind == Kind::Stream && !pending.counted => {
                        match meter.reserve(host, Want::Connection, waits) {
                            Ok(reservation) => Some(reservation),
                            Err(errno) => {
                                socket.connect_returned(pending, &Err(errno), || host.now_coarse());
                                return Err(errno);
                            }
                        }
                    }
                    _ => None,
                };
                if !pending.counted {
                    self.counter.connected(socket.domain, socket.kind);
                }
                pending.counted = true;
                let first = host.connect(&socket.io, &SockAddr::Inet(target));
                if let Some(reservation) = reservation
                    && !matches!(first, Err(Errno::EALREADY | Errno::EISCONN))
                {
                    reservation.settle(0, CONNECTION);
                }
                let outcome = connected(host, socket, &SockAddr::Inet(target), first, waits);
                socket.connect_returned(pending, &outcome, || host.now_coarse());
                option::record_broadcast(gate, socket, "connect", *to, &outcome);
                if socket.kind == Kind::Datagram {
                    // The address that was judged, not what the host makes of it.
                    let direct = route == Route::Direct && outcome.is_ok();
                    socket.peer.set(direct.then_some(*to));
                }
                outcome
            }
            (Domain::Unix, _) => Err(Errno::EINVAL),
            (Domain::Inet | Domain::Inet6, _) => Err(Errno::EAFNOSUPPORT),
        }
    }
}

/// `PATH_MAX` of Linux with its NUL: a guest gets `ENAMETOOLONG` for a longer path.
const MAX_PATH: usize = 4096;

/// Finds a UNIX path, and asks the policy about the node.
pub(in crate::socket) fn unix_node<H: Host>(
    host: &mut H,
    gate: &mut Gate,
    call: &'static str,
    path: &str,
    create: bool,
) -> Result<H::UnixNode> {
    let (node, resolved) = find_node(host, gate, call, path, create)?;
    gate.unix(call, &resolved).map(|()| node)
}

/// Finds a UNIX path: the node, and the path less its symbolic links, which is what the policy is asked about.
fn find_node<H: Host>(
    host: &mut H,
    gate: &mut Gate,
    call: &'static str,
    path: &str,
    create: bool,
) -> Result<(H::UnixNode, String)> {
    if path.len() >= MAX_PATH {
        return Err(Errno::ENAMETOOLONG);
    }
    host.unix_node(path, create).map_err(|errno| match errno {
        Errno::EXDEV => gate.outside(call, path),
        errno => errno,
    })
}

/// Closes a connection with RST.
fn reset<H: Host>(host: &mut H, io: H::Io) {
    let at_once = OptValue::Linger { on: true, seconds: 0 };
    // Without the option the close sends FIN instead of RST: the peer is gone either way.
    let _ = host.set_option(&io, SockOpt::Linger, at_once);
    host.close(io);
}

/// What becomes of a connect whose first call said `first`, waiting if `waits`. After the wait connect is called again: it
/// reports the outcome and leaves the kernel's socket in the state that a blocking connect leaves it in.
fn connected<H: Host>(
    host: &mut H,
    socket: &Socket<H::Io>,
    addr: &SockAddr,
    first: Result<()>,
    waits: bool,
) -> Result<()> {
    let pending = match first {
        Err(pending @ (Errno::EINPROGRESS | Errno::EALREADY)) if waits => pending,
        outcome => return outcome,
    };
    let mut limit = Deadline::new(socket.send_timeout.get());
    loop {
        let remaining = limit.remaining(host);
        // socket(7): a connect that SO_SNDTIMEO ends says EINPROGRESS, a second one EALREADY.
        if remaining == Some(Duration::ZERO) {
            return Err(pending);
        }
        match host.wait(&socket.io, Ready::WRITE, remaining) {
            // A host that does not wait: as in non-blocking mode.
            Err(Errno::EAGAIN) => return Err(pending),
            waited => waited?,
        };
        match host.connect(&socket.io, addr) {
            Err(Errno::EINPROGRESS | Errno::EALREADY) => {}
            outcome => return outcome,
        }
    }
}

fn unix_connect<H: Host>(
    host: &mut H,
    socket: &Socket<H::Io>,
    node: &H::UnixNode,
    waits: bool,
) -> Result<()> {
    let (mut limit, mut pause) = (Deadline::new(socket.send_timeout.get()), Backoff::default());
    loop {
        match host.unix_connect(&socket.io, node) {
            // The backlog is full.
            Err(Errno::EAGAIN) if waits => {
                let remaining = limit.remaining(host);
                if remaining == Some(Duration::ZERO) {
                    return Err(Errno::EAGAIN);
                }
                pause.sleep(host, remaining)?;
            }
            outcome => return outcome,
        }
    }
}
