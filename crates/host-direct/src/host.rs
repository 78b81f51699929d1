//! [`DirectHost`]: one guest's host in a browser.

use std::convert::Infallible;
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use guestnet_core::policy::Name;
use guestnet_core::resolve::{LookupReply, Protocols, Question, Services};
use guestnet_core::{
    Clock, Domain, EpollEvent, EpollOp, Errno, Host, Kind as SocketKind, LookupError, OptValue, PeerJudge,
    PollEvent, Ready, RecvFlags, RecvMeta, Result, SendFlags, Shutdown, SockAddr, SockOpt, StreamKind,
    TimerClock, TimerFlags, TimerSpec,
};

use crate::browser::Browser;
use crate::epoll::{Epoll, Watched};
use crate::event::{Counter, Timer, written};
use crate::names::Placeholders;
use crate::object::{Io, Kind, Object};
use crate::pipe::pipe;
use crate::services;
use crate::tcp::Tcp;
use crate::timers::Timers;
use crate::udp::Udp;

/// A host over a browser's sockets.
#[derive(Debug)]
pub struct DirectHost<B: Browser> {
    browser: B,
    names: Arc<Placeholders>,
    timers: Arc<Timers<B>>,
    requests: Vec<Request<B>>,
    events: Vec<PollEvent>,
    refused_wait: bool,
    /// What was written to a counter last, or was to be.
    written: u64,
}

/// One request of a poll.
#[derive(Debug)]
struct Request<B: Browser> {
    token: u32,
    target: Weak<Object<B>>,
    want: Ready,
}

impl<B: Browser> DirectHost<B> {
    /// A host for one guest.
    pub fn new(browser: B) -> Self {
        DirectHost {
            browser,
            names: Arc::default(),
            timers: Arc::default(),
            requests: Vec::new(),
            events: Vec::new(),
            refused_wait: false,
            written: 0,
        }
    }

    /// A host for one more thread of the same guest: an address that stands for a name does so for all of them, and they wait for one
    /// another's timers.
    #[must_use]
    pub fn sibling(&self) -> Self {
        DirectHost {
            names: Arc::clone(&self.names),
            timers: Arc::clone(&self.timers),
            ..DirectHost::new(self.browser.clone())
        }
    }

    /// The browser.
    pub fn browser(&self) -> &B {
        &self.browser
    }

    /// When, by [`Clock::Monotonic`], what waits has to look again because a timer of the guest's may have expired; `None` if no
    /// expiration is to come. To be asked before what waits looks, so that no timer expires between the two.
    #[must_use]
    pub fn next_timer(&self) -> Option<Duration> {
        let remaining = self.timers.remaining()?;
        Some(self.browser.real_now(Clock::Monotonic).saturating_add(remaining))
    }

    /// Keeps in mind whether a sleep was refused.
    fn slept(&mut self, outcome: Result<()>) -> Result<()> {
        self.refused_wait |= outcome == Err(Errno::EAGAIN);
        outcome
    }

    /// Waits until `check` gives something or the time is over.
    fn wait_until<T>(
        &mut self,
        timeout: Option<Duration>,
        mut check: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Option<T>> {
        if self.browser.is_stopped() {
            return Err(Errno::EINTR);
        }
        let deadline = timeout.map(|timeout| self.browser.now(Clock::Monotonic).saturating_add(timeout));
        loop {
            let timer = self.timers.remaining();
            if let Some(found) = check(self) {
                return Ok(Some(found));
            }
            let left = deadline.map(|end| end.saturating_sub(self.browser.now(Clock::Monotonic)));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            if let Err(errno) = self.browser.wait(left, timer) {
                self.refused_wait |= errno == Errno::EAGAIN;
                return Err(errno);
            }
        }
    }
}

/// Calls something of a TCP socket or of a UDP socket; what is neither is `ENOTSOCK`.
macro_rules! socket {
    ($io:expr, $tcp:ident => $of_tcp:expr, $udp:ident => $of_udp:expr) => {
        match &mut *$io.object().kind() {
            Kind::Tcp($tcp) => $of_tcp,
            Kind::Udp($udp) => $of_udp,
            _ => Err(Errno::ENOTSOCK),
        }
    };
}

impl<B: Browser> Host for DirectHost<B>
where
    B: std::fmt::Debug,
{
    type Io = Io<B>;
    type UnixNode = Infallible;

    fn socket(&mut self, domain: Domain, kind: SocketKind) -> Result<Io<B>> {
        let kind = match (domain, kind) {
            (Domain::Unix, _) => return Err(Errno::EAFNOSUPPORT),
            (Domain::Inet | Domain::Inet6, SocketKind::Stream) => Kind::Tcp(Tcp::new(domain)),
            (Domain::Inet | Domain::Inet6, SocketKind::Datagram) => Kind::Udp(Udp::new(domain)),
            (Domain::Inet | Domain::Inet6, SocketKind::SeqPacket) => return Err(Errno::ESOCKTNOSUPPORT),
        };
        Ok(Io::new(&self.browser, kind))
    }

    fn pipe(&mut self) -> Result<(Io<B>, Io<B>)> {
        let (read, write) = pipe();
        Ok((
            Io::new(&self.browser, Kind::Pipe(read)),
            Io::new(&self.browser, Kind::Pipe(write)),
        ))
    }

    fn close(&mut self, io: Io<B>) {
        drop(io);
    }

    fn bind(&mut self, io: &Io<B>, addr: SocketAddr) -> Result<()> {
        let browser = &self.browser;
        socket!(io, tcp => tcp.bind(browser, addr), udp => udp.bind(browser, addr))
    }

    fn listen(&mut self, io: &Io<B>, backlog: i32) -> Result<()> {
        socket!(io, tcp => tcp.listen(&self.browser, backlog), _udp => Err(Errno::EOPNOTSUPP))
    }

    fn accept(&mut self, io: &Io<B>) -> Result<(Io<B>, SockAddr)> {
        let accepted = socket!(io, tcp => tcp.accept(&self.browser), _udp => Err(Errno::EOPNOTSUPP));
        let (tcp, peer) = accepted?;
        Ok((Io::new(&self.browser, Kind::Tcp(tcp)), peer.into()))
    }

    fn connect(&mut self, io: &Io<B>, addr: &SockAddr) -> Result<()> {
        let browser = &self.browser;
        match addr {
            SockAddr::Inet(addr) => {
                let named = self.names.peer(addr.ip());
                socket!(
                    io,
                    tcp => tcp.connect(browser, *addr, named),
                    udp => udp.connect(browser, *addr, named)
                )
            }
            SockAddr::Unspec => socket!(
                io,
                tcp => { tcp.dissolve(browser); Ok(()) },
                udp => { udp.dissolve(browser); Ok(()) }
            ),
            SockAddr::Unix(_) | SockAddr::UnixUnnamed => Err(Errno::EAFNOSUPPORT),
        }
    }

    fn shutdown(&mut self, io: &Io<B>, how: Shutdown) -> Result<()> {
        socket!(io, tcp => tcp.shutdown(&self.browser, how), udp => udp.shutdown(how))
    }

    fn local_addr(&mut self, io: &Io<B>) -> Result<SockAddr> {
        let browser = &self.browser;
        let addr = socket!(io, tcp => Ok(tcp.local_addr(browser)), udp => Ok(udp.local_addr(browser)));
        addr.map(SockAddr::from)
    }

    fn peer_addr(&mut self, io: &Io<B>) -> Result<SockAddr> {
        let addr = socket!(io, tcp => tcp.peer_addr(&self.browser), udp => udp.peer_addr(&self.browser));
        addr.map(SockAddr::from)
    }

    fn send(&mut self, io: &Io<B>, bufs: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        if flags.contains(SendFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let browser = &self.browser;
        socket!(io, tcp => tcp.send(browser, bufs), udp => udp.send(browser, bufs, None, false))
    }

    fn send_to(
        &mut self,
        io: &Io<B>,
        bufs: &[IoSlice<'_>],
        addr: SocketAddr,
        flags: SendFlags,
    ) -> Result<usize> {
        if flags.contains(SendFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let browser = &self.browser;
        // Linux ignores the address on a connected stream.
        let is_name = self.names.name_of(addr.ip()).is_some();
        socket!(io, tcp => tcp.send(browser, bufs), udp => udp.send(browser, bufs, Some(addr), is_name))
    }

    fn recv_from(
        &mut self,
        io: &Io<B>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        let browser = &self.browser;
        let urgent = flags.contains(RecvFlags::OOB);
        match &mut *io.object().kind() {
            Kind::Tcp(_) if urgent => Err(Errno::EINVAL),
            Kind::Udp(_) if urgent => Err(Errno::EOPNOTSUPP),
            Kind::Tcp(tcp) => Ok((tcp.recv(browser, bufs, flags)?, SockAddr::Unspec)),
            Kind::Udp(udp) => {
                let (received, from) = udp.recv(browser, bufs, flags)?;
                Ok((received, from.into()))
            }
            _ => Err(Errno::ENOTSOCK),
        }
    }

    fn epoll(&mut self) -> Result<Io<B>> {
        Ok(Io::new(&self.browser, Kind::Epoll(Epoll::default())))
    }

    fn epoll_control(&mut self, epoll: &Io<B>, io: &Io<B>, op: EpollOp) -> Result<()> {
        // An epoll in an epoll is refused, so that none can be in itself.
        if !std::ptr::eq(epoll.object(), io.object()) && matches!(*io.object().kind(), Kind::Epoll(_)) {
            return Err(Errno::ELOOP);
        }
        match &mut *epoll.object().kind() {
            Kind::Epoll(watching) if !std::ptr::eq(epoll.object(), io.object()) => {
                watching.control(io.downgrade(), op)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn epoll_take(&mut self, epoll: &Io<B>, most: usize, events: &mut Vec<EpollEvent>) -> Result<()> {
        match &mut *epoll.object().kind() {
            Kind::Epoll(epoll) => {
                epoll.take(most, events);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn eventfd(&mut self, initial: u32, semaphore: bool) -> Result<Io<B>> {
        let counter = Counter::new(initial, semaphore);
        Ok(Io::new(&self.browser, Kind::Counter(counter)))
    }

    fn timerfd(&mut self, clock: TimerClock) -> Result<Io<B>> {
        let io = Io::new(&self.browser, Kind::Timer(Timer::new(clock)));
        self.timers.add(&io);
        Ok(io)
    }

    fn set_timer(&mut self, timer: &Io<B>, flags: TimerFlags, spec: TimerSpec) -> Result<TimerSpec> {
        match &mut *timer.object().kind() {
            Kind::Timer(timer) => Ok(timer.set(&self.browser, flags, spec)),
            _ => Err(Errno::EINVAL),
        }
    }

    fn timer(&mut self, timer: &Io<B>) -> Result<TimerSpec> {
        match &*timer.object().kind() {
            Kind::Timer(timer) => Ok(timer.spec(&self.browser)),
            _ => Err(Errno::EINVAL),
        }
    }

    fn read(&mut self, io: &Io<B>, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let count = match &mut *io.object().kind() {
            Kind::Pipe(pipe) => return pipe.read(bufs),
            Kind::Counter(counter) => counter.read()?,
            Kind::Timer(timer) => timer.read(&self.browser)?,
            _ => return Err(Errno::EINVAL),
        };
        Ok(Self::fill(bufs, &count.to_ne_bytes()))
    }

    fn write(&mut self, io: &Io<B>, bufs: &[IoSlice<'_>]) -> Result<usize> {
        match &mut *io.object().kind() {
            Kind::Pipe(pipe) => pipe.write(bufs),
            Kind::Counter(counter) => {
                self.written = written(bufs);
                counter.write(self.written).map(|()| size_of::<u64>())
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn option(&mut self, io: &Io<B>, option: SockOpt) -> Result<OptValue> {
        let browser = &self.browser;
        match &mut *io.object().kind() {
            Kind::Tcp(tcp) => Ok(match option {
                SockOpt::Error => OptValue::Error(tcp.take_error(browser)),
                SockOpt::Type => OptValue::Kind(SocketKind::Stream),
                SockOpt::Domain => OptValue::Domain(tcp.domain),
                SockOpt::AcceptConn => OptValue::Flag(tcp.is_listening()),
                option => return tcp.options.value(option, tcp.domain, true),
            }),
            Kind::Udp(udp) => Ok(match option {
                SockOpt::Error => OptValue::Error(udp.take_error(browser)),
                SockOpt::Type => OptValue::Kind(SocketKind::Datagram),
                SockOpt::Domain => OptValue::Domain(udp.domain),
                SockOpt::AcceptConn => OptValue::Flag(false),
                option => return udp.options.value(option, udp.domain, false),
            }),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    fn set_option(&mut self, io: &Io<B>, option: SockOpt, value: OptValue) -> Result<()> {
        let browser = &self.browser;
        match &mut *io.object().kind() {
            Kind::Tcp(tcp) => {
                let opened = tcp.is_opened();
                tcp.options.set(option, value, (tcp.domain, true), opened)
            }
            Kind::Udp(udp) => match (option, value) {
                (
                    SockOpt::IpAddMembership | SockOpt::IpDropMembership,
                    OptValue::Membership4 { group, interface },
                ) if interface.is_unspecified() => {
                    udp.group(browser, group.into(), option == SockOpt::IpAddMembership)
                }
                (
                    SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup,
                    OptValue::Membership6 { group, interface: 0 },
                ) => udp.group(browser, group.into(), option == SockOpt::Ipv6JoinGroup),
                // The browser chooses the interface.
                (SockOpt::IpAddMembership | SockOpt::IpDropMembership, OptValue::Membership4 { .. })
                | (SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup, OptValue::Membership6 { .. }) => {
                    Err(Errno::ENODEV)
                }
                _ => {
                    let opened = udp.id().is_some();
                    udp.options.set(option, value, (udp.domain, false), opened)
                }
            },
            _ => Err(Errno::ENOTSOCK),
        }
    }

    fn readable_bytes(&mut self, io: &Io<B>) -> Result<usize> {
        let browser = &self.browser;
        match &*io.object().kind() {
            Kind::Tcp(tcp) => tcp.readable_bytes(browser),
            Kind::Udp(udp) => Ok(udp.readable_bytes(browser)),
            Kind::Pipe(pipe) => Ok(pipe.readable_bytes()),
            Kind::Epoll(_) | Kind::Counter(_) | Kind::Timer(_) | Kind::Lookup(_) => Err(Errno::ENOTTY),
        }
    }

    fn stream_kind(&mut self, io: &Io<B>) -> StreamKind {
        match &*io.object().kind() {
            Kind::Pipe(_) => StreamKind::Pipe,
            Kind::Tcp(_) | Kind::Udp(_) => StreamKind::Socket,
            Kind::Counter(_) => StreamKind::Counter,
            Kind::Timer(timer) => StreamKind::Timer(timer.clock()),
            Kind::Epoll(_) | Kind::Lookup(_) => StreamKind::Unknown,
        }
    }

    fn lookup_start(&mut self, question: &Question) -> std::result::Result<Io<B>, LookupError> {
        let reply = self.names.reply(question);
        Ok(Io::new(&self.browser, Kind::Lookup(Some(reply))))
    }

    fn lookup_take(&mut self, lookup: &Io<B>) -> Option<LookupReply> {
        match &mut *lookup.object().kind() {
            Kind::Lookup(reply) => reply.take(),
            _ => None,
        }
    }

    fn name_of(&self, ip: IpAddr) -> Option<Name> {
        self.names.name_of(ip)
    }

    fn set_peer_judge(&mut self, judge: PeerJudge) {
        self.names.set_judge(judge);
    }

    fn services(&mut self) -> Arc<Services> {
        services::services()
    }

    fn protocols(&mut self) -> Arc<Protocols> {
        services::protocols()
    }

    fn now(&self, clock: Clock) -> Duration {
        self.browser.now(clock)
    }

    fn wait(&mut self, io: &Io<B>, want: Ready, timeout: Option<Duration>) -> Result<bool> {
        let want = want | Ready::ALWAYS;
        let ready = self.wait_until(timeout, |host| {
            let ready = io.object().ready_again(host.written);
            ready.intersects(want).then_some(())
        })?;
        Ok(ready.is_some())
    }

    fn take_refused_wait(&mut self) -> bool {
        std::mem::take(&mut self.refused_wait)
    }

    fn pause(&mut self, pause: Duration, remaining: Option<Duration>) -> Result<()> {
        let paused = self.browser.pause(pause, remaining);
        self.slept(paused)
    }

    fn sleep(&mut self, time: Option<Duration>) -> Result<()> {
        let slept = self.browser.sleep(time);
        self.slept(slept)
    }

    fn poll_begin(&mut self) {
        self.requests.clear();
        self.events.clear();
    }

    fn poll_add(&mut self, token: u32, io: &Io<B>, want: Ready) -> Result<()> {
        self.requests.push(Request {
            token,
            target: io.downgrade(),
            want: want | Ready::ALWAYS,
        });
        Ok(())
    }

    fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        let waited = self.wait_until(timeout, |host| {
            host.events.clear();
            for request in &host.requests {
                let ready = request
                    .target
                    .upgrade()
                    .map_or(Ready::empty(), |target| target.ready());
                let ready = ready & request.want;
                if !ready.is_empty() {
                    host.events.push(PollEvent {
                        token: request.token,
                        ready,
                    });
                }
            }
            (!host.events.is_empty()).then_some(())
        });
        waited.map(drop)
    }

    fn resume(&mut self) {
        self.browser.resume();
    }

    fn poll_events(&self) -> &[PollEvent] {
        &self.events
    }
}
