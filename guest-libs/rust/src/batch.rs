//! Many datagrams: sendmmsg(2) and recvmmsg(2). One call of the host a datagram; no WASI has one for many.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use crate::addr::Addr;
use crate::socket::RecvFlags;
use crate::sys;
use crate::udp::UdpSocket;

/// One datagram of [`UdpSocket::send_many`].
#[derive(Debug, Clone, Copy)]
pub struct OutgoingDatagram<'a> {
    /// What is sent.
    pub data: &'a [u8],
    /// Where to; `None` is the address that the socket is connected to.
    pub to: Option<SocketAddr>,
}

/// One datagram of [`UdpSocket::recv_many`].
#[derive(Debug)]
pub struct IncomingDatagram<'a> {
    buf: &'a mut [u8],
    len: usize,
    from: Option<SocketAddr>,
    truncated: bool,
}

impl<'a> IncomingDatagram<'a> {
    /// Room for one.
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self {
            buf,
            len: 0,
            from: None,
            truncated: false,
        }
    }

    /// What was received.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    /// Who has sent it; `None` if the last call received nothing here.
    #[must_use]
    pub const fn sender(&self) -> Option<SocketAddr> {
        self.from
    }

    /// Whether it was longer than the room for it.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl UdpSocket {
    /// sendmmsg(2): sends the datagrams in order, and returns how many were sent.
    ///
    /// # Errors
    /// That of the first datagram. If a later one fails the call returns how many were sent before it, and the next call has the
    /// error if it is still there.
    pub fn send_many(&self, datagrams: &[OutgoingDatagram<'_>]) -> io::Result<usize> {
        for (sent, datagram) in datagrams.iter().enumerate() {
            let result = match datagram.to {
                Some(to) => sys::send_to(self.as_fd(), datagram.data, &Addr::Inet(to)),
                None => sys::send(self.as_fd(), datagram.data),
            };
            match result {
                Ok(_) => {}
                Err(error) if sent == 0 => return Err(error),
                Err(_) => return Ok(sent),
            }
        }
        Ok(datagrams.len())
    }

    /// recvmmsg(2) with `MSG_WAITFORONE`: waits for one datagram as [`recv_from`](Self::recv_from) does, then takes what else is
    /// there, and returns how many came.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from), for the first datagram. An error of a later one ends the batch and is lost, as with
    /// a read that is not repeated.
    pub fn recv_many(&self, datagrams: &mut [IncomingDatagram<'_>]) -> io::Result<usize> {
        for datagram in &mut *datagrams {
            (datagram.len, datagram.from, datagram.truncated) = (0, None, false);
        }
        let mut received = 0;
        for datagram in datagrams {
            let flags = RecvFlags {
                peek: false,
                dont_wait: received != 0,
            };
            let meta = match sys::recv_from(self.as_fd(), datagram.buf, flags) {
                Ok(meta) => meta,
                Err(error) if received == 0 => return Err(error),
                Err(_) => break,
            };
            datagram.len = meta.len;
            datagram.truncated = meta.truncated;
            datagram.from = Some(meta.from.inet()?);
            received += 1;
        }
        Ok(received)
    }
}
