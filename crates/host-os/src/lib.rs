//! guestnet's host for operating systems: kernel sockets, waiting and the system's look-ups, for Linux.
//!
//! [`OsHost`] is one guest's [`Host`]. It judges nothing: the core has asked the policy before it calls. Every
//! socket is non-blocking and close-on-exec, and no send raises a signal.
//!
//! A guest that may reach one listener of this machine:
//!
//! ```
//! use std::net::TcpListener;
//! use std::sync::Arc;
//!
//! use guestnet_core::policy::{PolicyBuilder, Use};
//! use guestnet_core::{Capacity, Domain, Errno, GuestThread, Kind};
//! use guestnet_host_os::OsHost;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let addr = listener.local_addr()?;
//! let policy = PolicyBuilder::new().allow(Use::Connect, &format!("tcp://{addr}"))?.build();
//! let mut guest: GuestThread<_, ()> = GuestThread::new(OsHost::new().unwrap(), Arc::new(policy), Capacity::default());
//!
//! let client = guest.socket(Domain::Inet, Kind::Stream).unwrap();
//! guest.connect(client, &addr.into()).unwrap();
//! let denied = std::net::SocketAddr::from(([127, 0, 0, 1], addr.port() ^ 1));
//! let other = guest.socket(Domain::Inet, Kind::Stream).unwrap();
//! assert_eq!(guest.connect(other, &denied.into()), Err(Errno::EACCES));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ahead;
mod answer;
mod background;
mod batch;
mod bulk;
mod burst;
mod convert;
mod dns;
mod event;
mod exporter;
mod handed;
mod interface;
mod io;
mod kernel_wait;
mod linger;
mod lookup;
mod message;
mod option;
mod output;
mod poll;
mod process;
mod record;
mod report;
mod report_to;
mod services;
mod settings;
mod stop;
mod stream;
mod stub;
mod sys;
mod unix;
mod upstream;
mod wait;

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use guestnet_core::resolve::{LookupReply, Names, Protocols, Question, Services};
use guestnet_core::{
    Clock, Control, Destination, Domain, EpollEvent, EpollOp, Errno, Host, Identity, IncomingDatagram,
    Interface, Kind, LookupError, Message, OptValue, OutgoingDatagram, PollEvent, PollSet, Ready, RecvFlags,
    RecvMeta, Result, SendFlags, Shutdown, SockAddr, SockOpt, StreamKind, TimerClock, TimerFlags, TimerSpec,
};
use rustix::event::epoll;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, ReturnFlags, SendAncillaryBuffer, SocketAddrAny, SocketFlags,
};
use rustix::pipe::PipeFlags;
use rustix::time::ClockId;

use burst::{Ahead, Signalled};
use convert::{errno, received, recv_flags, retry, send_flags, socket_type};
pub use exporter::{MetricsExporter, RunningExporter};
pub use io::Io;
use io::IoKind;
use kernel_wait::KernelWait;
use lookup::Pending;
pub use output::OutputHook;
pub use process::{descriptors, leave_descriptors};
pub use report::{TraceTo, read_text, reporter, stderr};
pub use report_to::{ReportTo, ReportToError, ReporterError, io_reason};
use services::Tables;
use stop::Stop;
pub use stop::{IdleTask, Stopper, WaitMode, WeakStopper};
use stub::Stub;
use unix::Unix;
pub use unix::UnixNode;
use upstream::Resolver;
pub use upstream::{MAX_SERVERS, Upstream, UpstreamError};
use wait::Waiter;

/// One guest's kernel sockets.
#[derive(Debug)]
pub struct OsHost {
    waiter: Waiter,
    stop: Stop,
    unix: Unix,
    tables: Tables,
    resolver: Arc<Resolver>,
    /// Answers a guest that speaks DNS itself.
    stub: Arc<Mutex<Option<Stub>>>,
    /// A wait was refused, and [`Host::take_refused_wait`] was not asked since.
    refused_wait: bool,
    /// Within [`Host::waiting`].
    waiting: bool,
    /// There is, or was, a host for another thread of the guest.
    siblings: Arc<AtomicBool>,
    /// How many sockets of the guest read ahead.
    places: Arc<AtomicUsize>,
    /// How many sockets have something to receive that the kernel does not report.
    unseen: usize,
    /// Descriptors of the current poll for which that is so.
    ready_ahead: Vec<u32>,
    signalled: Vec<Signalled>,
    /// A buffer to read ahead into, if none is in use.
    spare: Option<Box<[u8]>>,
}

impl OsHost {
    /// A host for one guest.
    ///
    /// # Errors
    /// `EMFILE` and the like: it opens an eventfd.
    pub fn new() -> Result<Self> {
        Ok(OsHost {
            waiter: Waiter::default(),
            stop: Stop::new()?,
            unix: Unix::default(),
            tables: Tables::default(),
            resolver: Arc::new(Resolver::new(&Upstream::System)?),
            stub: Arc::default(),
            refused_wait: false,
            waiting: false,
            siblings: Arc::default(),
            places: Arc::default(),
            unseen: 0,
            ready_ahead: Vec::new(),
            signalled: Vec::new(),
            spare: None,
        })
    }

    /// A host for one more thread of the same guest: the same directories, resolver and stub, its own waits. Its
    /// [`Stopper`] ends its own waits only.
    ///
    /// # Errors
    /// As [`OsHost::new`].
    pub fn sibling(&self) -> Result<Self> {
        self.siblings.store(true, Ordering::SeqCst);
        Ok(OsHost {
            waiter: Waiter::default(),
            stop: Stop::new()?,
            unix: self.unix.clone(),
            tables: Tables::default(),
            resolver: Arc::clone(&self.resolver),
            stub: Arc::clone(&self.stub),
            refused_wait: false,
            waiting: false,
            siblings: Arc::clone(&self.siblings),
            places: Arc::clone(&self.places),
            unseen: 0,
            ready_ahead: Vec::new(),
            signalled: Vec::new(),
            spare: None,
        })
    }

    /// Whether other threads of the guest may wait for its sockets.
    fn has_siblings(&self) -> bool {
        self.siblings.load(Ordering::SeqCst)
    }

    /// Where the call that is made now waits in the kernel; `None`: it does not wait.
    #[inline]
    fn kernel_wait(&self) -> Option<&KernelWait> {
        if self.waiting {
            self.stop.kernel_wait()
        } else {
            None
        }
    }

    /// Receives with these flags, less `MSG_DONTWAIT` where the call is to wait.
    #[inline]
    fn receive<T>(
        &self,
        flags: rustix::net::RecvFlags,
        mut call: impl FnMut(rustix::net::RecvFlags) -> rustix::io::Result<T>,
    ) -> Result<T> {
        match self.kernel_wait() {
            Some(wait) => wait.call(|| call(flags - rustix::net::RecvFlags::DONTWAIT)),
            None => retry(|| call(flags)),
        }
    }

    fn sockaddr(&self, addr: SocketAddrAny) -> SockAddr {
        match addr.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => {
                SocketAddr::try_from(addr).map_or(SockAddr::Unspec, SockAddr::Inet)
            }
            AddressFamily::UNIX => self.unix.guest_name(addr),
            _ => SockAddr::Unspec,
        }
    }
}

impl Host for OsHost {
    type Io = Io;
    type UnixNode = UnixNode;

    fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Io> {
        let family = match domain {
            Domain::Inet => AddressFamily::INET,
            Domain::Inet6 => AddressFamily::INET6,
            Domain::Unix => AddressFamily::UNIX,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = rustix::net::socket_with(family, socket_type(kind), flags, None).map_err(errno)?;
        let mut io = Io::new(fd, IoKind::Socket(kind));
        io.ahead = Ahead::new(kind == Kind::Datagram && domain != Domain::Unix);
        Ok(io)
    }

    fn socket_pair(&mut self, kind: Kind) -> Result<(Io, Io)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (one, other) =
            rustix::net::socketpair(AddressFamily::UNIX, socket_type(kind), flags, None).map_err(errno)?;
        Ok((
            Io::new(one, IoKind::Socket(kind)),
            Io::new(other, IoKind::Socket(kind)),
        ))
    }

    fn pipe(&mut self) -> Result<(Io, Io)> {
        let flags = PipeFlags::NONBLOCK | PipeFlags::CLOEXEC;
        let (read, write) = rustix::pipe::pipe_with(flags).map_err(errno)?;
        let what = IoKind::Stream(StreamKind::Pipe);
        let (mut read, mut write) = (Io::new(read, what), Io::new(write, what));
        read.no_write = true;
        write.no_read = true;
        Ok((read, write))
    }

    fn close(&mut self, io: Io) {
        if io.lingers.load(Ordering::Relaxed) {
            linger::linger(&io, &self.stop);
        }
        self.close_ahead(&io);
        self.waiter.forget(io.fd.as_raw_fd(), io.shared);
    }

    fn lingers(&mut self, io: &Io) -> bool {
        io.lingers.load(Ordering::Relaxed)
    }

    fn bind(&mut self, io: &Io, addr: SocketAddr) -> Result<()> {
        rustix::net::bind(io.fd(), &addr).map_err(errno)
    }

    fn listen(&mut self, io: &Io, backlog: i32) -> Result<()> {
        rustix::net::listen(io.fd(), backlog).map_err(errno)
    }

    fn accept(&mut self, io: &Io) -> Result<(Io, SockAddr)> {
        let mut flags = SocketFlags::CLOEXEC;
        let taken = match self.kernel_wait() {
            // Its guest will wait on the connection as it does on the listener.
            Some(wait) => wait.call(|| rustix::net::acceptfrom_with(io.fd(), flags)),
            None => {
                io.set_waits(false)?;
                flags |= SocketFlags::NONBLOCK;
                retry(|| rustix::net::acceptfrom_with(io.fd(), flags))
            }
        };
        let (fd, peer) = taken?;
        let peer = peer.map_or(SockAddr::Unspec, |peer| self.sockaddr(peer));
        let accepted = Io::new(fd, io.kind);
        accepted
            .waits
            .store(!flags.contains(SocketFlags::NONBLOCK), Ordering::Relaxed);
        accepted
            .lingers
            .store(io.lingers.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok((accepted, peer))
    }

    fn connect(&mut self, io: &Io, addr: &SockAddr) -> Result<()> {
        io.set_waits(false)?;
        match addr {
            SockAddr::Inet(addr) => {
                // Also where it fails: it may have taken effect.
                io.ahead.set_connected(true);
                retry(|| rustix::net::connect(io.fd(), addr))
            }
            SockAddr::Unspec => {
                // The port may be another program's from now on.
                io.stub_client.get().inspect(|client| client.forget());
                retry(|| rustix::net::connect_unspec(io.fd()))?;
                io.ahead.set_connected(false);
                Ok(())
            }
            SockAddr::Unix(_) | SockAddr::UnixUnnamed => Err(Errno::EAFNOSUPPORT),
        }
    }

    fn shutdown(&mut self, io: &Io, how: Shutdown) -> Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        rustix::net::shutdown(io.fd(), how).map_err(errno)
    }

    fn local_addr(&mut self, io: &Io) -> Result<SockAddr> {
        rustix::net::getsockname(io.fd())
            .map(|addr| self.sockaddr(addr))
            .map_err(errno)
    }

    fn peer_addr(&mut self, io: &Io) -> Result<SockAddr> {
        let peer = rustix::net::getpeername(io.fd()).map_err(errno)?;
        Ok(peer.map_or(SockAddr::UnixUnnamed, |peer| self.sockaddr(peer)))
    }

    fn send(&mut self, io: &Io, bufs: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        io.ahead.restart();
        let flags = send_flags(flags);
        let send = |flags| match bufs {
            [buf] => rustix::net::send(io.fd(), buf, flags),
            bufs => rustix::net::sendmsg(io.fd(), bufs, &mut SendAncillaryBuffer::default(), flags),
        };
        match self.kernel_wait() {
            Some(wait) => wait.call(|| send(flags - rustix::net::SendFlags::DONTWAIT)),
            None => retry(|| send(flags)),
        }
    }

    fn send_to(
        &mut self,
        io: &Io,
        bufs: &[IoSlice<'_>],
        addr: SocketAddr,
        flags: SendFlags,
    ) -> Result<usize> {
        io.ahead.restart();
        let flags = send_flags(flags);
        match bufs {
            [buf] => retry(|| rustix::net::sendto(io.fd(), buf, flags, &addr)),
            bufs => retry(|| {
                rustix::net::sendmsg_addr(io.fd(), &addr, bufs, &mut SendAncillaryBuffer::default(), flags)
            }),
        }
    }

    fn recv(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<RecvMeta> {
        if io.ahead.is_on() {
            return self.recv_ahead(io, flags, |datagram, _| burst::fill(bufs, datagram, flags));
        }
        let with = recv_flags(flags, io.keeps_boundaries());
        if let [buf] = bufs {
            let (stored, real) = self
                .receive(with, |with| rustix::net::recv(io.fd(), &mut **buf, with))
                .inspect_err(|_| io.ahead.restart())?;
            self.received_one(io);
            return Ok(received(stored, real, flags));
        }
        self.recv_from(io, bufs, flags).map(|(received, _)| received)
    }

    fn recv_from(
        &mut self,
        io: &Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        if io.ahead.is_on() {
            return self.recv_ahead(io, flags, |datagram, head| {
                (burst::fill(bufs, datagram, flags), head.from.clone())
            });
        }
        let with = recv_flags(flags, io.keeps_boundaries());
        let unnamed = if io.keeps_boundaries() {
            SockAddr::UnixUnnamed
        } else {
            SockAddr::Unspec
        };
        if let [buf] = bufs {
            let (stored, real, from) = self
                .receive(with, |with| rustix::net::recvfrom(io.fd(), &mut **buf, with))
                .inspect_err(|_| io.ahead.restart())?;
            self.received_one(io);
            let from = from.map_or(unnamed, |from| self.sockaddr(from));
            return Ok((received(stored, real, flags), from));
        }
        let room: usize = bufs.iter().map(|buf| buf.len()).sum();
        let mut control = RecvAncillaryBuffer::default();
        let message = self.receive(with, |with| {
            rustix::net::recvmsg(io.fd(), bufs, &mut control, with)
        })?;
        self.received_one(io);
        let from = message.address.map_or(unnamed, |from| self.sockaddr(from));
        let mut received = received(message.bytes.min(room), message.bytes, flags);
        received.truncated |= message.flags.contains(ReturnFlags::TRUNC);
        Ok((received, from))
    }

    fn send_message(
        &mut self,
        io: &Io,
        bufs: &[IoSlice<'_>],
        to: &Destination<'_, UnixNode>,
        control: &[Control<&Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        if control.iter().any(|item| matches!(item, Control::Rights(_))) {
            // A socket without such credentials, such as a datagram socket without a peer, counts as another process's.
            let peer = rustix::net::sockopt::socket_peercred(io.fd());
            if !peer.is_ok_and(|peer| peer.pid == rustix::process::getpid()) {
                return Err(Errno::EPERM);
            }
        }
        io.ahead.restart();
        let mut control = message::encode(control)?;
        let to = match to {
            Destination::Peer => None,
            Destination::Inet(addr) => Some(SocketAddrAny::from(*addr)),
            Destination::Unix(node) => Some(SocketAddrAny::from(node.reach()?)),
        };
        let flags = send_flags(flags).bits().cast_signed();
        retry(|| sys::message::sendmsg(io.fd(), bufs, to.as_ref(), &mut control, flags))
    }

    fn recv_message(
        &mut self,
        io: &Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<Message<Identity>> {
        if io.ahead.is_on() {
            return self.recv_message_ahead(io, bufs, flags);
        }
        let with = recv_flags(flags, io.keeps_boundaries()).bits().cast_signed();
        let arrived = retry(|| sys::message::recvmsg(io.fd(), bufs, with))?;
        self.received_one(io);
        let room = bufs.iter().map(|buf| buf.len()).sum();
        Ok(self.message(io, room, arrived, flags))
    }

    const BATCH: usize = sys::batch::MOST;

    fn send_batch(
        &mut self,
        io: &Io,
        datagrams: &[OutgoingDatagram<'_, Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        OsHost::send_datagrams(io, datagrams, flags)
    }

    fn recv_batch(
        &mut self,
        io: &Io,
        datagrams: &mut [IncomingDatagram<'_, '_>],
        flags: RecvFlags,
    ) -> Result<usize> {
        self.recv_datagrams(io, datagrams, flags)
    }

    fn send_file(&mut self, io: &Io, file: &File, offset: u64, len: usize) -> Result<usize> {
        self.file_to_socket(io, file, offset, len)
    }

    fn splice(&mut self, from: &Io, to: &Io, len: usize, more: bool) -> Result<usize> {
        self.splice_pipe(from, to, len, more)
    }

    fn identity(&mut self, io: &Io) -> Result<Identity> {
        match io.kind {
            IoKind::Socket(_) | IoKind::Stream(_) => message::identity(io.fd()),
            // Each of these has the number of every other.
            IoKind::Lookup | IoKind::Epoll | IoKind::Counter | IoKind::Timer(_) => Err(Errno::EOPNOTSUPP),
        }
    }

    fn epoll(&mut self) -> Result<Io> {
        let fd = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(errno)?;
        Ok(Io::new(fd, IoKind::Epoll))
    }

    fn epoll_control(&mut self, set: &Io, io: &Io, op: EpollOp) -> Result<()> {
        if set.kind != IoKind::Epoll {
            return Err(Errno::EINVAL);
        }
        match op {
            EpollOp::Add(interest) => {
                let data = epoll::EventData::new_u64(interest.data);
                epoll::add(set.fd(), io.fd(), data, wait::epoll_flags(interest)).map_err(errno)?;
                self.watch_ahead(set, io, interest)
            }
            EpollOp::Modify(interest) => {
                let data = epoll::EventData::new_u64(interest.data);
                epoll::modify(set.fd(), io.fd(), data, wait::epoll_flags(interest)).map_err(errno)?;
                self.watch_ahead(set, io, interest)
            }
            EpollOp::Delete => {
                epoll::delete(set.fd(), io.fd()).map_err(errno)?;
                io.ahead.unwatch(set.id);
                Ok(())
            }
        }
    }

    fn epoll_take(&mut self, set: &Io, most: usize, events: &mut Vec<EpollEvent>) -> Result<()> {
        if set.kind != IoKind::Epoll {
            return Err(Errno::EINVAL);
        }
        wait::epoll_take(set.fd(), most, events)?;
        if !self.signalled.is_empty() {
            self.join_events(set, events);
        }
        Ok(())
    }

    fn eventfd(&mut self, initial: u32, semaphore: bool) -> Result<Io> {
        event::eventfd(initial, semaphore)
    }

    fn timerfd(&mut self, clock: TimerClock) -> Result<Io> {
        event::timerfd(clock)
    }

    fn set_timer(&mut self, timer: &Io, flags: TimerFlags, spec: TimerSpec) -> Result<TimerSpec> {
        event::set_timer(timer, flags, spec)
    }

    fn timer(&mut self, timer: &Io) -> Result<TimerSpec> {
        event::timer(timer)
    }

    fn read(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        stream::read(io, bufs, &self.stop)
    }

    fn write(&mut self, io: &Io, bufs: &[IoSlice<'_>]) -> Result<usize> {
        stream::write(io, bufs, &self.stop)
    }

    fn option(&mut self, io: &Io, option: SockOpt) -> Result<OptValue> {
        match option {
            SockOpt::UdpGro if io.ahead.is_on() => Ok(OptValue::Int(io.ahead.takes_whole().into())),
            _ => option::option(io.fd(), option),
        }
    }

    fn set_option(&mut self, io: &Io, option: SockOpt, value: OptValue) -> Result<()> {
        if option == SockOpt::UdpGro && io.ahead.is_on() {
            io.ahead.take_whole(value != OptValue::Int(0));
            return Ok(());
        }
        option::set_option(io.fd(), option, value)?;
        io.ahead.note_option(option, value != OptValue::Int(0));
        if option == SockOpt::Linger {
            io.note_linger(Ok(value));
        }
        Ok(())
    }

    fn readable_bytes(&mut self, io: &Io) -> Result<usize> {
        if io.ahead.is_on() {
            return self.next_length(io);
        }
        let count = sys::fionread(io.fd()).map_err(errno)?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn unsent_bytes(&mut self, io: &Io) -> Result<usize> {
        let count = sys::unacknowledged(io.fd()).map_err(errno)?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn at_mark(&mut self, io: &Io) -> Result<bool> {
        Ok(sys::at_mark(io.fd()).map_err(errno)? != 0)
    }

    fn stream_kind(&mut self, io: &Io) -> StreamKind {
        match io.kind {
            IoKind::Stream(kind) => kind,
            IoKind::Socket(_) => StreamKind::Socket,
            IoKind::Counter => StreamKind::Counter,
            IoKind::Timer(clock) => StreamKind::Timer(clock),
            IoKind::Lookup | IoKind::Epoll => StreamKind::Unknown,
        }
    }

    fn unix_node(&mut self, path: &str, create: bool) -> Result<(UnixNode, String)> {
        self.unix.node(path, create)
    }

    fn unix_bind(&mut self, io: &Io, node: &UnixNode, name: &str) -> Result<()> {
        let bound = self.unix.bind(io.fd(), node, name)?;
        // Only an unbound socket can be bound, so that nothing was there before.
        let _ = io.bound.set(Box::new(bound));
        Ok(())
    }

    fn unix_connect(&mut self, io: &Io, node: &UnixNode) -> Result<()> {
        let addr = node.reach()?;
        io.set_waits(false)?;
        retry(|| rustix::net::connect(io.fd(), &addr))
    }

    fn unix_send_to(
        &mut self,
        io: &Io,
        bufs: &[IoSlice<'_>],
        node: &UnixNode,
        flags: SendFlags,
    ) -> Result<usize> {
        let addr = node.reach()?;
        let flags = send_flags(flags);
        retry(|| rustix::net::sendmsg_addr(io.fd(), &addr, bufs, &mut SendAncillaryBuffer::default(), flags))
    }

    fn fill(bufs: &mut [IoSliceMut<'_>], data: &[u8]) -> usize {
        sys::buffers::fill(bufs, data)
    }

    fn prefix<'b>(buf: &'b IoSlice<'_>, len: usize) -> IoSlice<'b> {
        sys::buffers::prefix(buf, len)
    }

    fn prefix_mut<'b>(buf: &'b mut IoSliceMut<'_>, len: usize) -> IoSliceMut<'b> {
        sys::buffers::prefix_mut(buf, len)
    }

    fn now(&self, clock: Clock) -> Duration {
        let id = match clock {
            Clock::Realtime => ClockId::Realtime,
            Clock::Monotonic => ClockId::Monotonic,
            Clock::ThreadCpu => ClockId::ThreadCPUTime,
        };
        process::read_clock(id)
    }

    fn now_coarse(&self) -> Duration {
        process::read_clock(ClockId::MonotonicCoarse)
    }

    fn waiting<T>(&mut self, io: &Io, call: impl FnOnce(&mut Self) -> Result<T>) -> Option<Result<T>> {
        if self.stop.kernel_wait().is_none() || io.shared || io.set_waits(true).is_err() {
            return None;
        }
        self.waiting = true;
        let done = call(self);
        self.waiting = false;
        Some(done)
    }

    fn wait(&mut self, io: &Io, want: Ready, timeout: Option<Duration>) -> Result<bool> {
        if io.ahead.has_unseen() && want.contains(Ready::READ) {
            return Ok(true);
        }
        let waited = wait::wait_one(io.fd.as_raw_fd(), want, timeout, &self.stop);
        self.refused_wait |= waited == Err(Errno::EAGAIN);
        waited
    }

    fn option_bytes(&mut self, io: &Io, option: SockOpt, room: &mut [u8]) -> Result<usize> {
        option::option_bytes(io.fd(), option, room)
    }

    fn peer_is_in_process(&mut self, io: &Io) -> Result<Option<bool>> {
        option::peer_is_in_process(io.fd())
    }

    fn interfaces(&mut self) -> Result<Vec<Interface>> {
        interface::interfaces()
    }

    fn take_refused_wait(&mut self) -> bool {
        std::mem::take(&mut self.refused_wait)
    }

    fn poll_begin(&mut self) {
        self.ready_ahead.clear();
        self.waiter.begin();
    }

    fn poll_add(&mut self, token: u32, io: &Io, want: Ready) -> Result<()> {
        if io.ahead.has_unseen() && want.contains(Ready::READ) {
            self.ready_ahead.push(token);
        }
        self.waiter.add(token, io.fd.as_raw_fd(), io.id, want);
        Ok(())
    }

    fn poll_set(&self) -> Option<PollSet> {
        // What the kernel does not report is looked at when a descriptor is added.
        (self.unseen == 0).then(|| PollSet(self.waiter.set()))
    }

    fn poll_replace(&mut self, index: usize, token: u32, io: &Io, want: Ready) -> Result<()> {
        self.waiter.replace(index, token, io.fd.as_raw_fd(), io.id, want);
        Ok(())
    }

    fn poll_truncate(&mut self, count: usize) {
        self.waiter.truncate(count);
    }

    fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        if self.ready_ahead.is_empty() {
            return self.waiter.wait(timeout, &self.stop);
        }
        self.waiter.wait(Some(Duration::ZERO), &self.stop)?;
        for token in &self.ready_ahead {
            self.waiter.add_ready(*token, Ready::READ);
        }
        Ok(())
    }

    fn resume(&mut self) {
        self.stop.resume();
    }

    fn poll_events(&self) -> &[PollEvent] {
        self.waiter.events()
    }

    fn lookup_start(&mut self, question: &Question) -> Result<Io, LookupError> {
        let (fd, pending) = Pending::start(&self.resolver, question)?;
        let mut io = Io::new(fd, IoKind::Lookup);
        io.lookup = Some(Box::new(pending));
        Ok(io)
    }

    fn lookup_take(&mut self, lookup: &Io) -> Option<LookupReply> {
        lookup.lookup.as_ref()?.take()
    }

    fn dns_stub(&mut self, names: &Arc<Names>, client: &Io) -> Result<SocketAddr> {
        let IoKind::Socket(kind) = client.kind else {
            return Err(Errno::ENOTSOCK);
        };
        let local = stub::with_port(client.fd())?;
        let mut slot = self.stub.lock().unwrap_or_else(PoisonError::into_inner);
        let stub = match &mut *slot {
            Some(stub) => stub,
            none => none.insert(Stub::start(Arc::clone(names), Arc::clone(&self.resolver))?),
        };
        stub.admit(&client.stub_client, kind, local);
        Ok(stub.addr)
    }

    fn services(&mut self) -> Arc<Services> {
        self.tables.services()
    }

    fn protocols(&mut self) -> Arc<Protocols> {
        self.tables.protocols()
    }
}
