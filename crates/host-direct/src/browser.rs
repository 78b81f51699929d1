//! [`Browser`]: what JavaScript does with Direct Sockets for this host, and nothing of POSIX.
//!
//! A socket of the browser opens in the background, can fail when it opens, and has a queue for each direction. No call waits,
//! none fails at once: what became of one is in [`Browser::state`] and [`Browser::failure`].

use std::net::SocketAddr;
use std::time::Duration;

use guestnet_core::{Clock, Result};

/// A socket of the browser. 0 is none.
pub type Id = u32;

bitflags::bitflags! {
    /// What a socket of the browser is and can do.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct State: u32 {
        /// It is open.
        const OPEN = 1;
        /// It could not be opened; [`Browser::failure`] says why.
        const FAILED = 1 << 1;
        /// Bytes, a datagram or a connection are there to be taken.
        const READABLE = 1 << 2;
        /// There is room in its queue to send from.
        const WRITABLE = 1 << 3;
        /// The peer has ended its direction. What it sent before can still be taken.
        const END = 1 << 4;
        /// It was reset, or what became of it cannot be known; [`Browser::failure`] says why. What came before can be taken.
        const BROKEN = 1 << 5;
        /// The browser has taken everything that was sent.
        const SENT = 1 << 6;
    }
}

/// Why a socket could not be opened, or broke. The browser says less than Linux: refused, unreachable and in use are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A `NetworkError`: refused, unreachable, or in use.
    Network,
    /// The name is not known.
    NotFound,
    /// The connection was reset.
    Reset,
    /// The user or the browser does not permit it.
    NotAllowed,
    /// The browser does not take the arguments.
    Invalid,
    /// It took too long.
    TimedOut,
    /// Anything else.
    Other,
}

/// Which address of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The socket's own.
    Local,
    /// The peer's.
    Remote,
}

/// The options of a `TCPSocket`. They cannot be changed once it opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// `noDelay`.
    pub no_delay: bool,
    /// `keepAliveDelay`; the browser takes a second or more.
    pub keep_alive: Option<Duration>,
    /// `sendBufferSize`, bytes.
    pub send_buffer: Option<u32>,
    /// `receiveBufferSize`, bytes.
    pub receive_buffer: Option<u32>,
}

/// The options of a `UDPSocket`. They cannot be changed once it opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpOptions {
    /// `sendBufferSize`, bytes.
    pub send_buffer: Option<u32>,
    /// `receiveBufferSize`, bytes.
    pub receive_buffer: Option<u32>,
    /// `ipv6Only`, of a socket at the wildcard of IPv6.
    pub only_v6: Option<bool>,
    /// `multicastAllowAddressSharing`.
    pub address_sharing: bool,
    /// `multicastTimeToLive`.
    pub multicast_ttl: Option<u8>,
    /// `multicastLoopback`.
    pub multicast_loopback: Option<bool>,
}

/// The browser, or a stand-in of it. A clone is the same one.
pub trait Browser: Clone {
    /// Begins to open a `TCPSocket` to an address.
    fn tcp_connect(&self, to: SocketAddr, options: &TcpOptions) -> Id;

    /// The same to a name, which the browser looks up.
    fn tcp_connect_to_name(&self, name: &str, port: u16, options: &TcpOptions) -> Id;

    /// Begins to open a `TCPServerSocket`; port 0 is one of the browser's choice.
    fn tcp_listen(&self, at: SocketAddr, backlog: Option<u32>, only_v6: Option<bool>) -> Id;

    /// Begins to open a `UDPSocket` that is bound to an address; port 0 is one of the browser's choice.
    fn udp_bind(&self, at: SocketAddr, options: &UdpOptions) -> Id;

    /// Begins to open a `UDPSocket` that is connected to an address.
    fn udp_connect(&self, to: SocketAddr, options: &UdpOptions) -> Id;

    /// The same to a name, which the browser looks up.
    fn udp_connect_to_name(&self, name: &str, port: u16, options: &UdpOptions) -> Id;

    /// What a socket is and can do now.
    fn state(&self, id: Id) -> State;

    /// Why it failed or broke; [`Failure::Other`] if it did neither.
    fn failure(&self, id: Id) -> Failure;

    /// An address, if it is known: those of a connection are as soon as it is open. A connection that was accepted has no local
    /// one of its own.
    fn address(&self, id: Id, end: End) -> Option<SocketAddr>;

    /// How many bytes can be taken; for datagrams the next one's length.
    fn available(&self, id: Id) -> usize;

    /// How often something arrived: bytes, a datagram, a connection, an end, or room after there was none. It may wrap.
    fn arrivals(&self, id: Id) -> u32;

    /// Takes bytes of a connection. With `peek_at` they stay, and the copy begins so many bytes behind the first one. 0: there is
    /// nothing.
    fn recv(&self, id: Id, buffer: &mut [u8], peek_at: Option<usize>) -> usize;

    /// Takes a datagram, cut to the buffer: its whole length, and its sender. With `peek` it stays.
    fn recv_from(&self, id: Id, buffer: &mut [u8], peek: bool) -> Option<(usize, SocketAddr)>;

    /// Queues bytes of a connection, as many as there is room for, or a whole datagram of a connected socket, if there is.
    fn send(&self, id: Id, data: &[u8]) -> usize;

    /// Queues a whole datagram of a bound socket; false: there is no room.
    fn send_to(&self, id: Id, data: &[u8], to: SocketAddr) -> bool;

    /// Takes a connection that has arrived, open.
    fn accept(&self, id: Id) -> Option<Id>;

    /// Ends the direction to the peer when everything is sent. False: the browser cannot, because the peer has not ended its own.
    fn end(&self, id: Id) -> bool;

    /// Closes a socket. What was queued is sent first.
    fn close(&self, id: Id);

    /// Joins or leaves a group, in the background. False: this socket cannot.
    fn group(&self, id: Id, group: std::net::IpAddr, join: bool) -> bool;

    /// The time of a clock.
    fn now(&self, clock: Clock) -> Duration;

    /// The time of a clock as it is, where [`Browser::now`] is ahead because a call's wait counts as over: what a timer of the guest's
    /// goes by. By default it is never ahead.
    fn real_now(&self, clock: Clock) -> Duration {
        self.now(clock)
    }

    /// Whether the guest was stopped: then no wait begins. By default none is.
    fn is_stopped(&self) -> bool {
        false
    }

    /// Takes a stop back: later waits begin again. By default there is none.
    fn resume(&self) {}

    /// Waits until something may have changed or the time is over; more often is no harm. With a `timer` something changes after so
    /// long at the latest. A browser that cannot wait, because its events come on this very thread, says `EAGAIN`, and the guest's
    /// call says it too: its adapter waits in another way and then makes the same call again.
    ///
    /// # Errors
    /// `EAGAIN`: this thread cannot wait. `EINTR`: the guest was stopped.
    fn wait(&self, timeout: Option<Duration>, timer: Option<Duration>) -> Result<()>;

    /// Sleeps for `time`, `None` for ever, before the guest's call looks at the clock again. A browser that cannot wait says `EAGAIN`,
    /// after which the guest's adapter makes the same call again when the time is over. By default a wait.
    ///
    /// # Errors
    /// As [`Browser::wait`].
    fn sleep(&self, time: Option<Duration>) -> Result<()> {
        self.wait(time, None)
    }

    /// Sleeps for `pause`, at most for `remaining`, although nothing may have changed. A browser that cannot wait says `EAGAIN` after
    /// which the guest's adapter waits for a change, or until `remaining` is over. By default a wait.
    ///
    /// # Errors
    /// As [`Browser::wait`].
    fn pause(&self, pause: Duration, remaining: Option<Duration>) -> Result<()> {
        self.sleep(Some(remaining.map_or(pause, |remaining| remaining.min(pause))))
    }
}
