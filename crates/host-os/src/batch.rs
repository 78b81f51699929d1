//! Datagrams of IP, many in one system call.

use guestnet_core::{
    Errno, Identity, IncomingDatagram, Message, OutgoingDatagram, RecvFlags, Result, SendFlags, SockAddr,
};
use rustix::net::SocketAddrAny;

use crate::convert::{received, recv_flags, send_flags};
use crate::sys::batch::{MOST, Outgoing};
use crate::sys::message::Arrival;
use crate::{Io, OsHost, message, retry, sys};

impl OsHost {
    /// sendmmsg(2).
    pub(crate) fn send_datagrams(
        io: &Io,
        datagrams: &[OutgoingDatagram<'_, Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        io.ahead.restart();
        let mut batch = Vec::with_capacity(datagrams.len().min(MOST));
        for datagram in datagrams.iter().take(MOST) {
            batch.push(Outgoing {
                bufs: datagram.bufs,
                to: datagram.to.map(SocketAddrAny::from),
                control: match message::encode(&datagram.control) {
                    Err(errno) if batch.is_empty() => return Err(errno),
                    // Those before it are sent.
                    Err(_) => break,
                    Ok(control) => control,
                },
            });
        }
        let flags = send_flags(flags).bits().cast_signed();
        retry(|| sys::batch::sendmmsg(io.fd(), &mut batch, flags))
    }

    /// recvmmsg(2).
    pub(crate) fn recv_datagrams(
        &mut self,
        io: &Io,
        datagrams: &mut [IncomingDatagram<'_, '_>],
        flags: RecvFlags,
    ) -> Result<usize> {
        if io.ahead.is_on() {
            return self.recv_batch_ahead(io, datagrams, flags);
        }
        let with = recv_flags(flags, true).bits().cast_signed();
        let mut came = Vec::with_capacity(datagrams.len().min(MOST));
        let count = retry(|| {
            let rooms = datagrams
                .iter_mut()
                .map(|datagram| (&mut *datagram.bufs, datagram.wants_control));
            sys::batch::recvmmsg(io.fd(), rooms, with, |arrival| came.push(arrival))
        })?;
        for (datagram, arrival) in datagrams.iter_mut().zip(came) {
            self.received_one(io);
            let room = datagram.bufs.iter().map(|buf| buf.len()).sum();
            datagram.message = Some(self.message(io, room, arrival, flags));
        }
        if count == 0 { Err(Errno::EAGAIN) } else { Ok(count) }
    }

    /// What recvmsg(2) and recvmmsg(2) brought into so many bytes of room.
    pub(crate) fn message(
        &self,
        io: &Io,
        room: usize,
        arrival: Arrival,
        flags: RecvFlags,
    ) -> Message<Identity> {
        let mut received = received(arrival.len.min(room), arrival.len, flags);
        received.truncated |= arrival.flags & libc::MSG_TRUNC != 0;
        let unnamed = if io.keeps_boundaries() {
            SockAddr::UnixUnnamed
        } else {
            SockAddr::Unspec
        };
        Message {
            received,
            from: arrival.from.map_or(unnamed, |from| self.sockaddr(from)),
            control: arrival.items.into_iter().filter_map(message::decode).collect(),
            control_truncated: arrival.flags & libc::MSG_CTRUNC != 0,
            urgent: arrival.flags & libc::MSG_OOB != 0,
        }
    }
}
