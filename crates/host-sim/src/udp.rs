//! UDP: whole datagrams, which may be lost or overtake each other, and ports that nothing is bound to.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use guestnet_core::{Errno, RecvFlags, RecvMeta, Result, Shutdown};

use crate::address::{self, reaches};
use crate::socket::{Datagram, Id, Protocol, Socket, Udp};
use crate::state::{Event, State};
use crate::tcp::scatter;

/// The longest datagram over IPv4.
const LONGEST: usize = 65_507;

impl State {
    fn udp_mut(&mut self, id: Id) -> Result<&mut Udp> {
        self.socket_mut(id)?.udp().ok_or(Errno::EOPNOTSUPP)
    }

    pub(crate) fn connect_udp(&mut self, id: Id, to: SocketAddr) -> Result<()> {
        self.bind_for(id, Some(to))?;
        self.udp_mut(id)?.peer = Some(to);
        Ok(())
    }

    /// sendmsg(2); without `to` to the peer of a connected socket.
    pub(crate) fn send_udp(&mut self, id: Id, bufs: &[IoSlice<'_>], to: Option<SocketAddr>) -> Result<usize> {
        let socket = self.socket_mut(id)?;
        let (domain, only6) = (socket.domain, socket.only6());
        let error = socket.error.take();
        let udp = socket.udp().ok_or(Errno::EOPNOTSUPP)?;
        let (peer, shut) = (udp.peer, udp.write_shut);
        let to = match to {
            Some(addr) => address::destination(domain, only6, addr)?,
            None => peer.ok_or(Errno::EDESTADDRREQ)?,
        };
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if let Some(errno) = error {
            return Err(errno);
        }
        if shut {
            return Err(Errno::EPIPE);
        }
        if len > LONGEST {
            return Err(Errno::EMSGSIZE);
        }
        self.bind_for(id, None)?;
        let mut from = self.socket(id)?.local;
        if from.ip().is_unspecified() {
            from.set_ip(address::source(to));
        }
        if self.dice.happens(self.faults.loss) {
            return Ok(len);
        }
        let data = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let at = self.arrival();
        self.post(
            at,
            Event::Datagram {
                sender: id,
                from,
                to,
                data,
            },
        );
        Ok(len)
    }

    pub(crate) fn datagram_arrives(&mut self, sender: Id, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        // The most particular one: connected, bound to the address, bound to the wildcard.
        let rank = |socket: &Socket| match &socket.protocol {
            Protocol::Udp(udp) if reaches(socket.local, socket.only6(), to) => match udp.peer {
                Some(peer) if peer == from => Some(2),
                Some(_) => None,
                None => Some(u8::from(socket.local.ip() == to.ip())),
            },
            _ => None,
        };
        let receiver = self
            .sockets
            .iter()
            .filter_map(|(&id, socket)| rank(socket).map(|rank| (rank, id)))
            .max();
        let Some((_, receiver)) = receiver else {
            // Linux passes the ICMP error on to a connected sender.
            if let Ok(socket) = self.socket_mut(sender)
                && socket.udp().is_some_and(|udp| udp.peer == Some(to))
            {
                socket.error = Some(Errno::ECONNREFUSED);
            }
            return;
        };
        let Ok(socket) = self.socket_mut(receiver) else {
            return;
        };
        let room = socket.options.receive_buffer();
        if let Some(udp) = socket.udp() {
            let queued: usize = udp.received.iter().map(|datagram| datagram.data.len()).sum();
            if queued == 0 || queued + data.len() <= room {
                udp.received.push_back(Datagram { from, data });
            }
        }
    }

    /// recvmsg(2), with the sender's address.
    pub(crate) fn recv_udp(
        &mut self,
        id: Id,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SocketAddr)> {
        if flags.contains(RecvFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let socket = self.socket_mut(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        let domain = socket.domain;
        let udp = socket.udp().ok_or(Errno::EOPNOTSUPP)?;
        let datagram = udp.received.front().ok_or(Errno::EAGAIN)?;
        let (real, from) = (datagram.data.len(), datagram.from);
        let stored = scatter(bufs, &[&datagram.data]);
        if !flags.contains(RecvFlags::PEEK) {
            udp.received.pop_front();
        }
        let len = if flags.contains(RecvFlags::TRUNC) {
            real
        } else {
            stored
        };
        let received = RecvMeta {
            len,
            truncated: real > stored,
        };
        Ok((received, address::shown(domain, from)))
    }

    /// shutdown(2).
    pub(crate) fn shutdown_udp(&mut self, id: Id, how: Shutdown) -> Result<()> {
        let udp = self.udp_mut(id)?;
        udp.read_shut |= how != Shutdown::Write;
        udp.write_shut |= how != Shutdown::Read && udp.peer.is_some();
        udp.peer.map(drop).ok_or(Errno::ENOTCONN)
    }
}
