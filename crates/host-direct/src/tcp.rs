//! [`Tcp`]: what Linux makes of a TCP socket, over sockets of the browser that open in the background.
//!
//! A socket of the browser connects or listens from its beginning, so there is none before connect(2), bind(2) or listen(2). bind(2)
//! already opens the server: only so are its port and `EADDRINUSE` known. A peer that connects before listen(2) waits, where Linux
//! would refuse it.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use guestnet_core::policy::Protocol;
use guestnet_core::{Clock, Domain, Errno, Ready, RecvFlags, RecvMeta, Result, Shutdown};

use crate::address;
use crate::bound::Bound;
use crate::browser::{Browser, End, Failure, Id, State};
use crate::names::NamedPeer;
use crate::option::Options;

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) domain: Domain,
    phase: Phase,
    pub(crate) options: Options,
    /// `SO_ERROR`.
    error: Option<Errno>,
    /// The connection broke, and the error of that was kept.
    broken: bool,
    read_shut: bool,
    write_shut: bool,
    /// Of a connect to a name that has not been judged by its address.
    named: Option<NamedPeer>,
    /// Of an accepted connection, which has no local address of its own: its listener's.
    local: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It does nothing yet, or no more.
    Idle,
    /// A server opens or is open, at what was asked for.
    Bound(Bound),
    Listening {
        id: Id,
        asked: SocketAddr,
    },
    Connecting {
        id: Id,
        to: SocketAddr,
    },
    /// `answered`: a connect(2) has said so.
    Connected {
        id: Id,
        to: SocketAddr,
        answered: bool,
    },
    /// A connect failed, and the guest has not made another call of it.
    Failed,
    /// Both directions were shut down.
    Closed,
}

/// Why a connect failed.
fn connect_error(failure: Failure) -> Errno {
    match failure {
        Failure::Network | Failure::Reset | Failure::Other => Errno::ECONNREFUSED,
        Failure::NotFound => Errno::EHOSTUNREACH,
        Failure::NotAllowed => Errno::EACCES,
        Failure::Invalid => Errno::EINVAL,
        Failure::TimedOut => Errno::ETIMEDOUT,
    }
}

impl Tcp {
    pub(crate) fn new(domain: Domain) -> Self {
        Tcp {
            domain,
            phase: Phase::Idle,
            options: Options::default(),
            error: None,
            broken: false,
            read_shut: false,
            write_shut: false,
            named: None,
            local: None,
        }
    }

    /// The browser's socket, if there is one.
    pub(crate) fn id(&self) -> Option<Id> {
        match self.phase {
            Phase::Idle | Phase::Failed | Phase::Closed => None,
            Phase::Bound(Bound { id, .. })
            | Phase::Listening { id, .. }
            | Phase::Connecting { id, .. }
            | Phase::Connected { id, .. } => Some(id),
        }
    }

    /// Whether the browser has been given the options.
    pub(crate) fn is_opened(&self) -> bool {
        self.id().is_some()
    }

    pub(crate) fn is_listening(&self) -> bool {
        matches!(self.phase, Phase::Listening { .. })
    }

    /// Learns what became of a connect or a connection in the background.
    fn update(&mut self, browser: &impl Browser) {
        match self.phase {
            Phase::Connecting { id, to } => {
                let state = browser.state(id);
                if state.contains(State::OPEN) {
                    let peer = browser.address(id, End::Remote);
                    let named = self.named.take();
                    let now = browser.now(Clock::Monotonic);
                    if named.is_some_and(|named| !named.allows(Protocol::Tcp, peer, now)) {
                        self.error = Some(Errno::EACCES);
                        browser.close(id);
                        self.phase = Phase::Failed;
                        return;
                    }
                    self.phase = Phase::Connected {
                        id,
                        to,
                        answered: false,
                    };
                } else if state.contains(State::FAILED) {
                    self.error = Some(connect_error(browser.failure(id)));
                    browser.close(id);
                    self.phase = Phase::Failed;
                }
            }
            Phase::Connected { id, .. } if !self.broken && browser.state(id).contains(State::BROKEN) => {
                self.broken = true;
                self.error = Some(match browser.failure(id) {
                    Failure::TimedOut => Errno::ETIMEDOUT,
                    _ => Errno::ECONNRESET,
                });
            }
            _ => {}
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
            Phase::Idle => {
                let at = address::local(self.domain, true, addr)?;
                self.open_server(browser, at, None);
            }
            Phase::Bound(Bound {
                asked,
                answered: false,
                ..
            }) if asked == address::local(self.domain, true, addr)? => {}
            _ => return Err(Errno::EINVAL),
        }
        self.server_opened(browser)
    }

    fn open_server(&mut self, browser: &impl Browser, at: SocketAddr, backlog: Option<u32>) {
        let wildcard6 = at.is_ipv6() && at.ip().is_unspecified();
        let id = browser.tcp_listen(at, backlog, wildcard6.then(|| self.options.only_v6()));
        self.phase = Phase::Bound(Bound::new(id, at));
    }

    /// Whether the browser has opened the server.
    fn server_opened(&mut self, browser: &impl Browser) -> Result<()> {
        let Phase::Bound(bound) = &mut self.phase else {
            return Err(Errno::EINVAL);
        };
        let outcome = bound.answer(browser);
        if !matches!(outcome, Ok(()) | Err(Errno::EAGAIN)) {
            self.phase = Phase::Idle;
        }
        outcome
    }

    /// listen(2); `EAGAIN` as [`Tcp::bind`].
    pub(crate) fn listen(&mut self, browser: &impl Browser, backlog: i32) -> Result<()> {
        match self.phase {
            Phase::Listening { .. } => return Ok(()),
            Phase::Idle | Phase::Closed => {
                let backlog = u32::try_from(backlog).unwrap_or(u32::MAX).max(1);
                let at = SocketAddr::new(address::unbound(self.domain).ip(), 0);
                self.open_server(browser, at, Some(backlog));
            }
            Phase::Bound(_) => {}
            Phase::Connecting { .. } | Phase::Connected { .. } | Phase::Failed => return Err(Errno::EINVAL),
        }
        self.server_opened(browser)?;
        if let Phase::Bound(Bound { id, asked, .. }) = self.phase {
            self.phase = Phase::Listening { id, asked };
        }
        Ok(())
    }

    /// accept(2): the connection and its peer.
    pub(crate) fn accept(&mut self, browser: &impl Browser) -> Result<(Tcp, SocketAddr)> {
        let Phase::Listening { id, .. } = self.phase else {
            return Err(Errno::EINVAL);
        };
        let Some(accepted) = browser.accept(id) else {
            let broken = browser.state(id).contains(State::BROKEN);
            return Err(if broken {
                Errno::ECONNABORTED
            } else {
                Errno::EAGAIN
            });
        };
        let Some(to) = browser.address(accepted, End::Remote) else {
            browser.close(accepted);
            return Err(Errno::ECONNABORTED);
        };
        let connection = Tcp {
            phase: Phase::Connected {
                id: accepted,
                to,
                answered: true,
            },
            options: self.options.clone(),
            local: Some(self.local_inside(browser)),
            ..Tcp::new(self.domain)
        };
        Ok((connection, address::shown(self.domain, to)))
    }

    /// connect(2), to the name that the address stands for if there is one.
    pub(crate) fn connect(
        &mut self,
        browser: &impl Browser,
        addr: SocketAddr,
        named: Option<NamedPeer>,
    ) -> Result<()> {
        self.update(browser);
        match self.phase {
            Phase::Connecting { .. } => return Err(Errno::EALREADY),
            Phase::Failed => {
                self.phase = Phase::Idle;
                return Err(self.error.take().unwrap_or(Errno::ECONNABORTED));
            }
            Phase::Connected {
                id,
                to,
                answered: false,
            } => {
                self.phase = Phase::Connected {
                    id,
                    to,
                    answered: true,
                };
                return Ok(());
            }
            Phase::Connected { .. } | Phase::Listening { .. } => return Err(Errno::EISCONN),
            // The browser connects from a port of its own choice.
            Phase::Bound(bound) if bound.asked.port() != 0 => return Err(Errno::EOPNOTSUPP),
            Phase::Bound(_) | Phase::Idle | Phase::Closed => {}
        }
        let to = address::destination(self.domain, self.options.only_v6(), addr)?;
        // The browser has no such port, and no program listens there.
        if to.port() == 0 {
            return Err(Errno::ECONNREFUSED);
        }
        if let Phase::Bound(bound) = self.phase {
            browser.close(bound.id);
        }
        (self.error, self.broken, self.local) = (None, false, None);
        (self.read_shut, self.write_shut) = (false, false);
        let options = &self.options.tcp();
        let id = match &named {
            None => browser.tcp_connect(to, options),
            Some(named) => browser.tcp_connect_to_name(named.name.as_str(), to.port(), options),
        };
        self.named = named;
        self.phase = Phase::Connecting { id, to };
        Err(Errno::EINPROGRESS)
    }

    /// connect(2) to `AF_UNSPEC`.
    pub(crate) fn dissolve(&mut self, browser: &impl Browser) {
        self.close(browser);
        self.phase = Phase::Idle;
    }

    /// Closes what the browser has open.
    pub(crate) fn close(&mut self, browser: &impl Browser) {
        if let Some(id) = self.id() {
            browser.close(id);
        }
        self.phase = Phase::Closed;
    }

    /// shutdown(2). `EOPNOTSUPP`: the browser sends no FIN before the peer has sent its own.
    pub(crate) fn shutdown(&mut self, browser: &impl Browser, how: Shutdown) -> Result<()> {
        self.update(browser);
        let id = match self.phase {
            Phase::Connected { id, .. } => id,
            Phase::Listening { .. } => {
                // It has nothing to send.
                if how != Shutdown::Write {
                    self.dissolve(browser);
                }
                return Ok(());
            }
            _ => return Err(Errno::ENOTCONN),
        };
        match how {
            Shutdown::Read => self.read_shut = true,
            Shutdown::Write => {
                if !self.write_shut && !browser.end(id) {
                    return Err(Errno::EOPNOTSUPP);
                }
                self.write_shut = true;
            }
            Shutdown::Both => {
                self.close(browser);
                (self.read_shut, self.write_shut) = (true, true);
            }
        }
        Ok(())
    }

    /// The address in the browser's form.
    fn local_inside(&self, browser: &impl Browser) -> SocketAddr {
        let wildcard = SocketAddr::new(address::unbound(self.domain).ip(), 0);
        match self.phase {
            Phase::Idle | Phase::Failed | Phase::Closed => wildcard,
            Phase::Bound(Bound { id, asked, .. }) | Phase::Listening { id, asked } => {
                browser.address(id, End::Local).unwrap_or(asked)
            }
            Phase::Connecting { id, .. } | Phase::Connected { id, .. } => self
                .local
                .or_else(|| browser.address(id, End::Local))
                .unwrap_or(wildcard),
        }
    }

    /// getsockname(2).
    pub(crate) fn local_addr(&self, browser: &impl Browser) -> SocketAddr {
        address::shown(self.domain, self.local_inside(browser))
    }

    /// getpeername(2): what the browser reached, where it says so.
    pub(crate) fn peer_addr(&mut self, browser: &impl Browser) -> Result<SocketAddr> {
        self.update(browser);
        match self.phase {
            Phase::Connected { id, to, .. } if !self.broken => {
                let peer = browser.address(id, End::Remote).unwrap_or(to);
                Ok(address::shown(self.domain, peer))
            }
            _ => Err(Errno::ENOTCONN),
        }
    }

    /// sendmsg(2).
    pub(crate) fn send(&mut self, browser: &impl Browser, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.update(browser);
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        let id = match self.phase {
            Phase::Connected { id, .. } if !self.write_shut && !self.broken => id,
            Phase::Connecting { .. } => return Err(Errno::EAGAIN),
            _ => return Err(Errno::EPIPE),
        };
        let mut sent = 0;
        for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
            let taken = browser.send(id, buf);
            sent += taken;
            if taken < buf.len() {
                break;
            }
        }
        let empty = bufs.iter().all(|buf| buf.is_empty());
        if sent == 0 && !empty {
            Err(Errno::EAGAIN)
        } else {
            Ok(sent)
        }
    }

    /// recvmsg(2).
    pub(crate) fn recv(
        &mut self,
        browser: &impl Browser,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<RecvMeta> {
        self.update(browser);
        let id = match self.phase {
            Phase::Connected { id, .. } => id,
            Phase::Connecting { .. } => return Err(Errno::EAGAIN),
            Phase::Closed if self.read_shut => return Ok(RecvMeta::default()),
            // Linux shuts a socket down whose connect has failed: the error comes once, and then the end.
            Phase::Failed => return self.error.take().map_or(Ok(RecvMeta::default()), Err),
            _ => return Err(self.error.take().unwrap_or(Errno::ENOTCONN)),
        };
        let peek = flags.contains(RecvFlags::PEEK);
        let mut received = 0;
        for buf in bufs.iter_mut().filter(|buf| !buf.is_empty()) {
            let wanted = buf.len();
            let taken = browser.recv(id, buf, peek.then_some(received));
            received += taken;
            if taken < wanted {
                break;
            }
        }
        if received > 0 || bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(RecvMeta {
                len: received,
                truncated: false,
            });
        }
        if self.read_shut || browser.state(id).contains(State::END) {
            // Bytes that came between the look at the queue and the one at the end are for the next call.
            let more = browser.available(id) > 0 && !self.read_shut;
            return if more {
                Err(Errno::EAGAIN)
            } else {
                Ok(RecvMeta::default())
            };
        }
        match self.error.take() {
            Some(errno) => Err(errno),
            None if self.broken => Ok(RecvMeta::default()),
            None => Err(Errno::EAGAIN),
        }
    }

    /// `FIONREAD`.
    pub(crate) fn readable_bytes(&self, browser: &impl Browser) -> Result<usize> {
        match self.phase {
            Phase::Listening { .. } => Err(Errno::EINVAL),
            Phase::Connected { id, .. } => Ok(browser.available(id)),
            _ => Ok(0),
        }
    }

    /// What poll(2) would say.
    pub(crate) fn ready(&mut self, browser: &impl Browser) -> Ready {
        self.update(browser);
        let mut ready = Ready::empty();
        match self.phase {
            Phase::Idle | Phase::Closed => ready |= Ready::WRITE | Ready::HANGUP,
            Phase::Failed => ready |= Ready::READ | Ready::WRITE | Ready::HANGUP | Ready::READ_HANGUP,
            Phase::Bound(Bound { id, answered, .. }) => {
                if answered {
                    ready |= Ready::WRITE | Ready::HANGUP;
                } else if browser.state(id).intersects(State::OPEN | State::FAILED) {
                    ready |= Ready::WRITE;
                }
            }
            Phase::Listening { id, .. } => {
                if browser.state(id).intersects(State::READABLE | State::BROKEN) {
                    ready |= Ready::READ;
                }
            }
            Phase::Connecting { .. } => {}
            Phase::Connected { id, .. } => {
                let state = browser.state(id);
                let ended = self.broken || state.contains(State::END);
                let low_water = self.options.low_water();
                let enough = low_water == 1 || browser.available(id) >= low_water;
                if ended || self.read_shut || (state.contains(State::READABLE) && enough) {
                    ready |= Ready::READ;
                }
                if ended || self.read_shut {
                    ready |= Ready::READ_HANGUP;
                }
                if self.broken || self.write_shut || state.contains(State::WRITABLE) {
                    ready |= Ready::WRITE;
                }
                if self.broken || ((state.contains(State::END) || self.read_shut) && self.write_shut) {
                    ready |= Ready::HANGUP;
                }
            }
        }
        if self.error.is_some() {
            ready |= Ready::ERROR;
        }
        ready
    }
}
