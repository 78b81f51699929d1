//! [`Udp`]: what Linux makes of a UDP socket, over sockets of the browser that are bound or connected from their beginning.
//!
//! A socket that is bound and then connected stays a bound one of the browser: what comes from others than its peer is thrown away
//! here.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use guestnet_core::policy::Protocol;
use guestnet_core::{Clock, Domain, Errno, Ready, RecvFlags, RecvMeta, Result, Shutdown};

use crate::address;
use crate::bound::{Bound, bind_error};
use crate::browser::{Browser, End, Id, State};
use crate::names::NamedPeer;
use crate::option::Options;

/// The longest datagram over IPv4. The browser ends a socket that is given a longer one.
const LONGEST: usize = 65_507;

/// How many datagrams of others one call throws away before it says that there is none: a flood holds no guest up.
const STRANGERS: usize = 64;

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct Udp {
    pub(crate) domain: Domain,
    phase: Phase,
    pub(crate) options: Options,
    /// The peer, in the browser's form.
    peer: Option<SocketAddr>,
    /// The name that the peer's address stands for, and whether where it leads has been judged.
    named: Option<NamedPeer>,
    is_judged: bool,
    error: Option<Errno>,
    /// The browser has ended the socket, and the error of that was kept.
    broken: bool,
    read_shut: bool,
    write_shut: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Idle,
    /// Bound by bind(2) or by a send.
    Bound(Bound),
    Connected {
        id: Id,
    },
}

impl Udp {
    pub(crate) fn new(domain: Domain) -> Self {
        Udp {
            domain,
            phase: Phase::Idle,
            options: Options::default(),
            peer: None,
            named: None,
            is_judged: false,
            error: None,
            broken: false,
            read_shut: false,
            write_shut: false,
        }
    }

    /// The browser's socket, if there is one.
    pub(crate) fn id(&self) -> Option<Id> {
        match self.phase {
            Phase::Idle => None,
            Phase::Bound(Bound { id, .. }) | Phase::Connected { id } => Some(id),
        }
    }

    fn open(&mut self, browser: &impl Browser, at: SocketAddr) {
        let wildcard6 = at.is_ipv6() && at.ip().is_unspecified();
        let id = browser.udp_bind(at, &self.options.udp(wildcard6));
        self.phase = Phase::Bound(Bound::new(id, at));
    }

    /// Learns what became of it in the background.
    fn update(&mut self, browser: &impl Browser) {
        let Some(id) = self.id() else { return };
        if !self.broken && browser.state(id).intersects(State::FAILED | State::BROKEN) {
            self.broken = true;
            self.error = Some(bind_error(browser.failure(id)));
        }
        if let Some(named) = &self.named
            && !self.is_judged
            && browser.state(id).contains(State::OPEN)
        {
            self.is_judged = true;
            let peer = browser.address(id, End::Remote);
            if !named.allows(Protocol::Udp, peer, browser.now(Clock::Monotonic)) {
                browser.close(id);
                self.phase = Phase::Idle;
                self.peer = None;
                self.named = None;
                self.error = Some(Errno::EACCES);
            }
        }
    }

    /// `SO_ERROR`: the pending error, once.
    pub(crate) fn take_error(&mut self, browser: &impl Browser) -> Option<Errno> {
        self.update(browser);
        self.error.take()
    }

    /// bind(2), which is `EAGAIN` as long as the browser has not answered: the same call then asks again.
    pub(crate) fn bind(&mut self, browser: &impl Browser, addr: SocketAddr) -> Result<()> {
        match self.phase {
            // A connect has bound it, in Linux.
            Phase::Idle if self.peer.is_some() => return Err(Errno::EINVAL),
            Phase::Idle => {
                let at = address::local(self.domain, false, addr)?;
                self.open(browser, at);
            }
            Phase::Bound(Bound {
                asked,
                answered: false,
                ..
            }) if asked == address::local(self.domain, false, addr)? => {}
            _ => return Err(Errno::EINVAL),
        }
        let Phase::Bound(bound) = &mut self.phase else {
            return Err(Errno::EINVAL);
        };
        let outcome = bound.answer(browser);
        if !matches!(outcome, Ok(()) | Err(Errno::EAGAIN)) {
            self.phase = Phase::Idle;
        }
        outcome
    }

    /// connect(2): it only keeps the peer. The first call that moves data or looks for it opens the browser's socket, and waits
    /// until that is open: a connect that is made to learn a local address would otherwise open one for nothing.
    /// `EOPNOTSUPP`: the browser's bound sockets send to a name without saying where that is, so that no policy could judge it.
    pub(crate) fn connect(
        &mut self,
        browser: &impl Browser,
        addr: SocketAddr,
        named: Option<NamedPeer>,
    ) -> Result<()> {
        let to = address::destination(self.domain, self.options.only_v6(), addr)?;
        if named.is_some() && matches!(self.phase, Phase::Bound(_)) {
            return Err(Errno::EOPNOTSUPP);
        }
        match self.phase {
            Phase::Connected { id } if self.peer != Some(to) => {
                browser.close(id);
                self.phase = Phase::Idle;
                (self.error, self.broken) = (None, false);
            }
            Phase::Idle | Phase::Bound(_) | Phase::Connected { .. } => {}
        }
        self.peer = Some(to);
        (self.named, self.is_judged) = (named, false);
        Ok(())
    }

    /// Opens the browser's socket of one that is connected and not bound.
    fn open_connected(&mut self, browser: &impl Browser) {
        if let (Phase::Idle, Some(to)) = (self.phase, self.peer) {
            let options = &self.options.udp(false);
            let id = match &self.named {
                None => browser.udp_connect(to, options),
                Some(named) => browser.udp_connect_to_name(named.name.as_str(), to.port(), options),
            };
            self.phase = Phase::Connected { id };
        }
    }

    /// connect(2) to `AF_UNSPEC`.
    pub(crate) fn dissolve(&mut self, browser: &impl Browser) {
        self.peer = None;
        self.named = None;
        if let Phase::Connected { id } = self.phase {
            browser.close(id);
            self.phase = Phase::Idle;
        }
    }

    /// Closes what the browser has open.
    pub(crate) fn close(&mut self, browser: &impl Browser) {
        if let Some(id) = self.id() {
            browser.close(id);
        }
        self.phase = Phase::Idle;
    }

    /// shutdown(2).
    pub(crate) fn shutdown(&mut self, how: Shutdown) -> Result<()> {
        self.read_shut |= how != Shutdown::Write;
        self.write_shut |= how != Shutdown::Read && self.peer.is_some();
        self.peer.map(drop).ok_or(Errno::ENOTCONN)
    }

    /// getsockname(2).
    pub(crate) fn local_addr(&self, browser: &impl Browser) -> SocketAddr {
        let wildcard = address::unbound(self.domain);
        let known = self.id().and_then(|id| browser.address(id, End::Local));
        let local = match self.phase {
            Phase::Bound(bound) => known.unwrap_or(bound.asked),
            Phase::Idle | Phase::Connected { .. } => known.unwrap_or_else(|| match self.peer {
                // What reaches this machine comes from there.
                Some(peer) if peer.ip().is_loopback() => SocketAddr::new(peer.ip(), 0),
                _ => wildcard,
            }),
        };
        address::shown(self.domain, local)
    }

    /// getpeername(2).
    pub(crate) fn peer_addr(&self, browser: &impl Browser) -> Result<SocketAddr> {
        let peer = self.peer.ok_or(Errno::ENOTCONN)?;
        let led = self.id().filter(|_| self.named.is_some());
        let led = led.and_then(|id| browser.address(id, End::Remote));
        Ok(address::shown(self.domain, led.unwrap_or(peer)))
    }

    /// sendmsg(2); without `to` to the peer.
    pub(crate) fn send(
        &mut self,
        browser: &impl Browser,
        bufs: &[IoSlice<'_>],
        to: Option<SocketAddr>,
        is_name: bool,
    ) -> Result<usize> {
        let to = match to {
            Some(addr) => address::destination(self.domain, self.options.only_v6(), addr)?,
            None => self.peer.ok_or(Errno::EDESTADDRREQ)?,
        };
        self.update(browser);
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        if self.write_shut || self.broken {
            return Err(Errno::EPIPE);
        }
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if len > LONGEST {
            return Err(Errno::EMSGSIZE);
        }
        // The browser sends no empty datagram.
        if len == 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        if to.port() == 0 {
            return Err(Errno::EINVAL);
        }
        // The browser has no `SO_BROADCAST`, and a datagram that the network refuses ends the whole socket there.
        if matches!(to.ip(), IpAddr::V4(ip) if ip.is_broadcast()) {
            return Err(Errno::EACCES);
        }
        // The gate could not judge where that leads: a guest connects first.
        if is_name && self.peer != Some(to) {
            return Err(Errno::EHOSTUNREACH);
        }
        if self.peer == Some(to) {
            self.open_connected(browser);
        }
        if matches!(self.phase, Phase::Idle) {
            self.open(browser, address::unbound(self.domain));
        }
        let id = self.id().ok_or(Errno::EDESTADDRREQ)?;
        if !browser.state(id).contains(State::OPEN) {
            return Err(Errno::EAGAIN);
        }
        let joined;
        let data = match bufs {
            [one] => &**one,
            several => {
                joined = several
                    .iter()
                    .flat_map(|buf| buf.iter().copied())
                    .collect::<Vec<u8>>();
                &joined
            }
        };
        let sent = match self.phase {
            Phase::Connected { .. } if self.peer == Some(to) => browser.send(id, data) == len,
            // The browser's socket has one destination.
            Phase::Connected { .. } => return Err(Errno::EISCONN),
            Phase::Idle | Phase::Bound(_) => browser.send_to(id, data, to),
        };
        if sent { Ok(len) } else { Err(Errno::EAGAIN) }
    }

    /// Throws away what comes from others than the peer.
    fn drop_strangers(&self, browser: &impl Browser, id: Id) {
        let (Some(peer), Phase::Bound(_)) = (self.peer, self.phase) else {
            return;
        };
        for _ in 0..STRANGERS {
            match browser.recv_from(id, &mut [], true) {
                Some((_, from)) if from != peer => {
                    browser.recv_from(id, &mut [], false);
                }
                _ => return,
            }
        }
    }

    /// recvmsg(2), with the sender's address.
    pub(crate) fn recv(
        &mut self,
        browser: &impl Browser,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SocketAddr)> {
        self.open_connected(browser);
        self.update(browser);
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        let id = self.id().ok_or(Errno::EAGAIN)?;
        self.drop_strangers(browser, id);
        let peek = flags.contains(RecvFlags::PEEK);
        let room: usize = bufs.iter().map(|buf| buf.len()).sum();
        let arrived = match bufs {
            [one] => browser.recv_from(id, one, peek),
            several => {
                let mut whole = vec![0; room.min(browser.available(id))];
                let arrived = browser.recv_from(id, &mut whole, peek);
                let mut rest = whole.as_slice();
                for buf in several {
                    let (now, later) = rest.split_at(rest.len().min(buf.len()));
                    if let Some(part) = buf.get_mut(..now.len()) {
                        part.copy_from_slice(now);
                    }
                    rest = later;
                }
                arrived
            }
        };
        let (real, from) = arrived.ok_or(Errno::EAGAIN)?;
        let stored = real.min(room);
        let received = RecvMeta {
            len: if flags.contains(RecvFlags::TRUNC) {
                real
            } else {
                stored
            },
            truncated: real > stored,
        };
        Ok((received, address::shown(self.domain, from)))
    }

    /// Joins or leaves a group of multicast, which the browser does for a bound socket that is open.
    pub(crate) fn group(&mut self, browser: &impl Browser, group: IpAddr, join: bool) -> Result<()> {
        match self.phase {
            Phase::Bound(bound) if browser.group(bound.id, group, join) => Ok(()),
            Phase::Bound(_) => Err(Errno::EADDRNOTAVAIL),
            Phase::Idle | Phase::Connected { .. } => Err(Errno::EINVAL),
        }
    }

    /// `FIONREAD`.
    pub(crate) fn readable_bytes(&self, browser: &impl Browser) -> usize {
        self.id().map_or(0, |id| {
            self.drop_strangers(browser, id);
            browser.available(id)
        })
    }

    /// What poll(2) would say.
    pub(crate) fn ready(&mut self, browser: &impl Browser) -> Ready {
        self.open_connected(browser);
        self.update(browser);
        let mut ready = Ready::empty();
        match self.id() {
            // A send opens it.
            None => ready |= Ready::WRITE,
            Some(id) => {
                self.drop_strangers(browser, id);
                let state = browser.state(id);
                let opening = !state.intersects(State::OPEN | State::FAILED);
                if state.contains(State::READABLE) || self.broken {
                    ready |= Ready::READ;
                }
                if !opening && (state.contains(State::WRITABLE) || self.broken) {
                    ready |= Ready::WRITE;
                }
            }
        }
        if self.read_shut {
            ready |= Ready::READ | Ready::READ_HANGUP;
        }
        if self.read_shut && self.write_shut {
            ready |= Ready::HANGUP;
        }
        if self.error.is_some() {
            ready |= Ready::ERROR;
        }
        ready
    }
}
