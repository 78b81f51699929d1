//! [`Host`]: the one trait through which the core reaches an operating system.
//!
//! A host answers for its sockets as POSIX says, with these duties:
//!
//! * Every descriptor is close-on-exec. A call that would block returns [`Errno::EAGAIN`] (a connect
//!   [`Errno::EINPROGRESS`]); blocking is made by the core, as try, wait, try again. Within [`Host::waiting`] alone
//!   a call waits itself.
//! * A send never raises a signal. [`Errno::EINTR`] is retried inside the host; the only `EINTR` that comes out of
//!   it means that the guest has to stop.
//! * [`Host::wait`] and [`Host::poll_wait`] return early with [`Errno::EINTR`] when the guest is stopped from
//!   another thread, and go on doing so.
//! * A host judges nothing: the policy has been asked before any of these is called.

use std::fmt;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::addr::{Domain, Kind, SockAddr};
use crate::errno::{Errno, Result};
pub use crate::flags::{RecvFlags, SendFlags, Shutdown};
use crate::gate::PeerJudge;
use crate::interface::Interface;
use crate::option::{OptValue, SockOpt};
use crate::policy::Name;
use crate::readiness::{EpollEvent, EpollOp, PollEvent, PollSet, Ready};
use crate::resolve::{LookupError, LookupReply, Names, Protocols, Question, Services};
pub use crate::timer::{TimerClock, TimerFlags, TimerSpec};

/// What a receive brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvMeta {
    /// Bytes stored, or with [`RecvFlags::TRUNC`] the datagram's length. 0 is end of file on a stream.
    pub len: usize,
    /// `MSG_TRUNC` came back: a datagram was longer than the buffer.
    pub truncated: bool,
}

/// One item of control data (cmsg(3)). `D` is what a descriptor is called where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control<D> {
    /// `SCM_RIGHTS`: open descriptors (unix(7)).
    Rights(Vec<D>),
    /// `IP_PKTINFO`: by which interface and address a datagram came or is to go (ip(7)).
    PacketInfo4 {
        /// The interface's index, 0 for the routing table's choice.
        interface: u32,
        /// The local address.
        local: Ipv4Addr,
        /// The destination in the packet's header; ignored on send.
        destination: Ipv4Addr,
    },
    /// `IPV6_PKTINFO` (ipv6(7)).
    PacketInfo6 {
        /// The local address.
        local: Ipv6Addr,
        /// The interface's index, 0 for the routing table's choice.
        interface: u32,
    },
    /// `IP_TTL`.
    Ttl(i32),
    /// `IP_TOS`.
    Tos(u8),
    /// `IPV6_HOPLIMIT`.
    HopLimit(i32),
    /// `IPV6_TCLASS`.
    TrafficClass(i32),
    /// `SO_TIMESTAMP`: when it arrived, since the Unix epoch, in microseconds.
    Timestamp(Duration),
    /// `SO_TIMESTAMPNS`: the same in nanoseconds.
    TimestampNs(Duration),
    /// `SO_RXQ_OVFL`: how many datagrams were dropped for want of room since the socket was opened.
    Dropped(u32),
    /// `UDP_SEGMENT` on send, `UDP_GRO` on receive: of what size each datagram is but the last, which may be shorter.
    SegmentSize(u16),
}

/// What distinguishes one open file from every other as long as it is open. The host chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(pub u128);

/// What recvmsg(2) brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<D> {
    /// The bytes.
    pub received: RecvMeta,
    /// The sender, [`SockAddr::Unspec`] on a connected stream.
    pub from: SockAddr,
    /// The control data.
    pub control: Vec<Control<D>>,
    /// `MSG_CTRUNC` came back: some control data was lost.
    pub control_truncated: bool,
    /// `MSG_OOB` came back: this is urgent data.
    pub urgent: bool,
}

/// One datagram of a batch to be sent over IP ([`Host::send_batch`]).
#[derive(Debug)]
pub struct OutgoingDatagram<'a, Io> {
    /// The bytes.
    pub bufs: &'a [IoSlice<'a>],
    /// Where it goes, `None` for the peer of a connected socket.
    pub to: Option<SocketAddr>,
    /// The control data.
    pub control: Vec<Control<&'a Io>>,
}

/// Room for one datagram of a batch to be received over IP ([`Host::recv_batch`]).
#[derive(Debug)]
pub struct IncomingDatagram<'a, 'b> {
    /// For the bytes.
    pub bufs: &'a mut [IoSliceMut<'b>],
    /// Whether the guest has room for control data.
    pub wants_control: bool,
    /// What came.
    pub message: Option<Message<Identity>>,
}

/// Where a message goes.
#[derive(Debug)]
pub enum Destination<'a, Node> {
    /// To the peer of a connected socket.
    Peer,
    /// To an IP address.
    Inet(SocketAddr),
    /// To a place of the file system.
    Unix(&'a Node),
}

/// What kind of thing a stream descriptor is (the file type of fstat(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// A terminal or another character device.
    CharacterDevice,
    /// A pipe.
    Pipe,
    /// A regular file.
    File,
    /// A socket that was inherited as standard input or output.
    Socket,
    /// A counter of eventfd(2).
    Counter,
    /// A timer of timerfd_create(2).
    Timer(TimerClock),
    /// Anything else.
    Unknown,
}

/// A clock of clock_gettime(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// `CLOCK_REALTIME`, since the Unix epoch.
    Realtime,
    /// `CLOCK_MONOTONIC`, since an arbitrary moment.
    Monotonic,
    /// `CLOCK_THREAD_CPUTIME_ID`: what the calling thread, which is the guest's, has computed.
    ThreadCpu,
}

/// An operating system, or a model of one. See the module's text for the duties.
///
/// The buffers of a call are the guest's memory, which other threads of the guest may be writing. The core never looks into
/// them: a host hands them to the kernel, and what has to be copied or cut goes through [`Host::fill`],
/// [`Host::prefix`] and [`Host::prefix_mut`]. A host whose guests have threads overrides these with raw copies.
///
/// Required are TCP, UDP, their options, clocks and waiting. The rest has defaults, which say of each feature that this host
/// lacks it, and what a guest then sees.
pub trait Host {
    /// An open kernel object: a socket, or a byte stream such as a pipe. Closed by [`Host::close`] or on drop.
    type Io: fmt::Debug;
    /// A place in the file system that the guest may see, found by [`Host::unix_node`]; stays the same place
    /// whatever is renamed or linked meanwhile. [`std::convert::Infallible`] for a host without UNIX sockets.
    type UnixNode: fmt::Debug;

    /// socket(2).
    ///
    /// # Errors
    /// What the kernel says, such as `EMFILE`; `EAFNOSUPPORT`: this host has no sockets of this family.
    fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Self::Io>;

    /// socketpair(2) of UNIX sockets. By default there is none, and a guest's socketpair(2) is `EOPNOTSUPP`.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: this host has none. What the kernel says.
    fn socket_pair(&mut self, kind: Kind) -> Result<(Self::Io, Self::Io)> {
        let _ = kind;
        Err(Errno::EOPNOTSUPP)
    }

    /// pipe(2): the end to read from and the end to write to. By default there is none, and a guest's pipe(2) is `ENOSYS`.
    ///
    /// # Errors
    /// `ENOSYS`: this host has none. What the kernel says.
    fn pipe(&mut self) -> Result<(Self::Io, Self::Io)> {
        Err(Errno::ENOSYS)
    }

    /// close(2). The descriptor is gone, whatever the kernel says of unsent data. A linger time (`SO_LINGER`) is
    /// waited for, until the guest has to stop.
    fn close(&mut self, io: Self::Io);

    /// Whether [`Host::close`] may wait. By default no close does.
    fn lingers(&mut self, io: &Self::Io) -> bool {
        let _ = io;
        false
    }

    /// bind(2) to an IP address.
    ///
    /// # Errors
    /// `EAGAIN`: the host binds in the background, and the same call asks again, once the socket is writable. `EADDRINUSE`, `EADDRNOTAVAIL`, `EINVAL` (already bound), `EACCES`.
    fn bind(&mut self, io: &Self::Io, addr: SocketAddr) -> Result<()>;

    /// listen(2).
    ///
    /// # Errors
    /// `EAGAIN`: as for [`Host::bind`], if the socket was not bound. `EADDRINUSE`, `EINVAL`, `EOPNOTSUPP`.
    fn listen(&mut self, io: &Self::Io, backlog: i32) -> Result<()>;

    /// accept(2), with the peer's address.
    ///
    /// # Errors
    /// `EAGAIN`, `EINVAL` (not listening), `EOPNOTSUPP` (not a stream), `ECONNABORTED`, `EMFILE`.
    fn accept(&mut self, io: &Self::Io) -> Result<(Self::Io, SockAddr)>;

    /// connect(2) to an IP address or, with [`SockAddr::Unspec`], to nothing.
    ///
    /// # Errors
    /// `EINPROGRESS`, `EALREADY`, `EISCONN`, `ECONNREFUSED`, `ENETUNREACH`, `EAFNOSUPPORT`, …
    fn connect(&mut self, io: &Self::Io, addr: &SockAddr) -> Result<()>;

    /// shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn shutdown(&mut self, io: &Self::Io, how: Shutdown) -> Result<()>;

    /// getsockname(2).
    ///
    /// # Errors
    /// What the kernel says.
    fn local_addr(&mut self, io: &Self::Io) -> Result<SockAddr>;

    /// getpeername(2).
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn peer_addr(&mut self, io: &Self::Io) -> Result<SockAddr>;

    /// sendmsg(2) without an address; the bytes go from `bufs` to the kernel with no copy between.
    ///
    /// # Errors
    /// `EAGAIN`, `EPIPE`, `ENOTCONN`, `EDESTADDRREQ`, `EMSGSIZE`, `ECONNRESET`, …
    fn send(&mut self, io: &Self::Io, bufs: &[IoSlice<'_>], flags: SendFlags) -> Result<usize>;

    /// sendmsg(2) to an IP address.
    ///
    /// # Errors
    /// As [`Host::send`], and `EISCONN`, `EAFNOSUPPORT`, `EACCES` (broadcast).
    fn send_to(
        &mut self,
        io: &Self::Io,
        bufs: &[IoSlice<'_>],
        addr: SocketAddr,
        flags: SendFlags,
    ) -> Result<usize>;

    /// recvmsg(2) without the address. By default [`Host::recv_from`], whose address is thrown away.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOTCONN`, `ECONNRESET`, `ECONNREFUSED` (a datagram bounced), …
    fn recv(&mut self, io: &Self::Io, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<RecvMeta> {
        self.recv_from(io, bufs, flags).map(|(received, _)| received)
    }

    /// recvmsg(2) with the sender's address, [`SockAddr::Unspec`] where there is none (a connected stream).
    ///
    /// # Errors
    /// As [`Host::recv`].
    fn recv_from(
        &mut self,
        io: &Self::Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)>;

    /// sendmsg(2) with control data. By default there is none: a guest's sendmsg(2) with control data is `EOPNOTSUPP`, and
    /// without control data it is a send.
    ///
    /// # Errors
    /// As [`Host::send`], [`Host::send_to`] and [`Host::unix_send_to`]; `EOPNOTSUPP`: this host has no control data, or
    /// not this; `EPERM`: descriptors to a peer outside of this process; `EINVAL`, `ETOOMANYREFS`.
    fn send_message(
        &mut self,
        io: &Self::Io,
        bufs: &[IoSlice<'_>],
        to: &Destination<'_, Self::UnixNode>,
        control: &[Control<&Self::Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        if !control.is_empty() {
            return Err(Errno::EOPNOTSUPP);
        }
        match to {
            Destination::Peer => self.send(io, bufs, flags),
            Destination::Inet(addr) => self.send_to(io, bufs, *addr, flags),
            Destination::Unix(node) => self.unix_send_to(io, bufs, node, flags),
        }
    }

    /// recvmsg(2) with control data. Descriptors that came are closed; their identities are returned. By default no control
    /// data ever arrives, whatever the guest asked for.
    ///
    /// # Errors
    /// As [`Host::recv`].
    fn recv_message(
        &mut self,
        io: &Self::Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<Message<Identity>> {
        let (received, from) = self.recv_from(io, bufs, flags)?;
        Ok(Message {
            received,
            from,
            control: Vec::new(),
            control_truncated: false,
            urgent: false,
        })
    }

    /// How many datagrams [`Host::send_batch`] and [`Host::recv_batch`] are given at most. A constant, because room for them may
    /// have to be made first.
    const BATCH: usize = 1;

    /// sendmmsg(2) of datagrams over IP: sends them in order up to the first that fails, and returns how many were sent, at least
    /// 1. Why a later one failed is not known. By default, with a [`Host::BATCH`] of 1, it is [`Host::send_message`].
    ///
    /// # Errors
    /// What the first datagram failed with, as [`Host::send_message`] says.
    fn send_batch(
        &mut self,
        io: &Self::Io,
        datagrams: &[OutgoingDatagram<'_, Self::Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        let Some(first) = datagrams.first() else {
            return Ok(0);
        };
        let to = first.to.map_or(Destination::Peer, Destination::Inet);
        self.send_message(io, first.bufs, &to, &first.control, flags)?;
        Ok(1)
    }

    /// recvmmsg(2) of datagrams over IP: receives what there is into the first of `datagrams`, and returns how many came, at
    /// least 1. Fewer than there is room for: there are no more, or the next call fails. By default, with a [`Host::BATCH`] of 1,
    /// it is [`Host::recv_message`].
    ///
    /// # Errors
    /// As [`Host::recv_message`].
    fn recv_batch(
        &mut self,
        io: &Self::Io,
        datagrams: &mut [IncomingDatagram<'_, '_>],
        flags: RecvFlags,
    ) -> Result<usize> {
        let Some(first) = datagrams.first_mut() else {
            return Ok(0);
        };
        first.message = Some(self.recv_message(io, first.bufs, flags)?);
        Ok(1)
    }

    /// sendfile(2) from a file at an offset to a connected stream socket. 0 is the end of the file. By default this host cannot, and an
    /// adapter reads the bytes and sends them.
    ///
    /// # Errors
    /// As [`Host::send`]; `EBADF` (the file is not open for reading), `EINVAL` (it has no positions, or is a directory), `EOVERFLOW`, `EIO`;
    /// `EOPNOTSUPP`: this host cannot, or not with this socket.
    fn send_file(&mut self, io: &Self::Io, file: &File, offset: u64, len: usize) -> Result<usize> {
        let _ = (io, file, offset, len);
        Err(Errno::EOPNOTSUPP)
    }

    /// splice(2) between a pipe and a connected stream socket, or two pipes. 0 is the end of what is read from. With `more`
    /// (`SPLICE_F_MORE`) more will follow. By default this host cannot.
    ///
    /// # Errors
    /// As [`Host::recv`] and [`Host::send`]; `EAGAIN`: either end is not ready; `EBADF`: the end of a pipe for the other direction;
    /// `EINVAL`: both are ends of one pipe; this host cannot, or not with these.
    fn splice(&mut self, from: &Self::Io, to: &Self::Io, len: usize, more: bool) -> Result<usize> {
        let _ = (from, to, len, more);
        Err(Errno::EINVAL)
    }

    /// What an open file is recognised by when it comes back as a descriptor in control data. By default a guest can pass no
    /// descriptor on.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: this kind of file cannot be passed on.
    fn identity(&mut self, io: &Self::Io) -> Result<Identity> {
        let _ = io;
        Err(Errno::EOPNOTSUPP)
    }

    /// epoll_create1(2). The object is readable when one of its descriptors is ready. By default there is none: a guest's
    /// epoll_create1(2) is `ENOSYS`, and it polls with poll(2) or select(2).
    ///
    /// # Errors
    /// `ENOSYS`: this host has none. What the kernel says.
    fn epoll(&mut self) -> Result<Self::Io> {
        Err(Errno::ENOSYS)
    }

    /// epoll_ctl(2). By default no object is an epoll.
    ///
    /// # Errors
    /// `EINVAL` (`epoll` is none, or an operation that it cannot do), `EEXIST`, `ENOENT`, `EPERM` (a regular file),
    /// `ELOOP`, `ENOSPC`.
    fn epoll_control(&mut self, epoll: &Self::Io, io: &Self::Io, op: EpollOp) -> Result<()> {
        let _ = (epoll, io, op);
        Err(Errno::EINVAL)
    }

    /// epoll_wait(2) without waiting. Appends at most `most` events. By default no object is an epoll.
    ///
    /// # Errors
    /// `EINVAL`: `epoll` is none.
    fn epoll_take(&mut self, epoll: &Self::Io, most: usize, events: &mut Vec<EpollEvent>) -> Result<()> {
        let _ = (epoll, most, events);
        Err(Errno::EINVAL)
    }

    /// eventfd(2): a counter, read and written as a byte stream is. By default there is none: a guest's eventfd(2) is `ENOSYS`.
    ///
    /// # Errors
    /// `ENOSYS`: this host has none. What the kernel says.
    fn eventfd(&mut self, initial: u32, semaphore: bool) -> Result<Self::Io> {
        let _ = (initial, semaphore);
        Err(Errno::ENOSYS)
    }

    /// timerfd_create(2). By default there is none: a guest's timerfd_create(2) is `ENOSYS`.
    ///
    /// # Errors
    /// `ENOSYS`: this host has none. What the kernel says.
    fn timerfd(&mut self, clock: TimerClock) -> Result<Self::Io> {
        let _ = clock;
        Err(Errno::ENOSYS)
    }

    /// timerfd_settime(2), with what the timer was set to. By default no object is a timer.
    ///
    /// # Errors
    /// `EINVAL`: `timer` is none; `ECANCELED`: the clock was set.
    fn set_timer(&mut self, timer: &Self::Io, flags: TimerFlags, spec: TimerSpec) -> Result<TimerSpec> {
        let _ = (timer, flags, spec);
        Err(Errno::EINVAL)
    }

    /// timerfd_gettime(2). By default no object is a timer.
    ///
    /// # Errors
    /// `EINVAL`: `timer` is none.
    fn timer(&mut self, timer: &Self::Io) -> Result<TimerSpec> {
        let _ = timer;
        Err(Errno::EINVAL)
    }

    /// readv(2) on a byte stream that is not a socket. By default there are none: this host makes no `Io` that an adapter
    /// could enter as a stream, so that standard input is a file of the adapter.
    ///
    /// # Errors
    /// `EAGAIN` where it would block, `EBADF` (not open for reading), `EIO`, …; `EOPNOTSUPP`: this host has no byte streams.
    fn read(&mut self, io: &Self::Io, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let _ = (io, bufs);
        Err(Errno::EOPNOTSUPP)
    }

    /// writev(2) on a byte stream that is not a socket. By default there are none, as for [`Host::read`].
    ///
    /// # Errors
    /// `EAGAIN` where it would block, `EPIPE`, `EBADF`, `ENOSPC`, …; `EOPNOTSUPP`: this host has no byte streams.
    fn write(&mut self, io: &Self::Io, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let _ = (io, bufs);
        Err(Errno::EOPNOTSUPP)
    }

    /// getsockopt(2), from the kernel each time.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`.
    fn option(&mut self, io: &Self::Io, option: SockOpt) -> Result<OptValue>;

    /// setsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL` (a value of the wrong shape or range), `EDOM` (a time out of range).
    fn set_option(&mut self, io: &Self::Io, option: SockOpt, value: OptValue) -> Result<()>;

    /// getsockopt(2) of an option whose value is the system's own bytes ([`OptKind::Bytes`](crate::OptKind::Bytes)): how many of
    /// `room` it has filled. By default no socket has such an option.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`.
    fn option_bytes(&mut self, io: &Self::Io, option: SockOpt, room: &mut [u8]) -> Result<usize> {
        let _ = (io, option, room);
        Err(Errno::ENOPROTOOPT)
    }

    /// `SO_PEERCRED` (unix(7)): whether the peer of a UNIX socket is in this process, `None` if it has no peer. By default none
    /// has.
    ///
    /// # Errors
    /// What the kernel says.
    fn peer_is_in_process(&mut self, io: &Self::Io) -> Result<Option<bool>> {
        let _ = io;
        Ok(None)
    }

    /// getifaddrs(3): the machine's interfaces. By default there are none to be seen.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: this host cannot say. What the kernel says.
    fn interfaces(&mut self) -> Result<Vec<Interface>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// `FIONREAD` of ioctl(2): bytes that can be read now; for datagrams the next one's length.
    ///
    /// # Errors
    /// `EINVAL` on a listener.
    fn readable_bytes(&mut self, io: &Self::Io) -> Result<usize>;

    /// `SIOCOUTQ` of ioctl(2): bytes of a socket that its peer has not acknowledged or taken. By default no host can say.
    ///
    /// # Errors
    /// `EINVAL` on a listener; `ENOTTY`: this host cannot say.
    fn unsent_bytes(&mut self, io: &Self::Io) -> Result<usize> {
        let _ = io;
        Err(Errno::ENOTTY)
    }

    /// `SIOCATMARK` of ioctl(2): whether the socket is at the mark of urgent data. By default no host can say.
    ///
    /// # Errors
    /// `ENOTTY`: this socket has no mark, or this host cannot say.
    fn at_mark(&mut self, io: &Self::Io) -> Result<bool> {
        let _ = io;
        Err(Errno::ENOTTY)
    }

    /// What fstat(2) says of a byte stream. By default there are none.
    fn stream_kind(&mut self, io: &Self::Io) -> StreamKind {
        let _ = io;
        StreamKind::Unknown
    }

    /// Finds a UNIX socket path, given in the guest's view, inside the directories that the guest may see.
    ///
    /// Returns the place and its path in the guest's view with every symbolic link resolved, for the policy to
    /// judge. With `create` the last component need not exist and is not followed (bind); without, it must (connect).
    ///
    /// By default there are no UNIX sockets: [`Host::socket`] refuses the family with `EAFNOSUPPORT`, so that no guest has a
    /// socket to bind, connect or send from, and this and the three calls below are `EOPNOTSUPP`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES` (what the kernel says), `ENAMETOOLONG`; `EXDEV`: outside of every directory
    /// of the guest, which the core reports as a denial and makes `EACCES` for the guest; `EOPNOTSUPP`: this host has no
    /// UNIX sockets.
    fn unix_node(&mut self, path: &str, create: bool) -> Result<(Self::UnixNode, String)> {
        let _ = (path, create);
        Err(Errno::EOPNOTSUPP)
    }

    /// bind(2) to a place of the file system; `name` is what the guest called it, and what getsockname(2) will return.
    /// By default there are no UNIX sockets ([`Host::unix_node`]).
    ///
    /// # Errors
    /// `EADDRINUSE`, `EINVAL`, `EACCES`; `EOPNOTSUPP`: this host has no UNIX sockets.
    fn unix_bind(&mut self, io: &Self::Io, node: &Self::UnixNode, name: &str) -> Result<()> {
        let _ = (io, node, name);
        Err(Errno::EOPNOTSUPP)
    }

    /// connect(2) to a place of the file system. By default there are no UNIX sockets ([`Host::unix_node`]).
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EAGAIN` (the backlog is full), `EPROTOTYPE`, `EACCES`; `EOPNOTSUPP`: this host has no UNIX sockets.
    fn unix_connect(&mut self, io: &Self::Io, node: &Self::UnixNode) -> Result<()> {
        let _ = (io, node);
        Err(Errno::EOPNOTSUPP)
    }

    /// sendmsg(2) to a place of the file system. By default there are no UNIX sockets ([`Host::unix_node`]).
    ///
    /// # Errors
    /// As [`Host::send`] and [`Host::unix_connect`].
    fn unix_send_to(
        &mut self,
        io: &Self::Io,
        bufs: &[IoSlice<'_>],
        node: &Self::UnixNode,
        flags: SendFlags,
    ) -> Result<usize> {
        let _ = (io, bufs, node, flags);
        Err(Errno::EOPNOTSUPP)
    }

    /// Copies bytes into buffers, as many as there is room for, and returns how many.
    fn fill(bufs: &mut [IoSliceMut<'_>], mut data: &[u8]) -> usize {
        let mut stored = 0;
        for buf in bufs {
            let (now, later) = data.split_at(data.len().min(buf.len()));
            if let Some(room) = buf.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            stored += now.len();
            data = later;
        }
        stored
    }

    /// The first `len` bytes of a buffer to send from, or all of it.
    fn prefix<'b>(buf: &'b IoSlice<'_>, len: usize) -> IoSlice<'b> {
        IoSlice::new(buf.get(..len).unwrap_or(buf))
    }

    /// The first `len` bytes of a buffer to receive into, or all of it.
    fn prefix_mut<'b>(buf: &'b mut IoSliceMut<'_>, len: usize) -> IoSliceMut<'b> {
        let len = len.min(buf.len());
        let (prefix, _) = buf.split_at_mut(len);
        IoSliceMut::new(prefix)
    }

    /// The time of a clock.
    fn now(&self, clock: Clock) -> Duration;

    /// [`Clock::Monotonic`] as it was some milliseconds ago at most, if that is cheaper to read: for lifetimes of
    /// seconds, which are checked for each datagram.
    fn now_coarse(&self) -> Duration {
        self.now(Clock::Monotonic)
    }

    /// Waits until one descriptor is ready for any of `want`, or [`Ready::ALWAYS`], or the time is over.
    /// Returns whether it became ready. `None` waits for ever.
    ///
    /// # Errors
    /// `EINTR`: the guest has to stop.
    fn wait(&mut self, io: &Self::Io, want: Ready, timeout: Option<Duration>) -> Result<bool>;

    /// Has a blocking call of the guest wait in the system call itself, as long as it takes: runs `call`, in which
    /// [`Host::accept`], [`Host::send`], [`Host::send_file`], [`Host::splice`], [`Host::recv`] and [`Host::recv_from`] wait on `io`, on which no other call is made.
    /// `None`: this host or this `io` cannot, `call` was not run, and the core tries, waits ([`Host::wait`]) and tries again.
    ///
    /// # Errors
    /// Those of `call`; `EAGAIN`: it cannot wait any longer, as in a guest that was stopped, and the core goes on as after `None`.
    fn waiting<T>(&mut self, io: &Self::Io, call: impl FnOnce(&mut Self) -> Result<T>) -> Option<Result<T>> {
        let _ = (io, call);
        None
    }

    /// Whether a wait was refused with `EAGAIN` since this was asked last: the host of an adapter that waits in another way
    /// and then makes the same call again. Such a call is traced when it is over.
    fn take_refused_wait(&mut self) -> bool {
        false
    }

    /// Starts a new set of descriptors to poll.
    fn poll_begin(&mut self);

    /// Adds a descriptor under a number of the caller's. One descriptor may be added several times.
    ///
    /// # Errors
    /// `ENOMEM`, or what the kernel says of registering it.
    fn poll_add(&mut self, token: u32, io: &Self::Io, want: Ready) -> Result<()>;

    /// What names the set as it is, if this host keeps it after [`Host::poll_wait`] for the next one: every
    /// [`Host::poll_begin`] makes another. By default none is kept.
    fn poll_set(&self) -> Option<PollSet> {
        None
    }

    /// Puts another descriptor in the place of the addition of this number, in a set that was kept.
    ///
    /// # Errors
    /// Those of [`Host::poll_add`].
    fn poll_replace(&mut self, index: usize, token: u32, io: &Self::Io, want: Ready) -> Result<()> {
        let _ = (index, token, io, want);
        Err(Errno::EINVAL)
    }

    /// Leaves the first `count` additions in a set that was kept.
    fn poll_truncate(&mut self, count: usize) {
        let _ = count;
    }

    /// Waits until a descriptor of the set is ready or the time is over. `None` waits for ever; an empty set is a
    /// sleep. The result is level-triggered and true at the moment of return.
    ///
    /// # Errors
    /// `EINTR`: the guest has to stop.
    fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()>;

    /// Sleeps for `pause`, at most for what `remaining` leaves of the call's time, before the call tries again what no descriptor
    /// shows. A host that cannot sleep, because its events come on this very thread, says `EAGAIN`: what the call waits for comes
    /// with one of these events, or `remaining` is over. By default an empty poll.
    ///
    /// # Errors
    /// `EINTR`: the guest has to stop.
    fn pause(&mut self, pause: Duration, remaining: Option<Duration>) -> Result<()> {
        self.sleep(Some(remaining.map_or(pause, |remaining| remaining.min(pause))))
    }

    /// Sleeps for `time`, `None` for ever, before a call that waits for a limit of the guest's looks at the clock again. A host that
    /// cannot sleep says `EAGAIN`, and its adapter makes the same call again when the time is over. By default an empty poll.
    ///
    /// # Errors
    /// `EINTR`: the guest has to stop.
    fn sleep(&mut self, time: Option<Duration>) -> Result<()> {
        self.poll_begin();
        self.poll_wait(time)
    }

    /// Takes a stop back: later waits wait again. By default nothing, for a host that nothing stops.
    fn resume(&mut self) {}

    /// What the last [`Host::poll_wait`] found, in the order of the tokens' addition where that costs nothing.
    fn poll_events(&self) -> &[PollEvent];

    /// Asks this host's resolver. Returns at once: the object becomes readable when the reply is there, also when it
    /// was there from the beginning. Closing it gives the question up.
    ///
    /// By default there is no resolver: a guest can look up addresses, loopback's names and the names of a hosts file, which
    /// the core answers, and every other name is `EAI_FAIL`.
    ///
    /// # Errors
    /// `System` if nothing can be asked now, such as `EMFILE`; `Fail`: this host has no resolver. What a resolver says comes
    /// with the reply.
    fn lookup_start(&mut self, question: &Question) -> Result<Self::Io, LookupError> {
        let _ = question;
        Err(LookupError::Fail)
    }

    /// The reply to a question, once; `None` as long as there is none. By default no question was asked.
    fn lookup_take(&mut self, lookup: &Self::Io) -> Option<LookupReply> {
        let _ = lookup;
        None
    }

    /// The name that an address of a look-up's reply stands for, where this host learns a name's address only by connecting, as a
    /// browser does. The policy then judges a connect to it by the name, and the judge of [`Host::set_peer_judge`] by the
    /// address. By default no address stands for a name.
    fn name_of(&self, ip: IpAddr) -> Option<Name> {
        let _ = ip;
        None
    }

    /// Gives this host what judges where a connection to a name has led. It must ask before a byte moves, and end with `EACCES` what
    /// is not allowed. By default no name is connected to.
    fn set_peer_judge(&mut self, judge: PeerJudge) {
        let _ = judge;
    }

    /// The address of a DNS server on this machine's loopback, over UDP and TCP, that answers this guest from `names`.
    /// The first call starts it. It answers the sockets that were named as `client`, each from the moment of the call,
    /// and no other program of the machine. By default there is none: a guest that speaks DNS itself may do so with the servers
    /// that its policy allows without the stub, and gets `EACCES` for the others.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: this host has none. What socket(2) and bind(2) say.
    fn dns_stub(&mut self, names: &Arc<Names>, client: &Self::Io) -> Result<SocketAddr> {
        let _ = (names, client);
        Err(Errno::EOPNOTSUPP)
    }

    /// The services of this machine (services(5)). By default none is known: a guest's look-up of one is `EAI_SERVICE`, and
    /// getnameinfo(3) gives a port as a number.
    fn services(&mut self) -> Arc<Services> {
        Arc::default()
    }

    /// The protocols of this machine (protocols(5)). By default none is known.
    fn protocols(&mut self) -> Arc<Protocols> {
        Arc::default()
    }
}
