//! Datagrams of IP, many in one system call.

use std::net::Ipv4Addr;

use guestnet_core::{
    Control, Errno, Identity, IncomingDatagram, Message, OutgoingDatagram, RecvFlags, Result, SendFlags,
    SockAddr,
};
use rustix::net::SocketAddrAny;

use crate::convert::retry;
use crate::convert::{received, recv_flags, send_flags};
use crate::sys::batch::{MOST, Outgoing};
use crate::sys::message::Arrival;
use crate::{Io, OsHost, message, sys};

/// What a run of segments may be at most: `UDP_MAX_SEGMENTS` and `UIO_MAXIOV` of Linux, and the largest datagram of IPv4.
const MAX_SEGMENTS: usize = 64;
const MAX_VECTORS: usize = 1024;
const MAX_BYTES: usize = 65_507;

/// Datagrams of one size to one address, of which the last may be shorter.
#[derive(Debug)]
struct Run {
    count: usize,
    size: u16,
    to: SocketAddrAny,
}

impl Run {
    /// Those that `datagrams` begin with, if there are several.
    ///
    /// A group or the broadcast address is left alone: a datagram to it goes several ways.
    fn at_the_head(io: &Io, datagrams: &[OutgoingDatagram<'_, Io>]) -> Option<Run> {
        let (first, others) = datagrams.split_first()?;
        let to = first
            .to
            .filter(|to| !to.ip().is_multicast() && to.ip() != Ipv4Addr::BROADCAST)?;
        let len =
            |datagram: &OutgoingDatagram<'_, Io>| datagram.bufs.iter().map(|buf| buf.len()).sum::<usize>();
        let size = len(first);
        if size == 0 || !first.control.is_empty() || !io.ahead.can_segment(size) {
            return None;
        }
        let (mut count, mut bytes, mut vectors) = (1, size, first.bufs.len());
        for datagram in others {
            let more = len(datagram);
            bytes += more;
            vectors += datagram.bufs.len();
            let same = datagram.to == first.to && datagram.control.is_empty() && (1..=size).contains(&more);
            if !same || count == MAX_SEGMENTS || bytes > MAX_BYTES || vectors > MAX_VECTORS {
                break;
            }
            count += 1;
            if more < size {
                break;
            }
        }
        (count > 1).then_some(Run {
            count,
            size: u16::try_from(size).ok()?,
            to: to.into(),
        })
    }
}

impl OsHost {
    /// sendmmsg(2), and one sendmsg(2) for each run of datagrams that differ in their bytes only (`UDP_SEGMENT` of udp(7)).
    pub(crate) fn send_datagrams(
        io: &Io,
        datagrams: &[OutgoingDatagram<'_, Io>],
        flags: SendFlags,
    ) -> Result<usize> {
        io.ahead.restart();
        let segments = !flags.contains(SendFlags::MORE) && io.ahead.may_segment();
        let mut sent = 0;
        while let Some(rest) = datagrams.get(sent..).filter(|rest| !rest.is_empty()) {
            let run = if segments {
                Run::at_the_head(io, rest)
            } else {
                None
            };
            let (asked, outcome) = match run {
                Some(run) => (run.count, Self::send_run(io, rest, &run, flags)),
                None => {
                    let asked = (1..rest.len())
                        .find(|at| {
                            segments
                                && rest
                                    .get(*at..)
                                    .is_some_and(|rest| Run::at_the_head(io, rest).is_some())
                        })
                        .unwrap_or(rest.len());
                    let (now, _) = rest.split_at(asked);
                    (asked, Self::send_each(io, now, flags))
                }
            };
            match outcome {
                Ok(count) => {
                    sent += count;
                    if count < asked {
                        break;
                    }
                }
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn send_run(
        io: &Io,
        datagrams: &[OutgoingDatagram<'_, Io>],
        run: &Run,
        flags: SendFlags,
    ) -> Result<usize> {
        let (datagrams, _) = datagrams.split_at(run.count);
        let bufs: Vec<_> = datagrams
            .iter()
            .flat_map(|datagram| datagram.bufs)
            .map(|buf| sys::buffers::prefix(buf, usize::MAX))
            .collect();
        let mut control = message::encode(&[Control::SegmentSize(run.size)])?;
        let with = send_flags(flags).bits().cast_signed();
        match retry(|| sys::message::sendmsg(io.fd(), &bufs, Some(&run.to), &mut control, with)) {
            Ok(_) => Ok(run.count),
            // Too large for the path, a path that cannot do it, or no room for all of them at once: one by one some may go.
            Err(
                errno @ (Errno::EINVAL
                | Errno::EMSGSIZE
                | Errno::EIO
                | Errno::EOPNOTSUPP
                | Errno::EAGAIN
                | Errno::ENOBUFS),
            ) => {
                if !matches!(errno, Errno::EAGAIN | Errno::ENOBUFS) {
                    io.ahead.cannot_segment(run.size);
                }
                Self::send_each(io, datagrams, flags)
            }
            Err(errno) => Err(errno),
        }
    }

    /// sendmmsg(2).
    fn send_each(io: &Io, datagrams: &[OutgoingDatagram<'_, Io>], flags: SendFlags) -> Result<usize> {
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
