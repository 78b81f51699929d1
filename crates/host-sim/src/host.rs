//! [`SimHost`]: one guest's, or one peer's, host on a [`Network`].

use std::convert::Infallible;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guestnet_core::{
    Clock, Domain, Errno, Host, Interface, Kind, OptValue, PollEvent, Ready, RecvFlags, RecvMeta, Result,
    SendFlags, Shutdown, SockAddr, SockOpt,
};

use crate::address;
use crate::network::{Io, Network};
use crate::socket::Id;
use crate::state::State;

/// The wall clock of a network that has just been made: the first second of the year 2000, UTC.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// A host on a simulated network.
#[derive(Debug)]
pub struct SimHost {
    network: Network,
    stopped: Arc<AtomicBool>,
    polled: Vec<PollRequest>,
    events: Vec<PollEvent>,
}

/// One request of a poll.
#[derive(Debug)]
struct PollRequest {
    token: u32,
    id: Id,
    want: Ready,
}

/// Ends the waits of one host, now and from now on. May be cloned, sent and used from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    network: Network,
    stopped: Arc<AtomicBool>,
}

impl Stopper {
    /// Makes the host's current wait, and every later one, return `EINTR`.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.network.wake();
    }
}

impl Network {
    /// A host on this network, for a guest or a peer.
    #[must_use]
    pub fn host(&self) -> SimHost {
        SimHost {
            network: self.clone(),
            stopped: Arc::default(),
            polled: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl SimHost {
    /// The network that it is on.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What ends its waits from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper {
            network: self.network.clone(),
            stopped: Arc::clone(&self.stopped),
        }
    }

    /// A call on a socket that moves data or connections, which a fault may make `EAGAIN`.
    fn transfer<T>(&self, call: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.network.with(|state| {
            let again = state.faults.again;
            if state.dice.happens(again) {
                return Err(Errno::EAGAIN);
            }
            call(state)
        })
    }
}

impl Host for SimHost {
    type Io = Io;
    type UnixNode = Infallible;

    fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Io> {
        let id = self.network.with(|state| state.open(domain, kind))?;
        Ok(Io::new(&self.network, id))
    }

    fn close(&mut self, io: Io) {
        let Some(limit) = self.network.with(|state| {
            let limit = state.socket(io.id()).ok()?.options.linger()?;
            let waits = !limit.is_zero() && io.is_last();
            (waits && state.shutdown_tcp(io.id(), Shutdown::Write).is_ok()).then_some(limit)
        }) else {
            return;
        };
        // Whether it ends in time or not, the socket goes with its last handle.
        let _ = self.network.wait(&self.stopped, Some(limit), |state| {
            (!state.unacknowledged(io.id())).then_some(())
        });
    }

    fn lingers(&mut self, io: &Io) -> bool {
        self.network.with(|state| {
            let socket = state.socket(io.id());
            socket.is_ok_and(|socket| socket.options.linger().is_some_and(|limit| !limit.is_zero()))
        })
    }

    fn bind(&mut self, io: &Io, addr: SocketAddr) -> Result<()> {
        self.network.with(|state| state.bind(io.id(), addr))
    }

    fn listen(&mut self, io: &Io, backlog: i32) -> Result<()> {
        self.network.with(|state| state.listen(io.id(), backlog))
    }

    fn accept(&mut self, io: &Io) -> Result<(Io, SockAddr)> {
        let (id, peer) = self.transfer(|state| state.accept(io.id()))?;
        Ok((Io::new(&self.network, id), peer.into()))
    }

    fn connect(&mut self, io: &Io, addr: &SockAddr) -> Result<()> {
        self.network.with(|state| match addr {
            SockAddr::Inet(addr) => state.connect(io.id(), *addr),
            SockAddr::Unspec => state.dissolve(io.id()),
            SockAddr::Unix(_) | SockAddr::UnixUnnamed => Err(Errno::EAFNOSUPPORT),
        })
    }

    fn shutdown(&mut self, io: &Io, how: Shutdown) -> Result<()> {
        self.network.with(|state| {
            if state.socket(io.id())?.is_tcp() {
                state.shutdown_tcp(io.id(), how)
            } else {
                state.shutdown_udp(io.id(), how)
            }
        })
    }

    fn local_addr(&mut self, io: &Io) -> Result<SockAddr> {
        let addr = self.network.with(|state| state.local_addr(io.id()))?;
        Ok(addr.into())
    }

    fn peer_addr(&mut self, io: &Io) -> Result<SockAddr> {
        let addr = self.network.with(|state| state.peer_addr(io.id()))?;
        Ok(addr.into())
    }

    fn send(&mut self, io: &Io, bufs: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        if flags.contains(SendFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        self.transfer(|state| {
            if state.socket(io.id())?.is_tcp() {
                state.send_tcp(io.id(), bufs)
            } else {
                state.send_udp(io.id(), bufs, None)
            }
        })
    }

    fn send_to(
        &mut self,
        io: &Io,
        bufs: &[IoSlice<'_>],
        addr: SocketAddr,
        flags: SendFlags,
    ) -> Result<usize> {
        if flags.contains(SendFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        self.transfer(|state| {
            if state.socket(io.id())?.is_tcp() {
                state.send_tcp(io.id(), bufs)
            } else {
                state.send_udp(io.id(), bufs, Some(addr))
            }
        })
    }

    fn recv_from(
        &mut self,
        io: &Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        self.transfer(|state| {
            if !state.socket(io.id())?.is_tcp() {
                let (received, from) = state.recv_udp(io.id(), bufs, flags)?;
                return Ok((received, from.into()));
            }
            if flags.contains(RecvFlags::OOB) {
                return Err(Errno::EINVAL);
            }
            let peek = flags.contains(RecvFlags::PEEK);
            Ok((state.recv_tcp(io.id(), bufs, peek)?, SockAddr::Unspec))
        })
    }

    fn option(&mut self, io: &Io, option: SockOpt) -> Result<OptValue> {
        self.network.with(|state| state.option(io.id(), option))
    }

    fn set_option(&mut self, io: &Io, option: SockOpt, value: OptValue) -> Result<()> {
        self.network
            .with(|state| state.set_option(io.id(), option, value))
    }

    fn option_bytes(&mut self, io: &Io, option: SockOpt, room: &mut [u8]) -> Result<usize> {
        self.network
            .with(|state| state.option_bytes(io.id(), option, room))
    }

    fn interfaces(&mut self) -> Result<Vec<Interface>> {
        Ok(address::interfaces())
    }

    fn readable_bytes(&mut self, io: &Io) -> Result<usize> {
        self.network.with(|state| state.readable_bytes(io.id()))
    }

    fn now(&self, clock: Clock) -> Duration {
        match clock {
            // A model computes nothing, so that all time counts.
            Clock::Monotonic | Clock::ThreadCpu => self.network.now(),
            Clock::Realtime => EPOCH + self.network.now(),
        }
    }

    fn wait(&mut self, io: &Io, want: Ready, timeout: Option<Duration>) -> Result<bool> {
        let want = want | Ready::ALWAYS;
        let ready = self.network.wait(&self.stopped, timeout, |state| {
            state.ready(io.id()).intersects(want).then_some(())
        })?;
        Ok(ready.is_some())
    }

    fn poll_begin(&mut self) {
        self.polled.clear();
    }

    fn poll_add(&mut self, token: u32, io: &Io, want: Ready) -> Result<()> {
        self.polled.push(PollRequest {
            token,
            id: io.id(),
            want: want | Ready::ALWAYS,
        });
        Ok(())
    }

    fn resume(&mut self) {
        self.stopped.store(false, Ordering::Relaxed);
    }

    fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.events.clear();
        let (polled, events) = (&self.polled, &mut self.events);
        self.network.wait(&self.stopped, timeout, |state| {
            for &PollRequest { token, id, want } in polled {
                let ready = state.ready(id) & want;
                if !ready.is_empty() {
                    events.push(PollEvent { token, ready });
                }
            }
            (!events.is_empty()).then_some(())
        })?;
        Ok(())
    }

    fn poll_events(&self) -> &[PollEvent] {
        &self.events
    }
}
