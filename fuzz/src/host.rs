//! A host whose answers are the script's. It holds the core to its word: nothing that the policy denies may arrive
//! here, and no answer, however strange, may make the core panic or loop.
//!
//! With a resolver of the target's own it is judged by the target what the policy makes of the addresses.

use crate::Script;
use guestnet_core::policy::{NoPins, Policy, Protocol, Use};
use guestnet_core::resolve::{LookupReply, Question, Records, Services};
use guestnet_core::{
    Clock, Domain, Errno, Host, Kind, LookupError, OptValue, PollEvent, Ready, RecvFlags, RecvMeta, Result,
    SendFlags, Shutdown, SockAddr, SockOpt, StreamKind, wildcard,
};
use std::cell::{Cell, RefCell};
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Every byte of a datagram whose sender the policy denies.
pub const FORBIDDEN: u8 = 0xee;

/// Every other byte that comes from the network, and counts against the limit of bytes.
pub const COUNTED: u8 = 2;

/// What comes from a UNIX socket or a stream.
const UNCOUNTED: u8 = 1;

/// Whether the policy allows an address.
pub fn allowed(policy: &Policy, usage: Use, protocol: Protocol, addr: SocketAddr) -> bool {
    policy.decide(usage, protocol, addr, &NoPins).is_allowed()
}

/// A kernel object of the model.
#[derive(Debug)]
pub struct Io {
    domain: Domain,
    kind: Kind,
    bound: Cell<bool>,
    /// The last answer of getsockname, which listen is judged by.
    local: Cell<Option<SocketAddr>>,
    /// The length of what a peek has shown, which is what the next receive takes.
    head: Cell<Option<u8>>,
    open: Rc<Cell<usize>>,
}

impl Drop for Io {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

/// Answers a question at once.
pub type Resolver = Box<dyn FnMut(&Question) -> LookupReply>;

/// What another thread of the guest does in the middle of a call.
pub type Meanwhile = Rc<RefCell<Option<Box<dyn FnMut()>>>>;

/// See the module's text.
pub struct ScriptHost {
    script: Script,
    policy: Arc<Policy>,
    open: Rc<Cell<usize>>,
    /// Milliseconds; each look at the clock takes one.
    ticks: Arc<AtomicU64>,
    polled: Vec<PollEvent>,
    resolver: Option<Resolver>,
    reply: Option<LookupReply>,
    meanwhile: Meanwhile,
    /// Bytes that were sent over the network.
    sent: u64,
}

impl ScriptHost {
    /// A host under a policy; the counter is the number of its objects that are open.
    pub fn new(script: Script, policy: Arc<Policy>) -> (Self, Rc<Cell<usize>>) {
        let open = Rc::new(Cell::new(0));
        let host = Self {
            script,
            policy,
            open: Rc::clone(&open),
            ticks: Arc::default(),
            polled: Vec::new(),
            resolver: None,
            reply: None,
            meanwhile: Meanwhile::default(),
            sent: 0,
        };
        (host, open)
    }

    /// A host on which everything succeeds, with a resolver and a clock of the target's own.
    pub fn resolving(policy: Arc<Policy>, resolver: Resolver, ticks: Arc<AtomicU64>) -> Self {
        let (host, _) = Self::new(Script::new(&[]), policy);
        Self {
            resolver: Some(resolver),
            ticks,
            ..host
        }
    }

    /// What happens at the beginning of each call that moves bytes or waits.
    pub fn meanwhile(&self) -> Meanwhile {
        Rc::clone(&self.meanwhile)
    }

    fn happens_meanwhile(&self) {
        if let Some(act) = &mut *self.meanwhile.borrow_mut() {
            act();
        }
    }

    /// So many bytes leave.
    fn leave(&mut self, io: &Io, bytes: usize) -> usize {
        if io.domain != Domain::Unix {
            self.sent += bytes as u64;
            let total = self.policy.limits().bytes_total.unwrap_or(u64::MAX);
            assert!(self.sent <= total, "{} bytes were sent of {total}", self.sent);
        }
        bytes
    }

    /// What a byte that comes by this looks like, if the sender is allowed.
    fn mark(io: &Io) -> u8 {
        if io.domain == Domain::Unix {
            UNCOUNTED
        } else {
            COUNTED
        }
    }

    fn io(&self, domain: Domain, kind: Kind) -> Io {
        self.open.set(self.open.get() + 1);
        let (bound, local) = (Cell::new(false), Cell::new(None));
        Io {
            domain,
            kind,
            bound,
            local,
            head: Cell::default(),
            open: Rc::clone(&self.open),
        }
    }

    /// Success more often than not; at the end of the script always.
    fn outcome(&self) -> Result<()> {
        match self.script.next() {
            Some(byte @ 128..) => Err(Errno::ALL[usize::from(byte - 128) % Errno::ALL.len()]),
            _ => Ok(()),
        }
    }

    /// As [`Self::outcome`] for what waits: at the end of the script there is nothing.
    fn arrival(&self) -> Result<u8> {
        match self.script.next() {
            Some(byte @ 0..192) => Ok(byte),
            Some(_) => Err(Errno::ECONNRESET),
            None => Err(Errno::EAGAIN),
        }
    }

    /// The length of what is at the head of the queue.
    fn head(&self, io: &Io, flags: RecvFlags) -> Result<u8> {
        let len = match io.head.take() {
            Some(len) => len,
            None => self.arrival()?,
        };
        if flags.contains(RecvFlags::PEEK) {
            io.head.set(Some(len));
        }
        Ok(len)
    }

    /// What a receive says of a head of which so much was stored.
    fn meta(io: &Io, flags: RecvFlags, len: u8, stored: usize) -> RecvMeta {
        let whole = io.kind == Kind::Datagram && flags.contains(RecvFlags::TRUNC);
        RecvMeta {
            len: if whole { usize::from(len) } else { stored },
            truncated: io.kind == Kind::Datagram && stored < usize::from(len),
        }
    }

    fn must_allow(&self, usage: Use, protocol: Protocol, addr: SocketAddr) {
        assert!(
            self.resolver.is_some() || allowed(&self.policy, usage, protocol, addr),
            "{usage} {protocol} {addr} reached the host although the policy denies it"
        );
    }

    fn must_allow_path(&self, path: &str) {
        assert!(
            self.policy.decide_unix(path).is_allowed(),
            "{path} reached the host although it is denied"
        );
    }
}

fn protocol(kind: Kind) -> Protocol {
    match kind {
        Kind::Stream | Kind::SeqPacket => Protocol::Tcp,
        Kind::Datagram => Protocol::Udp,
    }
}

fn fill(bufs: &mut [IoSliceMut<'_>], want: u8, with: u8) -> usize {
    let mut left = usize::from(want);
    for buf in bufs {
        let count = left.min(buf.len());
        buf[..count].fill(with);
        left -= count;
    }
    usize::from(want) - left
}

fn room(bufs: &[IoSlice<'_>]) -> usize {
    bufs.iter().map(|buf| buf.len()).sum()
}

impl Host for ScriptHost {
    type Io = Io;
    type UnixNode = String;

    fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Io> {
        self.outcome().map(|()| self.io(domain, kind))
    }

    fn close(&mut self, io: Io) {
        drop(io);
    }

    fn bind(&mut self, io: &Io, addr: SocketAddr) -> Result<()> {
        self.must_allow(Use::Listen, protocol(io.kind), addr);
        io.local.set(None);
        self.outcome().map(|()| io.bound.set(true))
    }

    fn listen(&mut self, io: &Io, _backlog: i32) -> Result<()> {
        if io.kind == Kind::Stream
            && !io.bound.get()
            && let Some(local) = io.local.get().or(wildcard(io.domain))
        {
            self.must_allow(Use::Listen, Protocol::Tcp, local);
        }
        self.outcome()
    }

    fn accept(&mut self, io: &Io) -> Result<(Io, SockAddr)> {
        self.arrival()?;
        let peer = if io.domain == Domain::Unix {
            SockAddr::UnixUnnamed
        } else {
            self.script.inet().into()
        };
        Ok((self.io(io.domain, io.kind), peer))
    }

    fn connect(&mut self, io: &Io, addr: &SockAddr) -> Result<()> {
        if let Some(addr) = addr.inet() {
            self.must_allow(Use::Connect, protocol(io.kind), addr);
        }
        io.local.set(None);
        if *addr == SockAddr::Unspec {
            io.bound.set(false);
        }
        self.outcome()
    }

    fn shutdown(&mut self, _io: &Io, _how: Shutdown) -> Result<()> {
        self.outcome()
    }

    fn local_addr(&mut self, io: &Io) -> Result<SockAddr> {
        self.outcome()?;
        // It is what it was, unless the socket has been bound or connected.
        if let Some(addr) = io.local.get() {
            return Ok(addr.into());
        }
        let addr = self.script.address();
        io.local.set(addr.inet());
        Ok(addr)
    }

    fn peer_addr(&mut self, _io: &Io) -> Result<SockAddr> {
        self.outcome().map(|()| self.script.address())
    }

    fn send(&mut self, io: &Io, bufs: &[IoSlice<'_>], _flags: SendFlags) -> Result<usize> {
        self.happens_meanwhile();
        self.outcome()?;
        let some = self.script.next().map_or(usize::MAX, usize::from);
        // A datagram goes whole.
        let most = if io.kind == Kind::Stream { some } else { usize::MAX };
        Ok(self.leave(io, room(bufs).min(most)))
    }

    fn send_to(
        &mut self,
        io: &Io,
        bufs: &[IoSlice<'_>],
        addr: SocketAddr,
        _flags: SendFlags,
    ) -> Result<usize> {
        self.happens_meanwhile();
        self.must_allow(Use::Connect, Protocol::Udp, addr);
        self.outcome()?;
        Ok(self.leave(io, room(bufs)))
    }

    fn recv(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<RecvMeta> {
        self.happens_meanwhile();
        let len = self.head(io, flags)?;
        let stored = fill(bufs, len, Self::mark(io));
        Ok(Self::meta(io, flags, len, stored))
    }

    fn recv_from(
        &mut self,
        io: &Io,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(RecvMeta, SockAddr)> {
        self.happens_meanwhile();
        let len = self.head(io, flags)?;
        if io.domain == Domain::Unix {
            let stored = fill(bufs, len, UNCOUNTED);
            return Ok((Self::meta(io, flags, len, stored), SockAddr::UnixUnnamed));
        }
        let from = self.script.inet();
        let known = [Use::Accept, Use::Connect]
            .iter()
            .any(|side| allowed(&self.policy, *side, Protocol::Udp, from));
        let stored = fill(bufs, len, if known { COUNTED } else { FORBIDDEN });
        Ok((Self::meta(io, flags, len, stored), from.into()))
    }

    fn read(&mut self, _io: &Io, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let len = self.arrival()?;
        Ok(fill(bufs, len, UNCOUNTED))
    }

    fn write(&mut self, _io: &Io, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.outcome().map(|()| room(bufs))
    }

    fn option(&mut self, _io: &Io, _option: SockOpt) -> Result<OptValue> {
        self.outcome()
            .map(|()| OptValue::Int(i32::from(self.script.byte())))
    }

    fn set_option(&mut self, _io: &Io, option: SockOpt, value: OptValue) -> Result<()> {
        if option == SockOpt::Broadcast && value != OptValue::Int(0) {
            assert!(
                self.policy.decide_broadcast().is_allowed(),
                "a socket may broadcast"
            );
        }
        self.outcome()
    }

    fn readable_bytes(&mut self, _io: &Io) -> Result<usize> {
        self.outcome().map(|()| usize::from(self.script.byte()))
    }

    fn stream_kind(&mut self, _io: &Io) -> StreamKind {
        StreamKind::Pipe
    }

    fn unix_node(&mut self, path: &str, _create: bool) -> Result<(String, String)> {
        self.outcome()?;
        // A symbolic link may lead anywhere.
        let resolved = if self.script.bool() {
            self.script.path()
        } else {
            path
        };
        Ok((resolved.to_owned(), resolved.to_owned()))
    }

    fn unix_bind(&mut self, io: &Io, place: &String, _name: &str) -> Result<()> {
        self.must_allow_path(place);
        io.local.set(None);
        self.outcome().map(|()| io.bound.set(true))
    }

    fn unix_connect(&mut self, _io: &Io, place: &String) -> Result<()> {
        self.must_allow_path(place);
        self.outcome()
    }

    fn unix_send_to(
        &mut self,
        _io: &Io,
        bufs: &[IoSlice<'_>],
        place: &String,
        _flags: SendFlags,
    ) -> Result<usize> {
        self.must_allow_path(place);
        self.outcome().map(|()| room(bufs))
    }

    fn now(&self, _clock: Clock) -> Duration {
        Duration::from_millis(self.ticks.fetch_add(1, Ordering::Relaxed))
    }

    fn wait(&mut self, _io: &Io, _want: Ready, _timeout: Option<Duration>) -> Result<bool> {
        self.happens_meanwhile();
        match self.script.next() {
            Some(byte @ 0..250) => Ok(byte & 1 == 1),
            _ => Err(Errno::EINTR),
        }
    }

    fn poll_begin(&mut self) {
        self.polled.clear();
    }

    fn poll_add(&mut self, token: u32, _io: &Io, want: Ready) -> Result<()> {
        self.outcome()?;
        self.polled.push(PollEvent { token, ready: want });
        Ok(())
    }

    fn poll_wait(&mut self, _timeout: Option<Duration>) -> Result<()> {
        self.outcome()
    }

    fn poll_events(&self) -> &[PollEvent] {
        &self.polled
    }

    fn lookup_start(&mut self, question: &Question) -> Result<Io, LookupError> {
        self.outcome().map_err(LookupError::System)?;
        self.reply = self.resolver.as_mut().map(|resolver| resolver(question));
        Ok(self.io(Domain::Unix, Kind::Datagram))
    }

    fn lookup_take(&mut self, _lookup: &Io) -> Option<LookupReply> {
        if self.resolver.is_some() {
            return self.reply.take();
        }
        let outcome = match self.script.byte() {
            0..128 => Ok(Records {
                addresses: vec![self.script.inet().ip()],
                ..Records::default()
            }),
            _ => Err(LookupError::NoName),
        };
        let lifetime = self.script.bool().then_some(Duration::from_secs(1));
        Some(LookupReply { outcome, lifetime })
    }

    fn services(&mut self) -> Arc<Services> {
        let text = if self.script.bool() { "http 80/tcp www\n" } else { "" };
        Arc::new(Services::parse(text))
    }
}
