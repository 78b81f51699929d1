//! TCP: the handshake, bytes in order, half-close and reset.
//!
//! There are no segments: a connect, a piece of bytes, a FIN and a RST each arrive as a whole, in the order in which they
//! were sent. What a receiver has not read fills the sender's and its own buffer.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::time::Duration;

use guestnet_core::{Errno, RecvMeta, Result, Shutdown};

use crate::address::{self, reaches};
use crate::option::Options;
use crate::socket::{Id, Phase, Protocol, Socket, Tcp};
use crate::state::{Event, State};

/// The longest queue of a listener (`net.core.somaxconn` of Linux).
const MOST_BACKLOG: usize = 4096;

impl State {
    fn tcp_mut(&mut self, id: Id) -> Result<&mut Tcp> {
        self.socket_mut(id)?.tcp().ok_or(Errno::EOPNOTSUPP)
    }

    /// The peer of a connection. It may be closed already.
    fn peer(&self, id: Id) -> Option<Id> {
        match &self.sockets.get(&id)?.protocol {
            Protocol::Tcp(Tcp {
                phase: Phase::Connected { peer, .. },
                ..
            }) => Some(*peer),
            _ => None,
        }
    }

    /// listen(2).
    pub(crate) fn listen(&mut self, id: Id, backlog: i32) -> Result<()> {
        let most = usize::try_from(backlog).unwrap_or(MOST_BACKLOG).min(MOST_BACKLOG);
        match &mut self.tcp_mut(id)?.phase {
            Phase::Listening { backlog, .. } => {
                *backlog = most;
                return Ok(());
            }
            Phase::Closed => {}
            _ => return Err(Errno::EINVAL),
        }
        self.bind_for(id, None)?;
        let local = self.socket(id)?.local;
        if self.listener(local).is_some() {
            return Err(Errno::EADDRINUSE);
        }
        self.tcp_mut(id)?.phase = Phase::Listening {
            backlog: most,
            queue: VecDeque::new(),
            waiting: VecDeque::new(),
        };
        Ok(())
    }

    /// Who listens at an address, the exact one before a wildcard.
    fn listener(&self, to: SocketAddr) -> Option<Id> {
        let listens = |socket: &Socket| {
            matches!(&socket.protocol, Protocol::Tcp(tcp) if matches!(tcp.phase, Phase::Listening { .. }))
                && reaches(socket.local, socket.only6(), to)
        };
        let mut found = self.sockets.iter().filter(|(_, socket)| listens(socket));
        let first = found.next()?;
        let exact = |(_, socket): &(&Id, &Socket)| socket.local == to;
        let best = std::iter::once(first).chain(found).find(exact).unwrap_or(first);
        Some(*best.0)
    }

    /// accept(2): the connection and its peer's address.
    pub(crate) fn accept(&mut self, id: Id) -> Result<(Id, SocketAddr)> {
        let Phase::Listening { queue, .. } = &mut self.tcp_mut(id)?.phase else {
            return Err(Errno::EINVAL);
        };
        let accepted = queue.pop_front().ok_or(Errno::EAGAIN)?;
        self.admit(id);
        let socket = self.socket(accepted)?;
        let peer = match &socket.protocol {
            Protocol::Tcp(Tcp {
                phase: Phase::Connected { to, .. },
                ..
            }) => *to,
            // It was reset before it was accepted.
            _ => address::unbound(socket.domain),
        };
        Ok((accepted, address::shown(socket.domain, peer)))
    }

    /// Lets waiting connects into a listener's queue, as far as there is room.
    fn admit(&mut self, listener: Id) {
        loop {
            let Ok(Phase::Listening {
                backlog,
                queue,
                waiting,
            }) = self.tcp_mut(listener).map(|tcp| &mut tcp.phase)
            else {
                return;
            };
            if queue.len() > *backlog {
                return;
            }
            let Some(client) = waiting.pop_front() else { return };
            self.establish(listener, client);
        }
    }

    pub(crate) fn connect_tcp(&mut self, id: Id, to: SocketAddr) -> Result<()> {
        let socket = self.socket_mut(id)?;
        let tcp = socket.tcp().ok_or(Errno::EOPNOTSUPP)?;
        match &mut tcp.phase {
            Phase::Closed => {}
            Phase::Connecting { .. } => return Err(Errno::EALREADY),
            Phase::Failed | Phase::Ended { reported: false } => {
                tcp.phase = Phase::Closed;
                let errno = socket.error.take().unwrap_or(Errno::ECONNABORTED);
                socket.unbind();
                return Err(errno);
            }
            // Linux says once that it is done.
            Phase::Connected { reported, .. } if !*reported => {
                *reported = true;
                return Ok(());
            }
            Phase::Connected { .. } | Phase::Listening { .. } | Phase::Ended { .. } => {
                return Err(Errno::EISCONN);
            }
        }
        self.bind_for(id, Some(to))?;
        self.tcp_mut(id)?.phase = Phase::Connecting { to };
        let at = self.arrival();
        self.post(at, Event::Syn { from: id, to });
        Err(Errno::EINPROGRESS)
    }

    pub(crate) fn syn_arrives(&mut self, from: Id, to: SocketAddr) {
        if !self.is_connecting(from) {
            return;
        }
        let listener = self.listener(to);
        let refused = self.dice.happens(self.faults.refuse);
        match listener {
            Some(listener) if !refused => {
                if let Ok(Phase::Listening { waiting, .. }) = self.tcp_mut(listener).map(|tcp| &mut tcp.phase)
                {
                    waiting.push_back(from);
                }
                self.admit(listener);
            }
            _ => self.fail(from),
        }
    }

    fn is_connecting(&self, id: Id) -> bool {
        matches!(
            self.sockets.get(&id).map(|socket| &socket.protocol),
            Some(Protocol::Tcp(Tcp {
                phase: Phase::Connecting { .. },
                ..
            }))
        )
    }

    /// A connect that is under way is refused.
    fn fail(&mut self, id: Id) {
        if self.is_connecting(id)
            && let Ok(socket) = self.socket_mut(id)
        {
            socket.error = Some(Errno::ECONNREFUSED);
            if let Some(tcp) = socket.tcp() {
                tcp.phase = Phase::Failed;
            }
        }
    }

    /// Makes the connection of a client, unless it was given up.
    fn establish(&mut self, listener: Id, client: Id) {
        let (Some(ours), Some(theirs)) = (self.sockets.get(&listener), self.sockets.get(&client)) else {
            return;
        };
        let Protocol::Tcp(Tcp {
            phase: Phase::Connecting { to },
            ..
        }) = theirs.protocol
        else {
            return;
        };
        let mut accepted = Socket::new(ours.domain, ours.kind());
        accepted.options = ours.options.clone();
        accepted.local = to;
        accepted.protocol = Protocol::Tcp(Tcp {
            phase: Phase::Connected {
                peer: client,
                to: theirs.local,
                reported: true,
            },
            ..Tcp::default()
        });
        let accepted = self.insert(accepted);
        if let Ok(tcp) = self.tcp_mut(client) {
            tcp.phase = Phase::Connected {
                peer: accepted,
                to,
                reported: false,
            };
        }
        if let Ok(Phase::Listening { queue, .. }) = self.tcp_mut(listener).map(|tcp| &mut tcp.phase) {
            queue.push_back(accepted);
        }
    }

    /// How many bytes a send on a connection could move.
    pub(crate) fn room(&self, id: Id) -> usize {
        let Some(peer) = self.peer(id) else { return 0 };
        let send = self
            .sockets
            .get(&id)
            .map_or(0, |socket| socket.options.send_buffer());
        match self.sockets.get(&peer) {
            Some(socket) => (send + socket.options.receive_buffer()).saturating_sub(unread(socket)),
            None => send,
        }
    }

    /// Whether the peer has not yet acknowledged everything: it is under way, or in the sender's buffer for want of room.
    pub(crate) fn unacknowledged(&self, id: Id) -> bool {
        let peer = self.peer(id).and_then(|peer| self.sockets.get(&peer));
        peer.is_some_and(|socket| match &socket.protocol {
            Protocol::Tcp(tcp) => tcp.coming > 0 || tcp.received.len() > socket.options.receive_buffer(),
            Protocol::Udp(_) => false,
        })
    }

    /// When something arrives that a connection sends now: not before what it sent earlier.
    fn arrival_in_order(&mut self, id: Id) -> Duration {
        let at = self.arrival();
        let Ok(tcp) = self.tcp_mut(id) else { return at };
        tcp.last_arrival = tcp.last_arrival.max(at);
        tcp.last_arrival
    }

    pub(crate) fn send_tcp(&mut self, id: Id, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let socket = self.socket_mut(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        let tcp = socket.tcp().ok_or(Errno::EOPNOTSUPP)?;
        let peer = match tcp.phase {
            Phase::Connected { peer, .. } if !tcp.write_shut => peer,
            Phase::Connecting { .. } => return Err(Errno::EAGAIN),
            _ => return Err(Errno::EPIPE),
        };
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if len == 0 {
            return Ok(0);
        }
        if self.dice.happens(self.faults.reset) {
            self.rst_arrives(id, peer);
            self.rst_arrives(peer, id);
            self.socket_mut(id)?.error = None;
            return Err(Errno::ECONNRESET);
        }
        let mut count = len.min(self.room(id));
        if count == 0 {
            return Err(Errno::EAGAIN);
        }
        if self.dice.happens(self.faults.short) {
            count = self.dice.part(count);
        }
        let mut data = Vec::with_capacity(count);
        for buf in bufs {
            let piece = buf.len().min(count - data.len());
            data.extend_from_slice(buf.get(..piece).unwrap_or_default());
        }
        if let Ok(tcp) = self.tcp_mut(peer) {
            tcp.coming += count;
        }
        let at = self.arrival_in_order(id);
        self.post(
            at,
            Event::Bytes {
                from: id,
                to: peer,
                data,
            },
        );
        Ok(count)
    }

    pub(crate) fn bytes_arrive(&mut self, from: Id, to: Id, data: &[u8]) {
        if self.peer(to) == Some(from) {
            if let Ok(tcp) = self.tcp_mut(to) {
                tcp.coming -= data.len();
                tcp.received.extend(data);
            }
        } else {
            // It was closed or reset.
            let at = self.arrival();
            self.post(at, Event::Rst { from: to, to: from });
        }
    }

    pub(crate) fn fin_arrives(&mut self, from: Id, to: Id) {
        if self.peer(to) == Some(from)
            && let Ok(tcp) = self.tcp_mut(to)
        {
            tcp.fin = true;
        }
    }

    pub(crate) fn rst_arrives(&mut self, from: Id, to: Id) {
        if self.peer(to) != Some(from) {
            return;
        }
        if let Ok(socket) = self.socket_mut(to)
            && let Some(tcp) = socket.tcp()
            && let Phase::Connected { reported, .. } = tcp.phase
        {
            let ended = tcp.fin;
            tcp.phase = Phase::Ended { reported };
            tcp.coming = 0;
            // Linux: after the peer's FIN nothing that could be read is lost.
            socket.error = Some(if ended { Errno::EPIPE } else { Errno::ECONNRESET });
        }
    }

    pub(crate) fn recv_tcp(&mut self, id: Id, bufs: &mut [IoSliceMut<'_>], peek: bool) -> Result<RecvMeta> {
        let room: usize = bufs.iter().map(|buf| buf.len()).sum();
        let short = self.dice.happens(self.faults.short);
        let socket = self.sockets.get_mut(&id).ok_or(Errno::EBADF)?;
        let error = &mut socket.error;
        let Protocol::Tcp(tcp) = &mut socket.protocol else {
            return Err(Errno::EOPNOTSUPP);
        };
        let nothing = Ok(RecvMeta::default());
        if !matches!(tcp.phase, Phase::Connected { .. } | Phase::Ended { .. }) {
            let connecting = matches!(tcp.phase, Phase::Connecting { .. });
            let otherwise = if connecting {
                Errno::EAGAIN
            } else {
                Errno::ENOTCONN
            };
            return Err(error.take().unwrap_or(otherwise));
        }
        if room == 0 {
            return nothing;
        }
        if tcp.received.is_empty() {
            return match error.take() {
                Some(errno) => Err(errno),
                None if tcp.fin || tcp.read_shut || matches!(tcp.phase, Phase::Ended { .. }) => nothing,
                None => Err(Errno::EAGAIN),
            };
        }
        let mut count = room.min(tcp.received.len());
        if short {
            count = self.dice.part(count);
        }
        let (front, back) = tcp.received.as_slices();
        let (front, back) = (
            front.get(..count.min(front.len())).unwrap_or(front),
            back.get(..count.saturating_sub(front.len())).unwrap_or(back),
        );
        scatter(bufs, &[front, back]);
        if !peek {
            tcp.received.drain(..count);
        }
        Ok(RecvMeta {
            len: count,
            truncated: false,
        })
    }

    /// shutdown(2).
    pub(crate) fn shutdown_tcp(&mut self, id: Id, how: Shutdown) -> Result<()> {
        let tcp = self.tcp_mut(id)?;
        match tcp.phase {
            Phase::Connected { peer, .. } => {
                tcp.read_shut |= how != Shutdown::Write;
                if how != Shutdown::Read && !tcp.write_shut {
                    tcp.write_shut = true;
                    self.send_fin(id, peer);
                }
                Ok(())
            }
            Phase::Listening { .. } if how != Shutdown::Write => {
                let phase = std::mem::take(&mut tcp.phase);
                self.give_up_queue(phase);
                Ok(())
            }
            Phase::Listening { .. } => Ok(()),
            _ => Err(Errno::ENOTCONN),
        }
    }

    fn send_fin(&mut self, id: Id, peer: Id) {
        let at = self.arrival_in_order(id);
        self.post(at, Event::Fin { from: id, to: peer });
    }

    /// What waits at a listener that is no more.
    fn give_up_queue(&mut self, phase: Phase) {
        let Phase::Listening { queue, waiting, .. } = phase else {
            return;
        };
        for connection in queue {
            if let Some(peer) = self.peer(connection) {
                let at = self.arrival();
                self.post(
                    at,
                    Event::Rst {
                        from: connection,
                        to: peer,
                    },
                );
            }
            self.sockets.remove(&connection);
        }
        for client in waiting {
            self.fail(client);
        }
    }

    /// The end of a socket that was taken out of the network.
    pub(crate) fn close_tcp(&mut self, id: Id, options: &Options, tcp: Tcp) {
        match tcp.phase {
            Phase::Listening { .. } => self.give_up_queue(tcp.phase),
            Phase::Connected { peer, .. } => {
                let at = self.arrival().max(tcp.last_arrival);
                let abort = !tcp.received.is_empty() || options.linger() == Some(Duration::ZERO);
                if abort {
                    self.post(at, Event::Rst { from: id, to: peer });
                } else if !tcp.write_shut {
                    self.post(at, Event::Fin { from: id, to: peer });
                }
            }
            Phase::Closed | Phase::Connecting { .. } | Phase::Failed | Phase::Ended { .. } => {}
        }
    }

    /// connect(2) to nothing: a connection is reset, a listener is none any more.
    pub(crate) fn dissolve_tcp(&mut self, id: Id) -> Result<()> {
        let socket = self.socket_mut(id)?;
        socket.error = None;
        let tcp = std::mem::take(socket.tcp().ok_or(Errno::EOPNOTSUPP)?);
        match tcp.phase {
            Phase::Connected { peer, .. } => {
                let at = self.arrival().max(tcp.last_arrival);
                self.post(at, Event::Rst { from: id, to: peer });
            }
            phase => self.give_up_queue(phase),
        }
        Ok(())
    }
}

/// What a connection's socket has not read, and what is under way to it.
fn unread(socket: &Socket) -> usize {
    match &socket.protocol {
        Protocol::Tcp(tcp) => tcp.received.len() + tcp.coming,
        Protocol::Udp(_) => 0,
    }
}

/// Copies pieces into buffers, one after the other, as far as there is room.
pub(crate) fn scatter(bufs: &mut [IoSliceMut<'_>], pieces: &[&[u8]]) -> usize {
    let mut stored = 0;
    let mut bufs = bufs.iter_mut();
    let mut room: &mut [u8] = &mut [];
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            if room.is_empty() {
                match bufs.next() {
                    Some(next) => room = next,
                    None => return stored,
                }
                continue;
            }
            let count = piece.len().min(room.len());
            let (now, later) = std::mem::take(&mut room).split_at_mut(count);
            let (data, rest) = piece.split_at(count);
            now.copy_from_slice(data);
            (room, piece) = (later, rest);
            stored += count;
        }
    }
    stored
}
