//! [`Options`]: what setsockopt(2) made of a socket. Most of them have no effect here, and are read back as Linux does.

use std::collections::HashMap;
use std::time::Duration;

use guestnet_core::{Domain, Errno, OptKind, OptValue, Result, SockOpt};

/// The buffers that a socket begins with, bytes.
const SEND_BUFFER: i32 = 64 << 10;
const RECEIVE_BUFFER: i32 = 128 << 10;

/// The smallest ones.
const LEAST_SEND_BUFFER: i32 = 4608;
const LEAST_RECEIVE_BUFFER: i32 = 2304;

/// The options of a socket that were set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options(HashMap<SockOpt, OptValue>);

/// Which sockets have an option.
enum Level {
    Every,
    Tcp,
    Ip,
    Ipv6,
    /// A datagram is never cut here.
    None,
}

fn level(option: SockOpt) -> Level {
    let name = option.name();
    if name.starts_with("TCP_") {
        Level::Tcp
    } else if name.starts_with("UDP_") {
        Level::None
    } else if name.starts_with("IPV6_") {
        Level::Ipv6
    } else if name.starts_with("IP_") {
        Level::Ip
    } else {
        Level::Every
    }
}

/// Whether a socket has an option.
///
/// # Errors
/// `ENOPROTOOPT`.
fn check(option: SockOpt, domain: Domain, tcp: bool) -> Result<()> {
    let has = match level(option) {
        Level::Every | Level::Ip => true,
        Level::Tcp => tcp,
        Level::None => false,
        Level::Ipv6 => domain == Domain::Inet6,
    };
    if has { Ok(()) } else { Err(Errno::ENOPROTOOPT) }
}

/// The network's congestion control has no name of its own: it is Linux's first one.
const CONGESTION: &[u8; 16] = b"reno\0\0\0\0\0\0\0\0\0\0\0\0";

/// getsockopt(2) of bytes: how many of `room` they fill. A connection has no `TCP_INFO`.
///
/// # Errors
/// `ENOPROTOOPT`.
pub(crate) fn bytes(option: SockOpt, domain: Domain, tcp: bool, room: &mut [u8]) -> Result<usize> {
    check(option, domain, tcp)?;
    if option != SockOpt::TcpCongestion {
        return Err(Errno::ENOPROTOOPT);
    }
    for (to, from) in room.iter_mut().zip(CONGESTION) {
        *to = *from;
    }
    Ok(room.len().min(CONGESTION.len()))
}

impl Options {
    /// getsockopt(2) of what is not a fact.
    ///
    /// # Errors
    /// `ENOPROTOOPT`.
    pub(crate) fn value(&self, option: SockOpt, domain: Domain, tcp: bool) -> Result<OptValue> {
        check(option, domain, tcp)?;
        match option.kind() {
            OptKind::Int | OptKind::Time | OptKind::Linger => {}
            OptKind::Interface4 | OptKind::Membership | OptKind::Fact | OptKind::Name | OptKind::Bytes => {
                return Err(Errno::ENOPROTOOPT);
            }
        }
        Ok(self.0.get(&option).copied().unwrap_or_else(|| default(option)))
    }

    /// setsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL`; `EOPNOTSUPP`: this network has no groups.
    pub(crate) fn set(&mut self, option: SockOpt, value: OptValue, domain: Domain, tcp: bool) -> Result<()> {
        let value = match (option.kind(), value) {
            (OptKind::Fact | OptKind::Bytes, _) => return Err(Errno::ENOPROTOOPT),
            (OptKind::Name, _) => return Err(Errno::EOPNOTSUPP),
            (OptKind::Membership | OptKind::Interface4, value) if fits(option, value) => {
                return Err(Errno::EOPNOTSUPP);
            }
            (OptKind::Int, OptValue::Int(number)) => OptValue::Int(number_of(option, number)?),
            (OptKind::Time, OptValue::Time(limit)) => {
                // As far as a struct timeval goes; beyond is for ever.
                let most = Duration::from_secs(i64::MAX.cast_unsigned() / 1000);
                OptValue::Time(limit.filter(|limit| !limit.is_zero() && *limit < most))
            }
            (OptKind::Linger, OptValue::Linger { .. }) => value,
            _ => return Err(Errno::EINVAL),
        };
        check(option, domain, tcp)?;
        self.0.insert(option, value);
        Ok(())
    }

    fn int(&self, option: SockOpt) -> i32 {
        match self.0.get(&option).copied().unwrap_or_else(|| default(option)) {
            OptValue::Int(number) => number,
            _ => 0,
        }
    }

    pub(crate) fn is_set(&self, option: SockOpt) -> bool {
        self.int(option) != 0
    }

    pub(crate) fn low_water(&self) -> usize {
        usize::try_from(self.int(SockOpt::RcvLowat)).unwrap_or(1)
    }

    pub(crate) fn send_buffer(&self) -> usize {
        usize::try_from(self.int(SockOpt::SndBuf)).unwrap_or(0)
    }

    pub(crate) fn receive_buffer(&self) -> usize {
        usize::try_from(self.int(SockOpt::RcvBuf)).unwrap_or(0)
    }

    /// `SO_LINGER`, if it is on.
    pub(crate) fn linger(&self) -> Option<Duration> {
        match self.0.get(&SockOpt::Linger) {
            Some(OptValue::Linger { on: true, seconds }) => {
                Some(Duration::from_secs(u64::try_from(*seconds).unwrap_or(0)))
            }
            _ => None,
        }
    }
}

/// Whether a membership or an interface has the option's shape.
fn fits(option: SockOpt, value: OptValue) -> bool {
    match value {
        OptValue::Interface4(_) | OptValue::Interface(_) => option.kind() == OptKind::Interface4,
        OptValue::Membership4 { .. } => {
            matches!(option, SockOpt::IpAddMembership | SockOpt::IpDropMembership)
        }
        OptValue::Membership6 { .. } => matches!(option, SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup),
        OptValue::Source4 { .. } => matches!(
            option,
            SockOpt::IpAddSourceMembership
                | SockOpt::IpDropSourceMembership
                | SockOpt::IpBlockSource
                | SockOpt::IpUnblockSource
        ),
        OptValue::Group { group, .. } => match option {
            SockOpt::McastJoinGroup | SockOpt::McastLeaveGroup => true,
            SockOpt::IpAddMembership | SockOpt::IpDropMembership => group.is_ipv4(),
            _ => false,
        },
        OptValue::GroupSource { .. } => matches!(
            option,
            SockOpt::McastJoinSourceGroup
                | SockOpt::McastLeaveSourceGroup
                | SockOpt::McastBlockSource
                | SockOpt::McastUnblockSource
        ),
        _ => false,
    }
}

fn default(option: SockOpt) -> OptValue {
    match option.kind() {
        OptKind::Time => return OptValue::Time(None),
        OptKind::Linger => {
            return OptValue::Linger {
                on: false,
                seconds: 0,
            };
        }
        _ => {}
    }
    OptValue::Int(match option {
        SockOpt::SndBuf => SEND_BUFFER,
        SockOpt::RcvBuf => RECEIVE_BUFFER,
        SockOpt::RcvLowat
        | SockOpt::IpMulticastTtl
        | SockOpt::IpMulticastLoop
        | SockOpt::IpMulticastAll
        | SockOpt::Ipv6MulticastHops
        | SockOpt::Ipv6MulticastLoop
        | SockOpt::TcpQuickAck => 1,
        SockOpt::IpTtl | SockOpt::Ipv6UnicastHops => 64,
        SockOpt::TcpKeepIdle => 7200,
        SockOpt::TcpKeepIntvl => 75,
        SockOpt::TcpKeepCnt => 9,
        SockOpt::TcpSynCnt => 6,
        SockOpt::TcpMaxSeg => 536,
        SockOpt::TcpLinger2 => 60,
        _ => 0,
    })
}

/// What Linux makes of a number.
///
/// # Errors
/// `EINVAL`: out of range.
fn number_of(option: SockOpt, number: i32) -> Result<i32> {
    let within = |from: i32, to: i32| {
        if (from..=to).contains(&number) {
            Ok(number)
        } else {
            Err(Errno::EINVAL)
        }
    };
    let at_least = |least: i32| number.saturating_mul(2).max(least);
    match option {
        SockOpt::SndBuf => Ok(at_least(LEAST_SEND_BUFFER)),
        SockOpt::RcvBuf => Ok(at_least(LEAST_RECEIVE_BUFFER)),
        SockOpt::RcvLowat if number < 0 => Ok(i32::MAX),
        SockOpt::RcvLowat => Ok(number.max(1)),
        SockOpt::IpTtl => within(1, 255),
        SockOpt::IpTos | SockOpt::IpMulticastTtl => within(0, 255),
        SockOpt::Ipv6UnicastHops | SockOpt::Ipv6MulticastHops | SockOpt::Ipv6Tclass => within(-1, 255),
        SockOpt::TcpKeepIdle | SockOpt::TcpKeepIntvl => within(1, 32_767),
        SockOpt::TcpKeepCnt | SockOpt::TcpSynCnt => within(1, 127),
        SockOpt::TcpUserTimeout | SockOpt::BusyPoll => within(0, i32::MAX),
        SockOpt::TcpMaxSeg => within(88, 32_767),
        SockOpt::ReuseAddr
        | SockOpt::ReusePort
        | SockOpt::DontRoute
        | SockOpt::Broadcast
        | SockOpt::KeepAlive
        | SockOpt::OobInline
        | SockOpt::Timestamp
        | SockOpt::TimestampNs
        | SockOpt::TcpNoDelay
        | SockOpt::TcpCork
        | SockOpt::TcpFastOpenConnect
        | SockOpt::IpMulticastLoop
        | SockOpt::Ipv6MulticastLoop
        | SockOpt::IpFreebind
        | SockOpt::Ipv6Only => Ok(i32::from(number != 0)),
        _ => Ok(number),
    }
}
