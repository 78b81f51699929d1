//! Sockets: open, bind, listen, accept, connect, shutdown and the addresses.
//!
//! Not here: moving data (`transfer`) and options (`option`).

mod metered;
mod option;
mod stub;
mod transfer;

use std::net::SocketAddr;
use std::time::Duration;

use crate::addr::{Domain, Kind, SockAddr, wildcard};
use crate::errno::{Errno, Result};
use crate::fd::Fd;
use crate::guest::{Entry, Guest, Habit, Limit, Pause, until_ready};
use crate::host::{Clock, Host, Shutdown};
use crate::option::{OptValue, SockOpt};
use crate::policy::Protocol;
use crate::readiness::Ready;

/// How many peers or datagrams that the policy refuses one call takes off a queue before it looks whether the guest
/// was told to stop. A non-blocking call then returns `EAGAIN`: a flood from a forbidden peer holds no guest up.
pub(crate) const REFUSALS: usize = 64;

/// A socket of a guest.
#[derive(Debug)]
pub struct Socket<Io> {
    pub(crate) io: Io,
    pub(crate) domain: Domain,
    pub(crate) kind: Kind,
    pub(crate) nonblocking: bool,
    /// The guest bound it itself, with the listen permission, or it was handed over bound. A datagram socket that
    /// only sending or connecting bound may receive from nobody but those it may send to; a stream without the
    /// permission must ask for it to listen.
    pub(crate) bound: bool,
    /// `SO_RCVTIMEO`, for blocking receives and accepts.
    pub(crate) recv_timeout: Option<Duration>,
    /// `SO_SNDTIMEO`, for blocking sends and connects.
    pub(crate) send_timeout: Option<Duration>,
    /// `SO_RCVLOWAT`: a blocking receive from a stream waits for so many bytes.
    pub(crate) low_water: usize,
    /// A datagram socket whose receiving side was shut down: a receive that would block ends instead.
    pub(crate) receive_ended: bool,
    /// Of a stream's blocking receives.
    pub(crate) habit: Habit,
    /// The DNS server that the guest believes to talk to, while our stub answers.
    pub(crate) served: Option<SocketAddr>,
}

impl<Io> Socket<Io> {
    fn new(io: Io, domain: Domain, kind: Kind) -> Self {
        Socket {
            io,
            domain,
            kind,
            nonblocking: false,
            bound: false,
            recv_timeout: None,
            send_timeout: None,
            low_water: 1,
            receive_ended: false,
            habit: Habit::default(),
            served: None,
        }
    }

    /// The family.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The protocol that a rule can name; a UNIX socket has none.
    fn protocol(&self) -> Protocol {
        match self.kind {
            Kind::Stream => Protocol::Tcp,
            Kind::Datagram => Protocol::Udp,
        }
    }
}

impl<H: Host, F> Guest<H, F> {
    /// socket(2). The new descriptor is in blocking mode.
    ///
    /// # Errors
    /// `EMFILE` (no room in the table, or the guest's limit of sockets), `ENFILE`, `ENOBUFS`.
    pub fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Fd> {
        let result = self.check_room().and_then(|()| {
            let io = self.host.socket(domain, kind)?;
            self.insert_socket(Socket::new(io, domain, kind))
        });
        if self.traced {
            self.trace(
                "socket",
                &result,
                |fd| u64::from(*fd),
                format_args!("{domain:?}, {kind:?}"),
            );
        }
        result
    }

    /// bind(2).
    ///
    /// # Errors
    /// `EACCES` (the policy), `EADDRINUSE`, `EADDRNOTAVAIL`, `EINVAL` (already bound, or a family that the socket
    /// cannot have), `EAFNOSUPPORT`, `EBADF`, `ENOTSOCK`; for paths also `ENOENT`, `ENOTDIR`, `ELOOP`.
    pub fn bind(&mut self, fd: Fd, addr: &SockAddr) -> Result<()> {
        let result = self.do_bind(fd, addr);
        if self.traced {
            self.trace("bind", &result, |()| 0, format_args!("{fd}, {addr}"));
        }
        result
    }

    fn do_bind(&mut self, fd: Fd, addr: &SockAddr) -> Result<()> {
        let socket = socket_mut(&mut self.table, fd)?;
        match (socket.domain, addr) {
            (Domain::Inet | Domain::Inet6, SockAddr::Inet(addr)) => {
                self.gate.listen("bind", socket.protocol(), *addr)?;
                self.host.bind(&socket.io, *addr)?;
                socket.bound = true;
                Ok(())
            }
            (Domain::Unix, SockAddr::Unix(path)) => {
                let (place, resolved) = self.host.unix_place(path, true)?;
                self.gate.unix("bind", &resolved)?;
                self.host.unix_bind(&socket.io, &place, path)?;
                socket.bound = true;
                Ok(())
            }
            // An empty path would be an abstract name of the kernel's choice, outside of every directory.
            (Domain::Unix, _) => Err(Errno::Inval),
            (Domain::Inet | Domain::Inet6, _) => Err(Errno::Afnosupport),
        }
    }

    /// listen(2). Binds an unbound IP socket to an ephemeral port, for which the policy is asked as for a bind.
    ///
    /// # Errors
    /// `EACCES` (the policy), `EADDRINUSE`, `EINVAL`, `EOPNOTSUPP` (datagrams), `EBADF`, `ENOTSOCK`.
    pub fn listen(&mut self, fd: Fd, backlog: i32) -> Result<()> {
        let result = self.do_listen(fd, backlog);
        if self.traced {
            self.trace("listen", &result, |()| 0, format_args!("{fd}, {backlog}"));
        }
        result
    }

    fn do_listen(&mut self, fd: Fd, backlog: i32) -> Result<()> {
        let socket = socket_ref(&self.table, fd)?;
        if !socket.bound
            && socket.kind == Kind::Stream
            && let Some(any) = wildcard(socket.domain)
        {
            // A dissolved connection keeps the address that it was bound to.
            let local = self.host.local_addr(&socket.io)?.inet().unwrap_or(any);
            self.gate.listen("listen", Protocol::Tcp, local)?;
        }
        self.host.listen(&socket.io, self.gate.backlog(backlog))
    }

    /// accept4(2). A peer whom the policy refuses is reset, and the next one is taken.
    ///
    /// # Errors
    /// `EAGAIN`, `EINVAL` (not listening), `EOPNOTSUPP` (datagrams), `EMFILE`, `ECONNABORTED`, `EBADF`, `ENOTSOCK`,
    /// `EINTR` (told to stop).
    pub fn accept(&mut self, fd: Fd, nonblocking: bool) -> Result<(Fd, SockAddr)> {
        let result = self.do_accept(fd, nonblocking);
        if self.traced {
            match &result {
                Ok((_, peer)) => {
                    self.trace(
                        "accept",
                        &result,
                        |(new, _)| u64::from(*new),
                        format_args!("{fd}, {peer}"),
                    );
                }
                Err(_) => self.trace(
                    "accept",
                    &result,
                    |(new, _)| u64::from(*new),
                    format_args!("{fd}"),
                ),
            }
        }
        result
    }

    fn do_accept(&mut self, fd: Fd, nonblocking: bool) -> Result<(Fd, SockAddr)> {
        socket_ref(&self.table, fd)?;
        self.check_room()?;
        let Guest {
            host, table, gate, ..
        } = self;
        let listener = socket_ref(table, fd)?;
        let every_peer = listener.domain == Domain::Unix || gate.every_peer_allowed();
        let mut take = |host: &mut H| {
            for _ in 0..REFUSALS {
                let (io, peer) = host.accept(&listener.io)?;
                match peer.inet() {
                    Some(addr) if !every_peer && !gate.accept("accept", Protocol::Tcp, addr) => {
                        reset(host, io)
                    }
                    _ => return Ok((io, peer)),
                }
            }
            Err(Errno::Again)
        };
        let (io, peer) = if listener.nonblocking {
            take(host)?
        } else {
            until_ready(
                host,
                &listener.io,
                Ready::READ,
                &mut Limit::new(listener.recv_timeout),
                take,
            )?
        };
        let mut socket = Socket {
            nonblocking,
            ..Socket::new(io, listener.domain, listener.kind)
        };
        // What the kernel copies from the listener; the other end of a UNIX connection makes its own.
        if listener.domain != Domain::Unix {
            socket.recv_timeout = listener.recv_timeout;
            socket.send_timeout = listener.send_timeout;
            socket.low_water = listener.low_water;
        }
        self.insert_socket(socket).map(|fd| (fd, peer))
    }

    /// Enters a socket that was open before the guest started, such as a listener of the service manager.
    ///
    /// # Errors
    /// `EMFILE`, or what the host says of the socket's type.
    pub fn insert_preopened(&mut self, io: H::Io, nonblocking: bool) -> Result<Fd> {
        self.check_room()?;
        let kind = match self.host.option(&io, SockOpt::Type)? {
            OptValue::Kind(kind) => kind,
            _ => return Err(Errno::Prototype),
        };
        let domain = match self.host.option(&io, SockOpt::Domain)? {
            OptValue::Domain(domain) => domain,
            _ => return Err(Errno::Afnosupport),
        };
        self.insert_socket(Socket {
            nonblocking,
            bound: true,
            ..Socket::new(io, domain, kind)
        })
    }

    /// connect(2). [`SockAddr::Unspec`] dissolves the association.
    ///
    /// # Errors
    /// `EACCES` (the policy), `EINPROGRESS` (non-blocking, or `SO_SNDTIMEO` over), `EALREADY`, `EISCONN`,
    /// `ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH`, `EAFNOSUPPORT`, `EINVAL`, `EBADF`, `ENOTSOCK`, `EINTR` (told to
    /// stop); for paths also `ENOENT`, `EAGAIN`, `EPROTOTYPE`.
    pub fn connect(&mut self, fd: Fd, addr: &SockAddr) -> Result<()> {
        let result = self.do_connect(fd, addr);
        if self.traced {
            self.trace("connect", &result, |()| 0, format_args!("{fd}, {addr}"));
        }
        result
    }

    fn do_connect(&mut self, fd: Fd, addr: &SockAddr) -> Result<()> {
        let Guest {
            host, table, gate, ..
        } = self;
        let socket = socket_mut(table, fd)?;
        match (socket.domain, addr) {
            (_, SockAddr::Unspec) => {
                // A stream lost its port, unless the guest chose the number: listening must be asked for again. Also
                // when the call fails, because how far it came is not known.
                socket.bound &= socket.kind == Kind::Datagram;
                host.connect(&socket.io, addr)?;
                socket.served = None;
                Ok(())
            }
            (Domain::Unix, SockAddr::Unix(path)) => {
                let (place, resolved) = host.unix_place(path, false)?;
                gate.unix("connect", &resolved)?;
                unix_connect(host, socket, &place)
            }
            (Domain::Inet | Domain::Inet6, SockAddr::Inet(to)) => {
                let route = gate.connect("connect", socket.protocol(), *to, || host.now(Clock::Monotonic))?;
                let target = stub::target(host, gate, socket, *to, route)?;
                inet_connect(host, socket, &SockAddr::Inet(target))
            }
            (Domain::Unix, _) => Err(Errno::Inval),
            (Domain::Inet | Domain::Inet6, _) => Err(Errno::Afnosupport),
        }
    }

    /// shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN`, `EBADF`, `ENOTSOCK`.
    pub fn shutdown(&mut self, fd: Fd, how: Shutdown) -> Result<()> {
        let result = socket_mut(&mut self.table, fd).and_then(|socket| {
            let result = self.host.shutdown(&socket.io, how);
            // Linux closes the receiving side of an unconnected datagram socket too, although it says ENOTCONN.
            if socket.kind == Kind::Datagram
                && how != Shutdown::Write
                && matches!(result, Ok(()) | Err(Errno::Notconn))
            {
                socket.receive_ended = true;
            }
            result
        });
        if self.traced {
            self.trace("shutdown", &result, |()| 0, format_args!("{fd}, {how:?}"));
        }
        result
    }

    /// getsockname(2). A UNIX socket has the name that the guest gave it.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub fn local_addr(&mut self, fd: Fd) -> Result<SockAddr> {
        let result = socket_ref(&self.table, fd).and_then(|socket| self.host.local_addr(&socket.io));
        if self.traced {
            self.trace("getsockname", &result, |_| 0, format_args!("{fd}"));
        }
        result
    }

    /// getpeername(2).
    ///
    /// # Errors
    /// `ENOTCONN`, `EBADF`, `ENOTSOCK`.
    pub fn peer_addr(&mut self, fd: Fd) -> Result<SockAddr> {
        let result = socket_ref(&self.table, fd).and_then(|socket| {
            let peer = self.host.peer_addr(&socket.io)?;
            Ok(stub::as_seen(&self.gate, socket, peer))
        });
        if self.traced {
            self.trace("getpeername", &result, |_| 0, format_args!("{fd}"));
        }
        result
    }

    /// `FIONREAD` of ioctl(2).
    ///
    /// # Errors
    /// `EBADF`, `EINVAL` (a listener).
    pub fn readable_bytes(&mut self, fd: Fd) -> Result<usize> {
        match self.table.entry(fd)? {
            Entry::Socket(socket) => self.host.readable_bytes(&socket.io),
            Entry::Stream(stream) => self.host.readable_bytes(&stream.io),
            Entry::File(_) => Err(Errno::Notty),
        }
    }
}

/// The socket of a descriptor, or `EBADF`, or `ENOTSOCK`.
pub(crate) fn socket_ref<Io, F>(table: &crate::fd::Table<Entry<Io, F>>, fd: Fd) -> Result<&Socket<Io>> {
    match table.entry(fd)? {
        Entry::Socket(socket) => Ok(socket),
        Entry::Stream(_) | Entry::File(_) => Err(Errno::Notsock),
    }
}

/// As [`socket_ref`], to change.
pub(crate) fn socket_mut<Io, F>(
    table: &mut crate::fd::Table<Entry<Io, F>>,
    fd: Fd,
) -> Result<&mut Socket<Io>> {
    match table.entry_mut(fd)? {
        Entry::Socket(socket) => Ok(socket),
        Entry::Stream(_) | Entry::File(_) => Err(Errno::Notsock),
    }
}

/// Closes a connection with RST.
fn reset<H: Host>(host: &mut H, io: H::Io) {
    let at_once = OptValue::Linger { on: true, seconds: 0 };
    // Without the option the close sends FIN instead of RST: the peer is gone either way.
    let _ = host.set_option(&io, SockOpt::Linger, at_once);
    host.close(io);
}

/// Connects, waiting if the socket blocks. After the wait connect is called again: it reports the outcome and
/// leaves the kernel's socket in the state that a blocking connect leaves it in.
fn inet_connect<H: Host>(host: &mut H, socket: &Socket<H::Io>, addr: &SockAddr) -> Result<()> {
    let first = host.connect(&socket.io, addr);
    let pending = match first {
        Err(pending @ (Errno::Inprogress | Errno::Already)) if !socket.nonblocking => pending,
        outcome => return outcome,
    };
    let mut limit = Limit::new(socket.send_timeout);
    loop {
        let remaining = limit.remaining(host);
        // socket(7): a connect that SO_SNDTIMEO ends says EINPROGRESS, a second one EALREADY.
        if remaining == Some(Duration::ZERO) {
            return Err(pending);
        }
        host.wait(&socket.io, Ready::WRITE, remaining)?;
        match host.connect(&socket.io, addr) {
            Err(Errno::Inprogress | Errno::Already) => {}
            outcome => return outcome,
        }
    }
}

fn unix_connect<H: Host>(host: &mut H, socket: &Socket<H::Io>, place: &H::Place) -> Result<()> {
    let (mut limit, mut pause) = (Limit::new(socket.send_timeout), Pause::default());
    loop {
        match host.unix_connect(&socket.io, place) {
            // The backlog is full.
            Err(Errno::Again) if !socket.nonblocking => {
                let remaining = limit.remaining(host);
                if remaining == Some(Duration::ZERO) {
                    return Err(Errno::Again);
                }
                pause.sleep(host, remaining)?;
            }
            outcome => return outcome,
        }
    }
}
