//! `wasi:sockets/tcp` and `tcp-create-socket`.
//!
//! The core's descriptor stays in blocking mode; each function makes one call of the core that does not wait. What WASI forbids
//! and Linux has is decided by the socket's [`Phase`]; everything else is the core's answer.

use std::net::Ipv4Addr;

use guestnet_core::{Domain, Errno, Host, Kind, OptValue, Shutdown, SockOpt};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::p2::bindings::sync::sockets::tcp::{Host as TcpHost, HostTcpSocket, ShutdownType};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, SocketError, TcpSocket as WasiTcpSocket,
};

use super::ctx::State;
use super::network::{
    SocketResult, check_local, check_remote, domain, family, ip_socket_address, socket_addr, socket_error,
};
use super::object::{BACKLOG, Handle, Object, Phase, Role, TcpSocket};

type Socket = Resource<WasiTcpSocket>;

/// Linux's bounds of keep-alive options (tcp(7)), seconds and probes.
const MAX_KEEP_SECONDS: u64 = 32_767;
const MAX_KEEP_COUNT: u32 = 127;

const NANOSECONDS: u64 = 1_000_000_000;

impl<H: Host> tcp_create_socket::Host for State<H> {
    fn create_tcp_socket(&mut self, address_family: IpAddressFamily) -> SocketResult<Socket> {
        let domain = domain(address_family);
        let fd = self.new_socket(domain, Kind::Stream)?;
        let socket = TcpSocket::new(fd, domain, Phase::Unbound);
        self.place(fd, Object::Tcp(socket))
            .map(|slot| Handle::new(Role::Itself, slot).own())
    }
}

impl<H: Host> TcpHost for State<H> {}

impl<H: Host> State<H> {
    /// socket(2). An IPv6 socket of WASI is for IPv6 only.
    pub(crate) fn new_socket(&mut self, domain: Domain, kind: Kind) -> SocketResult<u32> {
        let fd = self.ctx.guest.socket(domain, kind).map_err(socket_error)?;
        if domain == Domain::Inet6 {
            let only = self.ctx.guest.set_option(fd, SockOpt::Ipv6Only, OptValue::Int(1));
            if let Err(errno) = only {
                self.close(fd);
                return Err(socket_error(errno));
            }
        }
        Ok(fd)
    }

    /// Gives a new socket its place, or closes it.
    pub(crate) fn place(&mut self, fd: u32, object: Object<H::Io>) -> SocketResult<u32> {
        self.insert(object).map_err(|(errno, _)| {
            self.close(fd);
            socket_error(errno)
        })
    }

    /// The socket behind a resource.
    fn socket(&mut self, socket: &Socket) -> SocketResult<&mut TcpSocket> {
        let handle = Handle::of(socket).map_err(SocketError::trap)?;
        self.tcp(handle).map_err(SocketError::trap)
    }

    /// An option that is an `int`.
    pub(crate) fn int_option(&mut self, fd: u32, option: SockOpt) -> SocketResult<i32> {
        match self.ctx.guest.option(fd, option).map_err(socket_error)? {
            OptValue::Int(value) => Ok(value),
            _ => Err(ErrorCode::Unknown.into()),
        }
    }

    pub(crate) fn set_int_option(&mut self, fd: u32, option: SockOpt, value: i32) -> SocketResult<()> {
        self.ctx
            .guest
            .set_option(fd, option, OptValue::Int(value))
            .map_err(socket_error)
    }

    /// `SO_RCVBUF` or `SO_SNDBUF`, as the guest has set it: Linux has room for twice as much.
    pub(crate) fn buffer_size(&mut self, fd: u32, option: SockOpt) -> SocketResult<u64> {
        let size = self.int_option(fd, option)?;
        Ok(u64::try_from(size / 2).unwrap_or(0))
    }

    /// Sets it. What is larger than Linux allows becomes what it allows.
    pub(crate) fn set_buffer_size(&mut self, fd: u32, option: SockOpt, size: u64) -> SocketResult<()> {
        if size == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        self.set_int_option(fd, option, i32::try_from(size).unwrap_or(i32::MAX))
    }

    pub(crate) fn hops(&mut self, fd: u32, domain: Domain) -> SocketResult<u8> {
        let hops = self.int_option(fd, hops_option(domain))?;
        u8::try_from(hops).map_err(|_| ErrorCode::Unknown.into())
    }

    pub(crate) fn set_hops(&mut self, fd: u32, domain: Domain, hops: u8) -> SocketResult<()> {
        if hops == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        self.set_int_option(fd, hops_option(domain), i32::from(hops))
    }

    /// A keep-alive time in nanoseconds.
    fn keep_time(&mut self, socket: &Socket, option: SockOpt) -> SocketResult<u64> {
        let fd = self.socket(socket)?.fd;
        let seconds = u64::try_from(self.int_option(fd, option)?).unwrap_or(0);
        Ok(seconds.saturating_mul(NANOSECONDS))
    }

    /// Sets it: rounded up to whole seconds, and at most what Linux takes.
    fn set_keep_time(&mut self, socket: &Socket, option: SockOpt, nanoseconds: u64) -> SocketResult<()> {
        if nanoseconds == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let fd = self.socket(socket)?.fd;
        let seconds = nanoseconds.div_ceil(NANOSECONDS).min(MAX_KEEP_SECONDS);
        self.set_int_option(fd, option, i32::try_from(seconds).unwrap_or(i32::MAX))
    }

    /// Connects, or asks what became of it: the core judges, counts and traces both as one.
    fn connect(&mut self, handle: Handle, to: std::net::SocketAddr) -> SocketResult<Result<(), Errno>> {
        let fd = self.tcp(handle).map_err(SocketError::trap)?.fd;
        let outcome = self.ctx.guest.try_connect(fd, &to.into());
        match outcome {
            // WASI's word for an ephemeral port that could not be had.
            Err(Errno::EADDRNOTAVAIL) => Ok(Err(Errno::EADDRINUSE)),
            Err(Errno::EINTR) => Err(socket_error(Errno::EINTR)),
            outcome => Ok(outcome),
        }
    }

    /// Gives the guest the streams of a connection.
    fn streams(&mut self, slot: u32) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        self.slot(slot).map_err(SocketError::trap)?.give_streams();
        Ok((
            Handle::new(Role::Input, slot).own(),
            Handle::new(Role::Output, slot).own(),
        ))
    }
}

/// What shutdown(2) has come to. Of a connection that its peer has reset, both directions have ended already: `invalid-state` would be
/// the end of the program, see [`HostTcpSocket::remote_address`].
fn ended(result: Result<(), Errno>) -> SocketResult<()> {
    match result {
        Ok(()) | Err(Errno::ENOTCONN) => Ok(()),
        Err(errno) => Err(socket_error(errno)),
    }
}

fn hops_option(domain: Domain) -> SockOpt {
    match domain {
        Domain::Inet | Domain::Unix => SockOpt::IpTtl,
        Domain::Inet6 => SockOpt::Ipv6UnicastHops,
    }
}

impl<H: Host> HostTcpSocket for State<H> {
    fn start_bind(
        &mut self,
        this: Socket,
        _network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        let local = socket_addr(local_address);
        let socket = self.socket(&this)?;
        match socket.phase {
            Phase::Unbound => {}
            Phase::Binding | Phase::Connecting(_) | Phase::Starting => {
                return Err(ErrorCode::ConcurrencyConflict.into());
            }
            _ => return Err(ErrorCode::InvalidState.into()),
        }
        check_local(socket.domain, local)?;
        let fd = socket.fd;
        // As WASI wants it: a server that starts again gets its port.
        self.set_int_option(fd, SockOpt::ReuseAddr, 1)?;
        self.ctx.guest.bind(fd, &local.into()).map_err(socket_error)?;
        self.socket(&this)?.phase = Phase::Binding;
        Ok(())
    }

    fn finish_bind(&mut self, this: Socket) -> SocketResult<()> {
        let socket = self.socket(&this)?;
        if socket.phase != Phase::Binding {
            return Err(ErrorCode::NotInProgress.into());
        }
        socket.phase = Phase::Bound;
        Ok(())
    }

    fn start_connect(
        &mut self,
        this: Socket,
        _network: Resource<Network>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        let to = socket_addr(remote_address);
        let socket = self.socket(&this)?;
        let before = socket.phase;
        match before {
            Phase::Unbound | Phase::Bound => {}
            Phase::Binding | Phase::Connecting(_) | Phase::Starting => {
                return Err(ErrorCode::ConcurrencyConflict.into());
            }
            _ => return Err(ErrorCode::InvalidState.into()),
        }
        check_remote(socket.domain, to)?;
        if to.ip().is_multicast() || to.ip() == Ipv4Addr::BROADCAST {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let handle = Handle::of(&this).map_err(SocketError::trap)?;
        match self.connect(handle, to)? {
            // finish-connect reports a connection that is there already, too.
            Ok(()) => self.socket(&this)?.phase = Phase::Connecting(to),
            Err(Errno::EINPROGRESS | Errno::EALREADY | Errno::EAGAIN) => {
                self.socket(&this)?.phase = Phase::Connecting(to);
            }
            // It was judged and not begun: the guest may try another address.
            Err(errno @ Errno::EACCES) => return Err(socket_error(errno)),
            Err(errno) => {
                self.socket(&this)?.phase = Phase::Closed;
                return Err(socket_error(errno));
            }
        }
        Ok(())
    }

    fn finish_connect(
        &mut self,
        this: Socket,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let handle = Handle::of(&this).map_err(SocketError::trap)?;
        let Phase::Connecting(to) = self.socket(&this)?.phase else {
            return Err(ErrorCode::NotInProgress.into());
        };
        let outcome = self.connect(handle, to)?;
        let socket = self.socket(&this)?;
        match outcome {
            // EISCONN: the first call had connected it.
            Ok(()) | Err(Errno::EISCONN) => {
                socket.phase = Phase::Connected(Some(to));
                socket.paced.moved();
                self.streams(handle.slot)
            }
            Err(Errno::EINPROGRESS | Errno::EALREADY | Errno::EAGAIN) => {
                socket.paced.would_block();
                Err(ErrorCode::WouldBlock.into())
            }
            Err(errno) => {
                socket.phase = Phase::Closed;
                Err(socket_error(errno))
            }
        }
    }

    fn start_listen(&mut self, this: Socket) -> SocketResult<()> {
        let socket = self.socket(&this)?;
        match socket.phase {
            Phase::Bound => {}
            Phase::Binding | Phase::Connecting(_) | Phase::Starting => {
                return Err(ErrorCode::ConcurrencyConflict.into());
            }
            _ => return Err(ErrorCode::InvalidState.into()),
        }
        let (fd, backlog) = (socket.fd, socket.backlog);
        self.ctx.guest.listen(fd, backlog).map_err(socket_error)?;
        self.socket(&this)?.phase = Phase::Starting;
        Ok(())
    }

    fn finish_listen(&mut self, this: Socket) -> SocketResult<()> {
        let socket = self.socket(&this)?;
        if socket.phase != Phase::Starting {
            return Err(ErrorCode::NotInProgress.into());
        }
        socket.phase = Phase::Listening;
        Ok(())
    }

    fn accept(
        &mut self,
        this: Socket,
    ) -> SocketResult<(Socket, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let socket = self.socket(&this)?;
        if socket.phase != Phase::Listening {
            return Err(ErrorCode::InvalidState.into());
        }
        let (fd, domain) = (socket.fd, socket.domain);
        match self.ctx.guest.try_accept(fd, false) {
            Ok((fd, peer)) => {
                self.socket(&this)?.paced.moved();
                let accepted = TcpSocket::new(fd, domain, Phase::Connected(peer.inet()));
                let slot = self.place(fd, Object::Tcp(accepted))?;
                let (input, output) = self.streams(slot)?;
                Ok((Handle::new(Role::Itself, slot).own(), input, output))
            }
            Err(errno) => {
                if errno == Errno::EAGAIN {
                    self.socket(&this)?.paced.would_block();
                }
                Err(socket_error(errno))
            }
        }
    }

    fn local_address(&mut self, this: Socket) -> SocketResult<IpSocketAddress> {
        let socket = self.socket(&this)?;
        if matches!(socket.phase, Phase::Unbound | Phase::Closed) {
            return Err(ErrorCode::InvalidState.into());
        }
        let fd = socket.fd;
        let local = self.ctx.guest.local_addr(fd).map_err(socket_error)?;
        local
            .inet()
            .map(ip_socket_address)
            .ok_or_else(|| ErrorCode::InvalidState.into())
    }

    /// The C library of guests ends the program where the state of a connection is not what it was: a peer that resets must not have
    /// that in its hand.
    fn remote_address(&mut self, this: Socket) -> SocketResult<IpSocketAddress> {
        let socket = self.socket(&this)?;
        let (fd, phase) = (socket.fd, socket.phase);
        let remote = match (self.ctx.guest.peer_addr(fd), phase) {
            (Err(Errno::ENOTCONN | Errno::EINVAL), Phase::Connected(Some(peer))) => Some(peer),
            (remote, _) => remote.map_err(socket_error)?.inet(),
        };
        remote
            .map(ip_socket_address)
            .ok_or_else(|| ErrorCode::InvalidState.into())
    }

    fn is_listening(&mut self, this: Socket) -> wasmtime::Result<bool> {
        Ok(self.tcp(Handle::of(&this)?)?.phase == Phase::Listening)
    }

    fn address_family(&mut self, this: Socket) -> wasmtime::Result<IpAddressFamily> {
        Ok(family(self.tcp(Handle::of(&this)?)?.domain))
    }

    fn set_listen_backlog_size(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let socket = self.socket(&this)?;
        if matches!(
            socket.phase,
            Phase::Connecting(_) | Phase::Connected(_) | Phase::Closed
        ) {
            return Err(ErrorCode::InvalidState.into());
        }
        socket.backlog = i32::try_from(value).unwrap_or(i32::MAX).min(BACKLOG);
        let (fd, backlog) = (socket.fd, socket.backlog);
        if socket.phase == Phase::Listening {
            // Linux takes another length on a listener.
            self.ctx.guest.listen(fd, backlog).map_err(socket_error)?;
        }
        Ok(())
    }

    fn keep_alive_enabled(&mut self, this: Socket) -> SocketResult<bool> {
        let fd = self.socket(&this)?.fd;
        Ok(self.int_option(fd, SockOpt::KeepAlive)? != 0)
    }

    fn set_keep_alive_enabled(&mut self, this: Socket, value: bool) -> SocketResult<()> {
        let fd = self.socket(&this)?.fd;
        self.set_int_option(fd, SockOpt::KeepAlive, i32::from(value))
    }

    fn keep_alive_idle_time(&mut self, this: Socket) -> SocketResult<u64> {
        self.keep_time(&this, SockOpt::TcpKeepIdle)
    }

    fn set_keep_alive_idle_time(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        self.set_keep_time(&this, SockOpt::TcpKeepIdle, value)
    }

    fn keep_alive_interval(&mut self, this: Socket) -> SocketResult<u64> {
        self.keep_time(&this, SockOpt::TcpKeepIntvl)
    }

    fn set_keep_alive_interval(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        self.set_keep_time(&this, SockOpt::TcpKeepIntvl, value)
    }

    fn keep_alive_count(&mut self, this: Socket) -> SocketResult<u32> {
        let fd = self.socket(&this)?.fd;
        let count = self.int_option(fd, SockOpt::TcpKeepCnt)?;
        Ok(u32::try_from(count).unwrap_or(0))
    }

    fn set_keep_alive_count(&mut self, this: Socket, value: u32) -> SocketResult<()> {
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let fd = self.socket(&this)?.fd;
        let count = value.min(MAX_KEEP_COUNT);
        self.set_int_option(fd, SockOpt::TcpKeepCnt, i32::try_from(count).unwrap_or(i32::MAX))
    }

    fn hop_limit(&mut self, this: Socket) -> SocketResult<u8> {
        let socket = self.socket(&this)?;
        let (fd, domain) = (socket.fd, socket.domain);
        self.hops(fd, domain)
    }

    fn set_hop_limit(&mut self, this: Socket, value: u8) -> SocketResult<()> {
        let socket = self.socket(&this)?;
        let (fd, domain) = (socket.fd, socket.domain);
        self.set_hops(fd, domain, value)
    }

    fn receive_buffer_size(&mut self, this: Socket) -> SocketResult<u64> {
        let fd = self.socket(&this)?.fd;
        self.buffer_size(fd, SockOpt::RcvBuf)
    }

    fn set_receive_buffer_size(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        let fd = self.socket(&this)?.fd;
        self.set_buffer_size(fd, SockOpt::RcvBuf, value)
    }

    fn send_buffer_size(&mut self, this: Socket) -> SocketResult<u64> {
        let fd = self.socket(&this)?.fd;
        self.buffer_size(fd, SockOpt::SndBuf)
    }

    fn set_send_buffer_size(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        let fd = self.socket(&this)?.fd;
        self.set_buffer_size(fd, SockOpt::SndBuf, value)
    }

    fn subscribe(&mut self, this: Socket) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&this)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn shutdown(&mut self, this: Socket, shutdown_type: ShutdownType) -> SocketResult<()> {
        let handle = Handle::of(&this).map_err(SocketError::trap)?;
        let socket = self.socket(&this)?;
        if !matches!(socket.phase, Phase::Connected(_)) {
            return Err(ErrorCode::InvalidState.into());
        }
        let fd = socket.fd;
        if matches!(shutdown_type, ShutdownType::Receive | ShutdownType::Both) {
            socket.input_closed = true;
            ended(self.ctx.guest.shutdown(fd, Shutdown::Read))?;
        }
        if matches!(shutdown_type, ShutdownType::Send | ShutdownType::Both) {
            ended(self.end_output(handle).map_err(SocketError::trap)?)?;
        }
        Ok(())
    }

    fn drop(&mut self, this: Socket) -> wasmtime::Result<()> {
        self.drop_tcp(Handle::of(&this)?)
    }
}
