//! [`Options`]: what setsockopt(2) made of a socket. The browser takes options when a socket opens; here they are kept until then.

use std::time::Duration;

use guestnet_core::{Domain, Errno, OptValue, Result, SockOpt};

use crate::browser::{TcpOptions, UdpOptions};

/// The buffers of a socket for which nothing was set, bytes, as Linux would report them.
const BUFFER: i32 = 256 << 10;

/// The largest buffer that can be asked for, bytes: what is asked for is memory of the page.
const LARGEST_BUFFER: i32 = 4 << 20;

/// Seconds until the first keep-alive probe (tcp(7), `tcp_keepalive_time`).
const KEEP_IDLE: i32 = 7200;

/// The options of a socket.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    reuse_address: bool,
    no_delay: bool,
    keep_alive: bool,
    keep_idle: i32,
    send_buffer: Option<i32>,
    receive_buffer: Option<i32>,
    only_v6: bool,
    multicast_ttl: Option<u8>,
    multicast_loopback: Option<bool>,
    low_water: i32,
    receive_limit: Option<Duration>,
    send_limit: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            reuse_address: false,
            no_delay: false,
            keep_alive: false,
            keep_idle: KEEP_IDLE,
            send_buffer: None,
            receive_buffer: None,
            only_v6: false,
            multicast_ttl: None,
            multicast_loopback: None,
            low_water: 1,
            receive_limit: None,
            send_limit: None,
        }
    }
}

/// A size that is asked for, doubled as Linux does.
fn buffer(size: i32) -> i32 {
    size.clamp(2048, LARGEST_BUFFER / 2) * 2
}

fn bytes(buffer: Option<i32>) -> Option<u32> {
    buffer.and_then(|bytes| u32::try_from(bytes).ok())
}

impl Options {
    /// `SO_RCVLOWAT`, bytes.
    pub(crate) fn low_water(&self) -> usize {
        usize::try_from(self.low_water).unwrap_or(1)
    }

    pub(crate) fn only_v6(&self) -> bool {
        self.only_v6
    }

    /// For a `TCPSocket`.
    pub(crate) fn tcp(&self) -> TcpOptions {
        let idle = Duration::from_secs(u64::try_from(self.keep_idle).unwrap_or(0));
        TcpOptions {
            // Programs set it when they are connected, which is too late for the browser; and without it nothing but delay is lost.
            no_delay: true,
            keep_alive: self.keep_alive.then_some(idle),
            send_buffer: bytes(self.send_buffer),
            receive_buffer: bytes(self.receive_buffer),
        }
    }

    /// For a `UDPSocket`; `wildcard6`: it is bound to the wildcard of IPv6, and the browser needs to know what that includes.
    pub(crate) fn udp(&self, wildcard6: bool) -> UdpOptions {
        UdpOptions {
            send_buffer: bytes(self.send_buffer),
            receive_buffer: bytes(self.receive_buffer),
            only_v6: wildcard6.then_some(self.only_v6),
            address_sharing: self.reuse_address,
            multicast_ttl: self.multicast_ttl,
            multicast_loopback: self.multicast_loopback,
        }
    }

    /// getsockopt(2) of what is set.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: the socket, or the browser, has no such option.
    pub(crate) fn value(&self, option: SockOpt, domain: Domain, stream: bool) -> Result<OptValue> {
        check(option, domain, stream)?;
        Ok(match option {
            SockOpt::ReuseAddr => flag(self.reuse_address),
            SockOpt::TcpNoDelay => flag(self.no_delay),
            SockOpt::KeepAlive => flag(self.keep_alive),
            SockOpt::TcpKeepIdle => OptValue::Int(self.keep_idle),
            SockOpt::SndBuf => OptValue::Int(self.send_buffer.unwrap_or(BUFFER)),
            SockOpt::RcvBuf => OptValue::Int(self.receive_buffer.unwrap_or(BUFFER)),
            SockOpt::Ipv6Only => flag(self.only_v6),
            SockOpt::IpMulticastTtl | SockOpt::Ipv6MulticastHops => {
                OptValue::Int(i32::from(self.multicast_ttl.unwrap_or(1)))
            }
            SockOpt::IpMulticastLoop | SockOpt::Ipv6MulticastLoop => {
                flag(self.multicast_loopback.unwrap_or(true))
            }
            SockOpt::RcvLowat => OptValue::Int(self.low_water),
            SockOpt::RcvTimeo => OptValue::Time(self.receive_limit),
            SockOpt::SndTimeo => OptValue::Time(self.send_limit),
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }

    /// setsockopt(2). `opened`: the browser has been given the options, and takes no other values for those that are its own.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: the socket, or the browser, has no such option, or cannot change it any more. `EINVAL`.
    pub(crate) fn set(
        &mut self,
        option: SockOpt,
        value: OptValue,
        (domain, stream): (Domain, bool),
        opened: bool,
    ) -> Result<()> {
        check(option, domain, stream)?;
        // What the browser does not know of can change at any time.
        match (option, value) {
            (SockOpt::RcvTimeo, OptValue::Time(limit)) => self.receive_limit = limit.filter(is_limit),
            (SockOpt::SndTimeo, OptValue::Time(limit)) => self.send_limit = limit.filter(is_limit),
            (SockOpt::TcpNoDelay, OptValue::Int(number)) => self.no_delay = number != 0,
            (SockOpt::RcvLowat, OptValue::Int(number)) if number < 0 => self.low_water = i32::MAX,
            (SockOpt::RcvLowat, OptValue::Int(number)) => self.low_water = number.max(1),
            (option, value) => return self.set_for_browser(option, value, (domain, stream), opened),
        }
        Ok(())
    }

    fn set_for_browser(
        &mut self,
        option: SockOpt,
        value: OptValue,
        (domain, stream): (Domain, bool),
        opened: bool,
    ) -> Result<()> {
        let mut next = self.clone();
        match (option, value) {
            (SockOpt::ReuseAddr, OptValue::Int(number)) => next.reuse_address = number != 0,
            (SockOpt::KeepAlive, OptValue::Int(number)) => next.keep_alive = number != 0,
            (SockOpt::TcpKeepIdle, OptValue::Int(number @ 1..=32_767)) => next.keep_idle = number,
            (SockOpt::SndBuf, OptValue::Int(number)) => next.send_buffer = Some(buffer(number)),
            (SockOpt::RcvBuf, OptValue::Int(number)) => next.receive_buffer = Some(buffer(number)),
            (SockOpt::Ipv6Only, OptValue::Int(_)) if opened => return Err(Errno::EINVAL),
            (SockOpt::Ipv6Only, OptValue::Int(number)) => next.only_v6 = number != 0,
            (SockOpt::IpMulticastTtl, _) if stream => return Err(Errno::EINVAL),
            (SockOpt::IpMulticastTtl | SockOpt::Ipv6MulticastHops, OptValue::Int(-1)) => {
                next.multicast_ttl = None
            }
            (SockOpt::IpMulticastTtl | SockOpt::Ipv6MulticastHops, OptValue::Int(number)) => {
                next.multicast_ttl = Some(u8::try_from(number).map_err(|_| Errno::EINVAL)?);
            }
            (SockOpt::IpMulticastLoop | SockOpt::Ipv6MulticastLoop, OptValue::Int(number)) => {
                next.multicast_loopback = Some(number != 0);
            }
            // Not an option that the browser has, or a value of another shape.
            (option, _) => return self.value(option, domain, stream).and(Err(Errno::EINVAL)),
        }
        let changes = self.value(option, domain, stream)? != next.value(option, domain, stream)?;
        match option {
            // Linux changes a buffer at any time; here its size stays, and getsockopt(2) says so.
            SockOpt::SndBuf | SockOpt::RcvBuf if opened => Ok(()),
            _ if opened && changes => Err(Errno::ENOPROTOOPT),
            _ => {
                *self = next;
                Ok(())
            }
        }
    }
}

/// Whether a time is a limit: 0 is none, and neither is what a `struct timeval` cannot hold.
fn is_limit(time: &Duration) -> bool {
    !time.is_zero() && *time < Duration::from_secs(i64::MAX.cast_unsigned() / 1000)
}

fn flag(on: bool) -> OptValue {
    OptValue::Int(i32::from(on))
}

/// Whether a socket has an option.
///
/// # Errors
/// `ENOPROTOOPT`.
fn check(option: SockOpt, domain: Domain, stream: bool) -> Result<()> {
    let name = option.name();
    let has = if name.starts_with("TCP_") {
        stream
    } else if name.starts_with("IPV6_") {
        domain == Domain::Inet6
    } else {
        true
    };
    if has { Ok(()) } else { Err(Errno::ENOPROTOOPT) }
}
