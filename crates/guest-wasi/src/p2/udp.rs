//! `wasi:sockets/udp` and `udp-create-socket`.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use guestnet_core::{Domain, Errno, Host, Kind, RecvFlags, SendFlags, SockAddr, SockOpt};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sync::sockets::udp::{
    Host as UdpHost, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use wasmtime_wasi::p2::bindings::sync::sockets::udp_create_socket;
use wasmtime_wasi::p2::{DynPollable, SocketError, UdpSocket as WasiUdpSocket};

use super::ctx::State;
use super::error::has_children;
use super::lend::PIECE;
use super::network::{
    SocketResult, check_local, check_remote, domain, family, ip_socket_address, socket_addr, socket_error,
};
use super::object::{Bind, Handle, Object, Paced, Role, UdpSocket};

type Socket = Resource<WasiUdpSocket>;
type Incoming = Resource<IncomingDatagramStream>;
type Outgoing = Resource<OutgoingDatagramStream>;

/// The most datagrams of one call.
const MAX_DATAGRAMS: usize = 16;

impl<H: Host> udp_create_socket::Host for State<H> {
    fn create_udp_socket(&mut self, address_family: IpAddressFamily) -> SocketResult<Socket> {
        let domain = domain(address_family);
        let fd = self.new_socket(domain, Kind::Datagram)?;
        let socket = UdpSocket {
            fd,
            domain,
            bind: Bind::Unbound,
            peer: None,
            permit: 0,
            paced: Paced::default(),
            sending: Paced::default(),
        };
        self.place(fd, Object::Udp(socket))
            .map(|slot| Handle::new(Role::Itself, slot).own())
    }
}

impl<H: Host> UdpHost for State<H> {}

impl<H: Host> State<H> {
    /// The socket behind a resource of its own or of a stream.
    fn udp_socket<T: 'static>(&mut self, resource: &Resource<T>) -> SocketResult<&mut UdpSocket> {
        let handle = Handle::of(resource).map_err(SocketError::trap)?;
        self.udp(handle).map_err(SocketError::trap)
    }

    /// Receives one datagram, from the peer if there is one; what came from others before the connect is dropped.
    fn receive_one(&mut self, fd: u32, peer: Option<SocketAddr>) -> Result<IncomingDatagram, Errno> {
        let mut lent = self.lend(u64::MAX);
        loop {
            let mut bufs = [IoSliceMut::new(lent.room())];
            let (received, from) = self.ctx.guest.recv_from(fd, &mut bufs, RecvFlags::DONTWAIT)?;
            let Some(from) = from.inet() else {
                // The receiving side is shut: there is nothing more.
                return Err(Errno::EAGAIN);
            };
            if peer.is_none_or(|peer| is_same(peer, from)) {
                return Ok(IncomingDatagram {
                    data: lent.room().get(..received.len).unwrap_or_default().to_vec(),
                    remote_address: ip_socket_address(from),
                });
            }
        }
    }

    fn send_one(
        &mut self,
        fd: u32,
        domain: Domain,
        peer: Option<SocketAddr>,
        datagram: &OutgoingDatagram,
    ) -> SocketResult<()> {
        let bufs = &mut [IoSlice::new(&datagram.data)];
        let sent = match (peer, datagram.remote_address.map(socket_addr)) {
            (None, None) => return Err(ErrorCode::InvalidArgument.into()),
            (Some(peer), Some(to)) if peer != to => return Err(ErrorCode::InvalidArgument.into()),
            (Some(_), _) => self.ctx.guest.send(fd, bufs, SendFlags::DONTWAIT),
            (None, Some(to)) => {
                check_remote(domain, to)?;
                self.ctx.guest.send_to(fd, bufs, &to.into(), SendFlags::DONTWAIT)
            }
        };
        sent.map(drop).map_err(socket_error)
    }

    fn drop_datagram_stream(&mut self, handle: Handle) -> wasmtime::Result<()> {
        let slot = self.slot(handle.slot)?;
        if !slot.is_childless(handle.role) {
            return Err(has_children());
        }
        slot.stream_dropped(handle.role);
        Ok(())
    }
}

/// The kernel gives the scope of an address of the link that the guest may not have named.
fn is_same(peer: SocketAddr, from: SocketAddr) -> bool {
    peer.ip() == from.ip() && peer.port() == from.port()
}

impl<H: Host> HostUdpSocket for State<H> {
    fn start_bind(
        &mut self,
        this: Socket,
        _network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        let local = socket_addr(local_address);
        let socket = self.udp_socket(&this)?;
        match socket.bind {
            Bind::Unbound => {}
            Bind::Binding => return Err(ErrorCode::ConcurrencyConflict.into()),
            Bind::Bound => return Err(ErrorCode::InvalidState.into()),
        }
        check_local(socket.domain, local)?;
        let fd = socket.fd;
        self.ctx.guest.bind(fd, &local.into()).map_err(socket_error)?;
        self.udp_socket(&this)?.bind = Bind::Binding;
        Ok(())
    }

    fn finish_bind(&mut self, this: Socket) -> SocketResult<()> {
        let socket = self.udp_socket(&this)?;
        if socket.bind != Bind::Binding {
            return Err(ErrorCode::NotInProgress.into());
        }
        socket.bind = Bind::Bound;
        Ok(())
    }

    fn stream(
        &mut self,
        this: Socket,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<(Incoming, Outgoing)> {
        let handle = Handle::of(&this).map_err(SocketError::trap)?;
        if self.slot(handle.slot).map_err(SocketError::trap)?.has_streams() {
            return Err(SocketError::trap(wasmtime::format_err!(
                "UDP streams not dropped yet"
            )));
        }
        let socket = self.udp_socket(&this)?;
        if socket.bind != Bind::Bound {
            return Err(ErrorCode::InvalidState.into());
        }
        let (fd, was_connected) = (socket.fd, socket.peer.is_some());
        let peer = remote_address.map(socket_addr);
        if let Some(peer) = peer {
            check_remote(socket.domain, peer)?;
        }
        let to = match peer {
            Some(peer) => Some(SockAddr::Inet(peer)),
            None if was_connected => Some(SockAddr::Unspec),
            None => None,
        };
        if let Some(to) = to {
            self.ctx.guest.connect(fd, &to).map_err(socket_error)?;
        }
        let socket = self.udp_socket(&this)?;
        socket.peer = peer;
        socket.permit = 0;
        self.slot(handle.slot).map_err(SocketError::trap)?.give_streams();
        Ok((
            Handle::new(Role::Input, handle.slot).own(),
            Handle::new(Role::Output, handle.slot).own(),
        ))
    }

    fn local_address(&mut self, this: Socket) -> SocketResult<IpSocketAddress> {
        let socket = self.udp_socket(&this)?;
        if socket.bind == Bind::Unbound {
            return Err(ErrorCode::InvalidState.into());
        }
        let fd = socket.fd;
        let local = self.ctx.guest.local_addr(fd).map_err(socket_error)?;
        local
            .inet()
            .map(ip_socket_address)
            .ok_or_else(|| ErrorCode::InvalidState.into())
    }

    fn remote_address(&mut self, this: Socket) -> SocketResult<IpSocketAddress> {
        let socket = self.udp_socket(&this)?;
        socket
            .peer
            .map(ip_socket_address)
            .ok_or_else(|| ErrorCode::InvalidState.into())
    }

    fn address_family(&mut self, this: Socket) -> wasmtime::Result<IpAddressFamily> {
        Ok(family(self.udp(Handle::of(&this)?)?.domain))
    }

    fn unicast_hop_limit(&mut self, this: Socket) -> SocketResult<u8> {
        let socket = self.udp_socket(&this)?;
        let (fd, domain) = (socket.fd, socket.domain);
        self.hops(fd, domain)
    }

    fn set_unicast_hop_limit(&mut self, this: Socket, value: u8) -> SocketResult<()> {
        let socket = self.udp_socket(&this)?;
        let (fd, domain) = (socket.fd, socket.domain);
        self.set_hops(fd, domain, value)
    }

    fn receive_buffer_size(&mut self, this: Socket) -> SocketResult<u64> {
        let fd = self.udp_socket(&this)?.fd;
        self.buffer_size(fd, SockOpt::RcvBuf)
    }

    fn set_receive_buffer_size(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        let fd = self.udp_socket(&this)?.fd;
        self.set_buffer_size(fd, SockOpt::RcvBuf, value)
    }

    fn send_buffer_size(&mut self, this: Socket) -> SocketResult<u64> {
        let fd = self.udp_socket(&this)?.fd;
        self.buffer_size(fd, SockOpt::SndBuf)
    }

    fn set_send_buffer_size(&mut self, this: Socket, value: u64) -> SocketResult<()> {
        let fd = self.udp_socket(&this)?.fd;
        self.set_buffer_size(fd, SockOpt::SndBuf, value)
    }

    fn subscribe(&mut self, this: Socket) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&this)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn drop(&mut self, this: Socket) -> wasmtime::Result<()> {
        if let Object::Udp(socket) = self.remove(Handle::of(&this)?)? {
            self.close(socket.fd);
        }
        Ok(())
    }
}

impl<H: Host> HostIncomingDatagramStream for State<H> {
    fn receive(&mut self, this: Incoming, max_results: u64) -> SocketResult<Vec<IncomingDatagram>> {
        let socket = self.udp_socket(&this)?;
        let (fd, peer) = (socket.fd, socket.peer);
        let most = usize::try_from(max_results)
            .unwrap_or(usize::MAX)
            .min(MAX_DATAGRAMS);
        let (mut datagrams, mut bytes) = (Vec::new(), 0);
        while datagrams.len() < most && bytes < PIECE {
            match self.receive_one(fd, peer) {
                Ok(datagram) => {
                    bytes += datagram.data.len();
                    datagrams.push(datagram);
                }
                Err(Errno::EINTR) => return Err(socket_error(Errno::EINTR)),
                Err(Errno::EAGAIN) => break,
                Err(_) if !datagrams.is_empty() => break,
                Err(errno) => return Err(socket_error(errno)),
            }
        }
        let paced = &mut self.udp_socket(&this)?.paced;
        if datagrams.is_empty() && most > 0 {
            paced.would_block();
        } else {
            paced.moved();
        }
        Ok(datagrams)
    }

    fn subscribe(&mut self, this: Incoming) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&this)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn drop(&mut self, this: Incoming) -> wasmtime::Result<()> {
        self.drop_datagram_stream(Handle::of(&this)?)
    }
}

impl<H: Host> HostOutgoingDatagramStream for State<H> {
    fn check_send(&mut self, this: Outgoing) -> SocketResult<u64> {
        let handle = Handle::of(&this).map_err(SocketError::trap)?;
        let refused = self.udp_socket(&this)?.sending.refuse_once();
        let is_ready = !refused && self.is_ready(handle).map_err(SocketError::trap)?;
        let permit = if is_ready { MAX_DATAGRAMS } else { 0 };
        self.udp_socket(&this)?.permit = permit;
        Ok(u64::try_from(permit).unwrap_or(0))
    }

    fn send(&mut self, this: Outgoing, datagrams: Vec<OutgoingDatagram>) -> SocketResult<u64> {
        let socket = self.udp_socket(&this)?;
        if datagrams.is_empty() {
            return Ok(0);
        }
        if datagrams.len() > socket.permit {
            return Err(SocketError::trap(wasmtime::format_err!(
                "unpermitted: argument exceeds permitted size"
            )));
        }
        // Each call needs a permit of its own.
        socket.permit = 0;
        let (fd, domain, peer) = (socket.fd, socket.domain, socket.peer);
        let mut sent = 0;
        for datagram in &datagrams {
            match self.send_one(fd, domain, peer, datagram) {
                Ok(()) => sent += 1,
                Err(_) if sent > 0 => break,
                Err(error) if is_would_block(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let sending = &mut self.udp_socket(&this)?.sending;
        if sent > 0 {
            sending.moved();
        } else {
            sending.would_block();
        }
        Ok(sent)
    }

    fn subscribe(&mut self, this: Outgoing) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&this)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn drop(&mut self, this: Outgoing) -> wasmtime::Result<()> {
        self.drop_datagram_stream(Handle::of(&this)?)
    }
}

fn is_would_block(error: &SocketError) -> bool {
    matches!(error.downcast_ref(), Some(ErrorCode::WouldBlock))
}
