//! Socket options: their names, and the trait that gives all of them to every descriptor. Numbers are the business of `sys`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::addr;
use crate::sys;

/// An option whose value is an int. docs/options.md has what a guest may do with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opt {
    ReuseAddr,
    ReusePort,
    Error,
    DontRoute,
    Broadcast,
    SndBuf,
    RcvBuf,
    KeepAlive,
    OobInline,
    RcvLowat,
    AcceptConn,
    TcpNoDelay,
    TcpMaxSeg,
    TcpCork,
    TcpKeepIdle,
    TcpKeepIntvl,
    TcpKeepCnt,
    TcpSynCnt,
    TcpLinger2,
    TcpDeferAccept,
    TcpWindowClamp,
    TcpQuickAck,
    TcpUserTimeout,
    TcpFastOpen,
    TcpFastOpenConnect,
    TcpNotSentLowat,
    IpTos,
    IpTtl,
    IpMulticastTtl,
    IpMulticastLoop,
    Ipv6UnicastHops,
    Ipv6MulticastHops,
    Ipv6MulticastLoop,
    Ipv6Only,
    Ipv6Tclass,
}

/// An option whose value is a row of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BytesOpt {
    TcpInfo,
    TcpCongestion,
}

/// What a time limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// More than a `struct tcp_info` of any Linux.
const MAX_BYTES: usize = 512;

/// An int for the host.
///
/// # Errors
/// `InvalidInput` for what an int cannot hold.
pub(crate) fn int(value: u32) -> io::Result<i32> {
    i32::try_from(value).map_err(|_| addr::invalid("the value of an option is an int"))
}

/// A count from the host, which is never negative.
pub(crate) fn unsigned(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

pub(crate) fn take_error(fd: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let code = sys::option(fd, Opt::Error)?;
    Ok((code != 0).then(|| io::Error::from_raw_os_error(code)))
}

pub(crate) fn set_timeout(
    fd: BorrowedFd<'_>,
    direction: Direction,
    timeout: Option<Duration>,
) -> io::Result<()> {
    // The host knows microseconds; what is shorter is not for ever, which 0 stands for.
    const SHORTEST: Duration = Duration::from_micros(1);
    match timeout {
        Some(timeout) if timeout.is_zero() => Err(addr::invalid("cannot set a 0 duration timeout")),
        Some(timeout) => sys::set_timeout(fd, direction, timeout.max(SHORTEST)),
        None => sys::set_timeout(fd, direction, Duration::ZERO),
    }
}

fn seconds(value: Duration) -> io::Result<i32> {
    // Rounded up: a part of a second is not "none".
    i32::try_from(value.as_nanos().div_ceil(1_000_000_000)).map_err(|_| addr::invalid("the time is too long"))
}

fn milliseconds(value: Duration) -> io::Result<i32> {
    i32::try_from(value.as_nanos().div_ceil(1_000_000)).map_err(|_| addr::invalid("the time is too long"))
}

macro_rules! flag {
    ($option:ident; $(#[$doc:meta])* $get:ident $(, $(#[$set_doc:meta])* $set:ident)?) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// That of an option which this socket does not have.
        fn $get(&self) -> io::Result<bool> {
            Ok(sys::option(self.as_fd(), Opt::$option)? != 0)
        }

        $(
            #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") reads.")]
            ///
            /// # Errors
            /// That of an option which this socket does not have.
            fn $set(&self, on: bool) -> io::Result<()> {
                sys::set_option(self.as_fd(), Opt::$option, on.into())
            }
        )?
    };
}

macro_rules! value {
    ($option:ident, $ty:ty, $from:expr, $into:expr; $(#[$doc:meta])* $get:ident, $set:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// That of an option which this socket does not have.
        fn $get(&self) -> io::Result<$ty> {
            sys::option(self.as_fd(), Opt::$option).map($from)
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") reads.")]
        ///
        /// # Errors
        /// `InvalidInput` for a value that the option does not take; that of an option which this socket does not have.
        fn $set(&self, value: $ty) -> io::Result<()> {
            sys::set_option(self.as_fd(), Opt::$option, $into(value)?)
        }
    };
}

fn from_seconds(value: i32) -> Duration {
    Duration::from_secs(unsigned(value).into())
}

fn from_milliseconds(value: i32) -> Duration {
    Duration::from_millis(unsigned(value).into())
}

/// Options that std has no methods for, and addresses, of everything with a descriptor: the sockets of this crate, of std and of tokio.
///
/// Values are the host's, read from it each time: Linux doubles buffer sizes, and rounds times to its ticks. docs/options.md in
/// guestnet's repository says what a policy does not allow. What WASI 0.2 has no function for is `Unsupported` there.
pub trait SocketOptions: AsFd {
    flag! { ReuseAddr;
    /// `SO_REUSEADDR`: an address can be bound while old connections of it end.
    reuse_address, set_reuse_address }
    flag! { ReusePort;
    /// `SO_REUSEPORT`: several sockets share an address.
    reuse_port, set_reuse_port }
    flag! { KeepAlive;
    /// `SO_KEEPALIVE`: a silent peer is asked whether it is still there.
    keepalive, set_keepalive }
    flag! { DontRoute;
    /// `SO_DONTROUTE`: only to hosts on the same network.
    dont_route, set_dont_route }
    flag! { OobInline;
    /// `SO_OOBINLINE`: urgent data comes with the rest.
    oob_inline, set_oob_inline }
    flag! { AcceptConn;
    /// `SO_ACCEPTCONN`: whether it listens.
    is_listener }
    flag! { TcpCork;
    /// `TCP_CORK`: only full packets are sent.
    cork, set_cork }
    flag! { TcpQuickAck;
    /// `TCP_QUICKACK`: what comes is acknowledged at once.
    quick_ack, set_quick_ack }
    flag! { TcpFastOpenConnect;
    /// `TCP_FASTOPEN_CONNECT`: the first data go with the request for the connection.
    fast_open_connect, set_fast_open_connect }
    flag! { Ipv6Only;
    /// `IPV6_V6ONLY`: whether an IPv6 socket takes no IPv4. To be set before it is bound.
    only_v6, set_only_v6 }

    value! { RcvBuf, u32, unsigned, int;
    /// `SO_RCVBUF`: bytes of the receive buffer.
    recv_buffer_size, set_recv_buffer_size }
    value! { SndBuf, u32, unsigned, int;
    /// `SO_SNDBUF`: bytes of the send buffer.
    send_buffer_size, set_send_buffer_size }
    value! { RcvLowat, u32, unsigned, int;
    /// `SO_RCVLOWAT`: how many bytes make a socket readable.
    recv_low_water, set_recv_low_water }
    value! { TcpMaxSeg, u32, unsigned, int;
    /// `TCP_MAXSEG`: bytes of the largest segment.
    max_segment_size, set_max_segment_size }
    value! { TcpKeepIdle, Duration, from_seconds, seconds;
    /// `TCP_KEEPIDLE`: how long a connection is silent before its peer is asked, in whole seconds.
    keepalive_time, set_keepalive_time }
    value! { TcpKeepIntvl, Duration, from_seconds, seconds;
    /// `TCP_KEEPINTVL`: how long after one question the next one is sent, in whole seconds.
    keepalive_interval, set_keepalive_interval }
    value! { TcpKeepCnt, u32, unsigned, int;
    /// `TCP_KEEPCNT`: after how many questions without an answer the connection has failed.
    keepalive_retries, set_keepalive_retries }
    value! { TcpSynCnt, u32, unsigned, int;
    /// `TCP_SYNCNT`: how often a connection is asked for.
    syn_retries, set_syn_retries }
    value! { TcpLinger2, Duration, from_seconds, seconds;
    /// `TCP_LINGER2`: how long a closed connection waits for the end of its peer, in whole seconds.
    fin_timeout, set_fin_timeout }
    value! { TcpDeferAccept, Duration, from_seconds, seconds;
    /// `TCP_DEFER_ACCEPT`: how long a listener waits for the first data of a connection, in whole seconds.
    defer_accept, set_defer_accept }
    value! { TcpWindowClamp, u32, unsigned, int;
    /// `TCP_WINDOW_CLAMP`: bytes of the largest window.
    window_clamp, set_window_clamp }
    value! { TcpUserTimeout, Duration, from_milliseconds, milliseconds;
    /// `TCP_USER_TIMEOUT`: how long sent data may be unacknowledged, in milliseconds; 0 is the host's choice.
    user_timeout, set_user_timeout }
    value! { TcpFastOpen, u32, unsigned, int;
    /// `TCP_FASTOPEN`: how many requests with data a listener has waiting.
    fast_open, set_fast_open }
    value! { TcpNotSentLowat, u32, unsigned, int;
    /// `TCP_NOTSENT_LOWAT`: how many unsent bytes make a socket not writable.
    not_sent_low_water, set_not_sent_low_water }
    value! { IpTos, u32, unsigned, int;
    /// `IP_TOS`: the type of service of IPv4 packets.
    tos_v4, set_tos_v4 }
    value! { Ipv6Tclass, u32, unsigned, int;
    /// `IPV6_TCLASS`: the traffic class of IPv6 packets.
    traffic_class_v6, set_traffic_class_v6 }
    value! { Ipv6UnicastHops, u32, unsigned, int;
    /// `IPV6_UNICAST_HOPS`: over how many routers a packet goes at most.
    unicast_hops_v6, set_unicast_hops_v6 }
    value! { Ipv6MulticastHops, u32, unsigned, int;
    /// `IPV6_MULTICAST_HOPS`: over how many routers a packet to a group goes at most.
    multicast_hops_v6, set_multicast_hops_v6 }

    /// `SO_LINGER`: how long close(2) waits until what was sent has arrived; `None` is not at all. Zero resets the connection.
    ///
    /// # Errors
    /// That of an option which this socket does not have.
    fn linger(&self) -> io::Result<Option<Duration>> {
        sys::linger(self.as_fd()).map(|seconds| seconds.map(from_seconds))
    }

    /// Sets what [`linger`](Self::linger) reads, in whole seconds.
    ///
    /// # Errors
    /// `InvalidInput` for a time that is too long; that of an option which this socket does not have.
    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        sys::set_linger(self.as_fd(), linger.map(seconds).transpose()?)
    }

    /// `SO_ERROR`: the error that came up since the last call, which clears it. It is `take_error` for std's and tokio's types, whose own
    /// is `Unsupported` on wasm32-wasip1.
    ///
    /// # Errors
    /// None for a socket.
    fn pending_error(&self) -> io::Result<Option<io::Error>> {
        take_error(self.as_fd())
    }

    /// getsockname(2): `local_addr` for std's and tokio's types, whose own is `Unsupported` on wasm32-wasip1.
    ///
    /// # Errors
    /// `InvalidInput` for a UNIX socket.
    fn local_socket_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.as_fd())?.inet()
    }

    /// getpeername(2): `peer_addr` for std's and tokio's types, whose own is `Unsupported` on wasm32-wasip1.
    ///
    /// # Errors
    /// `NotConnected` without a peer, `InvalidInput` for a UNIX socket.
    fn peer_socket_addr(&self) -> io::Result<SocketAddr> {
        sys::peer_addr(self.as_fd())?.inet()
    }

    /// `TCP_INFO`: the `struct tcp_info` of the machine's kernel, about this connection.
    ///
    /// # Errors
    /// That of an option which this socket does not have.
    fn tcp_info(&self) -> io::Result<Vec<u8>> {
        bytes(self.as_fd(), BytesOpt::TcpInfo)
    }

    /// `TCP_CONGESTION`: the name of the algorithm, such as `cubic`.
    ///
    /// # Errors
    /// That of an option which this socket does not have.
    fn congestion(&self) -> io::Result<String> {
        let name = bytes(self.as_fd(), BytesOpt::TcpCongestion)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        Ok(String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned())
    }
}

impl<T: AsFd + ?Sized> SocketOptions for T {}

fn bytes(fd: BorrowedFd<'_>, option: BytesOpt) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MAX_BYTES];
    let stored = sys::bytes_option(fd, option, &mut bytes)?;
    bytes.truncate(stored);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        assert_eq!(seconds(Duration::from_millis(1)).unwrap(), 1);
        assert_eq!(seconds(Duration::from_secs(2)).unwrap(), 2);
        assert_eq!(milliseconds(Duration::from_nanos(1)).unwrap(), 1);
        assert_eq!(milliseconds(Duration::from_millis(7)).unwrap(), 7);
        assert!(seconds(Duration::MAX).is_err());
        assert!(milliseconds(Duration::MAX).is_err());
    }

    #[test]
    fn an_int_holds_no_more_than_an_int() {
        assert_eq!(int(u32::MAX / 2).unwrap(), i32::MAX);
        assert!(int(u32::MAX / 2 + 1).is_err());
        assert_eq!(unsigned(-1), 0);
    }
}
