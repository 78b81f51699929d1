//! [`Socket`]: what the core keeps of a socket, for all threads and descriptors that use it.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::AtomicU16;
use std::time::Duration;

use crate::addr::{Domain, Kind, SockAddr};
use crate::blocking::RecvStrategy;
use crate::capacity::{Buffers, SocketPermit};
use crate::cell::{Address, Count, Flag, KeptError, TimeLimit};
use crate::errno::{Errno, Result};
use crate::policy::Protocol;
use crate::sync::lock;

/// How many peers or datagrams that the policy refuses one call takes off a queue before it looks whether the guest
/// was stopped. A non-blocking call then returns `EAGAIN`: a flood from a forbidden peer holds no guest up.
pub(crate) const REFUSALS: usize = 64;

/// How long a connect may be under way before it is judged again: longer than Linux tries by default (tcp(7),
/// `tcp_syn_retries`).
const LONGEST_CONNECT: Duration = Duration::from_secs(180);

/// A connect, or a bind, that was judged and is not over: the guest, or its adapter, asks what became of it by the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingConnect {
    to: SockAddr,
    /// Since when it is remembered.
    since: Option<Duration>,
    /// The limits of bytes and rate have counted it: the host was asked to connect.
    pub(crate) counted: bool,
    /// It is a bind(2), or the bind of a listen(2), which the host answers late: it counts against nothing.
    binds: bool,
}

impl PendingConnect {
    /// A connect that is judged now.
    pub(crate) fn new(to: SockAddr) -> Self {
        PendingConnect {
            to,
            since: None,
            counted: false,
            binds: false,
        }
    }
}

/// A socket of a guest.
#[derive(Debug)]
pub struct Socket<Io> {
    pub(crate) io: Io,
    pub(crate) domain: Domain,
    pub(crate) kind: Kind,
    pub(crate) nonblocking: Flag,
    /// The guest bound it itself, with the listen permission, or it was handed over bound. A datagram socket that
    /// only sending or connecting bound may receive only from peers that it may send to; a stream without the
    /// permission must ask for it to listen.
    pub(crate) bound: Flag,
    /// It is an end of a socketpair(2): its peer is the guest itself.
    pub(crate) is_of_pair: Flag,
    /// `SO_RCVTIMEO`, for blocking receives and accepts.
    pub(crate) recv_timeout: TimeLimit,
    /// `SO_SNDTIMEO`, for blocking sends and connects.
    pub(crate) send_timeout: TimeLimit,
    /// `SO_RCVLOWAT`: a blocking receive from a stream waits for so many bytes.
    pub(crate) low_water: Count,
    /// `UDP_SEGMENT`: what a send is cut into, 0 for nothing.
    pub(crate) segment: AtomicU16,
    /// A datagram socket whose receiving side was shut down: a receive that would block ends instead.
    pub(crate) receive_ended: Flag,
    /// Of a stream's blocking receives.
    pub(crate) strategy: RecvStrategy,
    /// The DNS server that the guest believes to talk to, while our stub answers.
    pub(crate) dns_redirect: Address,
    /// `SO_BROADCAST` as the guest has set it, where the policy does not let the kernel know.
    pub(crate) broadcast: Flag,
    /// The peer that a datagram socket is connected to: the kernel lets through only what comes from there, and the
    /// policy was asked about it.
    pub(crate) peer: Address,
    /// An error that an adapter took to report it by an event: the next `SO_ERROR` has it. Or a pending one, which a batch failed
    /// with after it had received something: the next call that moves data returns it too.
    pub(crate) kept_error: KeptError,
    /// The connect that is under way, or the bind that the host has not answered.
    pub(crate) connecting: Mutex<Option<Box<PendingConnect>>>,
    /// Whether there may be one, so that a connect which is over at once takes no lock.
    may_be_connecting: Flag,
    /// How much of the head of its queue a peek has shown, where bytes are counted: it is counted already.
    pub(crate) peeked: Mutex<usize>,
    /// What its buffers take of the guest's capacity.
    pub(crate) buffers: Buffers,
    /// Of an IP socket, what was asked for by `SO_SNDBUF` and `SO_RCVBUF` at most, as the kernel made it. Of a UNIX socket,
    /// the first is what its send buffer began with.
    pub(crate) asked: Mutex<[usize; 2]>,
    /// Its place among the guest's sockets.
    _permit: SocketPermit,
}

impl<Io> Socket<Io> {
    pub(crate) fn new(
        io: Io,
        domain: Domain,
        kind: Kind,
        permit: SocketPermit,
        buffers: Buffers,
    ) -> Box<Self> {
        Box::new(Socket {
            io,
            domain,
            kind,
            nonblocking: Flag::new(false),
            bound: Flag::new(false),
            is_of_pair: Flag::new(false),
            recv_timeout: TimeLimit::none(),
            send_timeout: TimeLimit::none(),
            low_water: Count::new(1),
            segment: AtomicU16::new(0),
            receive_ended: Flag::new(false),
            strategy: RecvStrategy::default(),
            dns_redirect: Address::default(),
            broadcast: Flag::new(false),
            peer: Address::default(),
            kept_error: KeptError::default(),
            connecting: Mutex::default(),
            may_be_connecting: Flag::new(false),
            peeked: Mutex::default(),
            buffers,
            asked: Mutex::default(),
            _permit: permit,
        })
    }

    /// The family.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What receives that wait have met, if it is a stream.
    pub fn recv_strategy(&self) -> Option<&RecvStrategy> {
        (self.kind == Kind::Stream).then_some(&self.strategy)
    }

    /// Whether it is a datagram socket whose receiving side was shut down: a blocking receive then ends where it would
    /// wait.
    pub fn receiving_has_ended(&self) -> bool {
        self.receive_ended.get()
    }

    /// Whether a batch has left an error that no call has returned yet.
    pub(crate) fn has_pending_error(&self) -> bool {
        self.kept_error.is_pending()
    }

    /// Whether what it moves counts against a limit of bytes: not that of UNIX sockets, which stay on the machine.
    pub(crate) fn is_metered(&self) -> bool {
        self.domain != Domain::Unix
    }

    /// What a UNIX socket's send buffer began with.
    pub(crate) fn send_buffer(&self) -> u64 {
        let [begins, _] = *lock(&self.asked);
        u64::try_from(begins).unwrap_or(u64::MAX)
    }

    /// Takes room for the send buffer of a UNIX socket, once, before it can send anything. Its memory is what it has
    /// sent and the receiver has not read. The kernel has no limit for all of these together, as it has for TCP's and
    /// UDP's (`tcp_mem`, `udp_mem`).
    ///
    /// # Errors
    /// `ENOBUFS`.
    pub(crate) fn take_send_buffer(&self) -> Result<()> {
        // Held, so that two threads do not take it twice.
        let asked = lock(&self.asked);
        let [begins, _] = *asked;
        if self.buffers.bytes() > 0 {
            return Ok(());
        }
        self.buffers.grow(u64::try_from(begins).unwrap_or(u64::MAX))
    }

    /// Whether a bind to this address was judged and the host has not answered.
    pub(crate) fn is_binding(&self, addr: SocketAddr) -> bool {
        let pending = lock(&self.connecting);
        pending
            .as_deref()
            .is_some_and(|pending| pending.binds && pending.to == addr.into())
    }

    /// Remembers what became of a bind that was judged.
    pub(crate) fn bind_returned(&self, addr: SocketAddr, outcome: &Result<()>) {
        let mut pending = lock(&self.connecting);
        match outcome {
            Err(Errno::EAGAIN) => {
                self.may_be_connecting.set(true);
                *pending = Some(Box::new(PendingConnect {
                    binds: true,
                    ..PendingConnect::new(addr.into())
                }));
            }
            // A connect that is under way stays so: the bind was refused.
            _ if pending.as_deref().is_some_and(|pending| pending.binds) => *pending = None,
            _ => {}
        }
    }

    /// The connect to this address, if it is under way. The same call again is the same operation: the lifetime of a name
    /// may have ended meanwhile, and the connection may be made.
    pub(crate) fn pending_connect(
        &self,
        to: &SockAddr,
        now: impl FnOnce() -> Duration,
    ) -> Option<PendingConnect> {
        if !self.may_be_connecting.get() {
            return None;
        }
        let pending = lock(&self.connecting);
        let pending = pending
            .as_deref()
            .filter(|pending| !pending.binds && pending.to == *to)?;
        let age = now().saturating_sub(pending.since.unwrap_or_default());
        (age < LONGEST_CONNECT).then(|| pending.clone())
    }

    /// Remembers what became of a connect that was judged.
    pub(crate) fn connect_returned(
        &self,
        mut pending: PendingConnect,
        outcome: &Result<()>,
        now: impl FnOnce() -> Duration,
    ) {
        let goes_on = matches!(outcome, Err(Errno::EINPROGRESS | Errno::EAGAIN));
        if !goes_on && !self.may_be_connecting.get() {
            return;
        }
        let mut connecting = lock(&self.connecting);
        match outcome {
            // The rate held it back: one that is under way to another address stays so.
            Err(Errno::EAGAIN) if connecting.as_ref().is_some_and(|earlier| earlier.counted) => {}
            // EAGAIN: there is no room in the backlog of a UNIX listener, or under the rate, yet.
            Err(Errno::EINPROGRESS | Errno::EAGAIN) => {
                pending.since.get_or_insert_with(now);
                self.may_be_connecting.set(true);
                *connecting = Some(Box::new(pending));
            }
            // Of the connect that is under way, whichever address was said this time; or the guest was stopped.
            Err(Errno::EALREADY | Errno::EINTR) => {
                // What a bind was judged by may be another address now.
                connecting.take_if(|pending| pending.binds);
            }
            _ => {
                *connecting = None;
                self.may_be_connecting.set(false);
            }
        }
    }

    /// The protocol that a rule can name; a UNIX socket has none.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.kind {
            Kind::Stream | Kind::SeqPacket => Protocol::Tcp,
            Kind::Datagram => Protocol::Udp,
        }
    }
}
