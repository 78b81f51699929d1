//! The numbers and layouts of Emscripten's C library (musl for wasm32), and nothing else.
//!
//! Families, types, levels, options and flags are Linux's generic ones; errno is not (`convert.rs`). Pointers and
//! `size_t` have 4 bytes, `time_t` 8.

use guestnet_core::{InterfaceFlags, SockOpt};

pub(crate) const AF_UNSPEC: i32 = 0;
pub(crate) const AF_UNIX: i32 = 1;
pub(crate) const AF_INET: i32 = 2;
pub(crate) const AF_INET6: i32 = 10;

pub(crate) const SOCK_STREAM: i32 = 1;
pub(crate) const SOCK_DGRAM: i32 = 2;
pub(crate) const SOCK_SEQPACKET: i32 = 5;
pub(crate) const SOCK_TYPE_MASK: i32 = 0xf;
pub(crate) const SOCK_NONBLOCK: i32 = 0o4000;
pub(crate) const SOCK_CLOEXEC: i32 = 0o2_000_000;

/// Flags of splice(2), which are Linux's: `SPLICE_F_MOVE`, `SPLICE_F_NONBLOCK`, `SPLICE_F_MORE` and `SPLICE_F_GIFT`.
pub(crate) const SPLICE_FLAGS: i32 = 15;
pub(crate) const SPLICE_F_NONBLOCK: i32 = 2;
pub(crate) const SPLICE_F_MORE: i32 = 4;

/// `EFD_NONBLOCK`, `TFD_NONBLOCK` and their like are `SOCK_NONBLOCK`, and the same holds for `…_CLOEXEC`.
pub(crate) const EFD_SEMAPHORE: i32 = 1;
pub(crate) const TFD_TIMER_ABSTIME: i32 = 1;
pub(crate) const TFD_TIMER_CANCEL_ON_SET: i32 = 2;

pub(crate) const CLOCK_REALTIME: i32 = 0;
pub(crate) const CLOCK_MONOTONIC: i32 = 1;
pub(crate) const CLOCK_BOOTTIME: i32 = 7;
pub(crate) const CLOCK_REALTIME_ALARM: i32 = 8;
pub(crate) const CLOCK_BOOTTIME_ALARM: i32 = 9;

/// `struct timespec`: `time_t`, long, padding.
pub(crate) const TIMESPEC_SIZE: u32 = 16;

/// Types of `st_mode`.
pub(crate) const S_IFIFO: i32 = 0o010_000;
pub(crate) const S_IFREG: i32 = 0o100_000;
pub(crate) const S_IFSOCK: i32 = 0o140_000;

/// A flag of our own, of `ai_flags` and of getnameinfo's: `names.c` wants aliases behind the name, as a text each, and an empty
/// one behind all.
pub(crate) const WITH_ALIASES: i32 = 0x1_0000;

/// `EAI_OVERFLOW` of `netdb.h`, which no look-up of the core's fails with.
pub(crate) const EAI_OVERFLOW: i32 = -12;

pub(crate) const IPPROTO_IP: i32 = 0;
pub(crate) const IPPROTO_TCP: i32 = 6;
pub(crate) const IPPROTO_UDP: i32 = 17;
pub(crate) const IPPROTO_IPV6: i32 = 41;
pub(crate) const SOL_SOCKET: i32 = 1;

pub(crate) const MSG_OOB: i32 = 0x0001;
pub(crate) const MSG_PEEK: i32 = 0x0002;
pub(crate) const MSG_CTRUNC: i32 = 0x0008;
pub(crate) const MSG_TRUNC: i32 = 0x0020;
pub(crate) const MSG_DONTWAIT: i32 = 0x0040;
pub(crate) const MSG_WAITALL: i32 = 0x0100;
pub(crate) const MSG_ERRQUEUE: i32 = 0x2000;
pub(crate) const MSG_MORE: i32 = 0x8000;
pub(crate) const MSG_WAITFORONE: i32 = 0x10000;

/// `struct mmsghdr`: a `struct msghdr`, and `msg_len`.
pub(crate) const MMSGHDR_SIZE: u32 = 32;
pub(crate) const MMSGHDR_LEN: u32 = 28;

pub(crate) const POLLIN: i16 = 0x001;
pub(crate) const POLLPRI: i16 = 0x002;
pub(crate) const POLLOUT: i16 = 0x004;
pub(crate) const POLLERR: i16 = 0x008;
pub(crate) const POLLHUP: i16 = 0x010;
pub(crate) const POLLRDNORM: i16 = 0x040;
pub(crate) const POLLWRNORM: i16 = 0x100;
pub(crate) const POLLRDHUP: i16 = 0x2000;

/// `struct pollfd`: int, short, short.
pub(crate) const POLLFD_SIZE: u32 = 8;

pub(crate) const EPOLL_CTL_ADD: i32 = 1;
pub(crate) const EPOLL_CTL_DEL: i32 = 2;
pub(crate) const EPOLL_CTL_MOD: i32 = 3;
pub(crate) const EPOLLEXCLUSIVE: u32 = 1 << 28;
pub(crate) const EPOLLONESHOT: u32 = 1 << 30;
pub(crate) const EPOLLET: u32 = 1 << 31;
/// `struct epoll_event`: u32, padding (it is packed on x86-64 only), u64.
pub(crate) const EPOLL_EVENT_SIZE: u32 = 16;

pub(crate) const IP_PKTINFO: i32 = 8;
pub(crate) const IP_TTL: i32 = 2;
pub(crate) const IP_TOS: i32 = 1;
pub(crate) const IPV6_PKTINFO: i32 = 50;
pub(crate) const IPV6_HOPLIMIT: i32 = 52;
pub(crate) const IPV6_TCLASS: i32 = 67;
pub(crate) const SCM_RIGHTS: i32 = 1;
/// With a `time_t` of 8 bytes.
pub(crate) const SO_TIMESTAMP: i32 = 63;
pub(crate) const SO_TIMESTAMPNS: i32 = 64;
pub(crate) const SO_RXQ_OVFL: i32 = 40;
pub(crate) const UDP_SEGMENT: i32 = 103;
pub(crate) const UDP_GRO: i32 = 104;
/// Answered by the adapter: the protocol follows from family and type.
pub(crate) const SO_PROTOCOL: i32 = 38;

pub(crate) const SIOCGIFNAME: u32 = 0x8910;
pub(crate) const SIOCGIFCONF: u32 = 0x8912;
pub(crate) const SIOCGIFFLAGS: u32 = 0x8913;
pub(crate) const SIOCGIFADDR: u32 = 0x8915;
pub(crate) const SIOCGIFDSTADDR: u32 = 0x8917;
pub(crate) const SIOCGIFBRDADDR: u32 = 0x8919;
pub(crate) const SIOCGIFNETMASK: u32 = 0x891b;
pub(crate) const SIOCGIFMETRIC: u32 = 0x891d;
pub(crate) const SIOCGIFMTU: u32 = 0x8921;
pub(crate) const SIOCGIFHWADDR: u32 = 0x8927;
pub(crate) const SIOCGIFINDEX: u32 = 0x8933;
/// `SIOCSIFFLAGS`, `SIOCSIFADDR` and the others that change an interface.
pub(crate) const SIOCSIF: [u32; 10] = [
    0x8911, 0x8914, 0x8916, 0x8918, 0x891a, 0x891c, 0x891e, 0x8922, 0x8923, 0x8924,
];
/// The type of a link address that stands for loopback.
pub(crate) const ARPHRD_LOOPBACK: u16 = 772;

/// `IFF_*` of `net/if.h`.
pub(crate) fn interface_flags(flags: InterfaceFlags) -> u32 {
    const BITS: [(InterfaceFlags, u32); 9] = [
        (InterfaceFlags::UP, 0x1),
        (InterfaceFlags::BROADCAST, 0x2),
        (InterfaceFlags::LOOPBACK, 0x8),
        (InterfaceFlags::POINTOPOINT, 0x10),
        (InterfaceFlags::RUNNING, 0x40),
        (InterfaceFlags::NOARP, 0x80),
        (InterfaceFlags::PROMISC, 0x100),
        (InterfaceFlags::ALLMULTI, 0x200),
        (InterfaceFlags::MULTICAST, 0x1000),
    ];
    BITS.iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .fold(0, |bits, (_, bit)| bits | bit)
}

/// What the C library's getpid(), getuid() and getgid() say.
pub(crate) const PID: i32 = 42;
pub(crate) const UID: i32 = 0;
pub(crate) const GID: i32 = 0;
/// Linux's number of a user or group that has none where it is asked for (user_namespaces(7)).
pub(crate) const OVERFLOW_ID: i32 = 65534;

/// Level, number, option. Where a number changed with the size of `time_t`, both are answered.
pub(crate) const OPTIONS: &[(i32, i32, SockOpt)] = &[
    (SOL_SOCKET, 2, SockOpt::ReuseAddr),
    (SOL_SOCKET, 3, SockOpt::Type),
    (SOL_SOCKET, 4, SockOpt::Error),
    (SOL_SOCKET, 5, SockOpt::DontRoute),
    (SOL_SOCKET, 6, SockOpt::Broadcast),
    (SOL_SOCKET, 7, SockOpt::SndBuf),
    (SOL_SOCKET, 8, SockOpt::RcvBuf),
    (SOL_SOCKET, 9, SockOpt::KeepAlive),
    (SOL_SOCKET, 10, SockOpt::OobInline),
    (SOL_SOCKET, 12, SockOpt::Priority),
    (SOL_SOCKET, 13, SockOpt::Linger),
    (SOL_SOCKET, 15, SockOpt::ReusePort),
    (SOL_SOCKET, 17, SockOpt::PeerCred),
    (SOL_SOCKET, 18, SockOpt::RcvLowat),
    (SOL_SOCKET, 20, SockOpt::RcvTimeo),
    (SOL_SOCKET, 21, SockOpt::SndTimeo),
    (SOL_SOCKET, 66, SockOpt::RcvTimeo),
    (SOL_SOCKET, 67, SockOpt::SndTimeo),
    (SOL_SOCKET, 25, SockOpt::BindToDevice),
    (SOL_SOCKET, SO_TIMESTAMP, SockOpt::Timestamp),
    (SOL_SOCKET, 29, SockOpt::Timestamp),
    (SOL_SOCKET, SO_TIMESTAMPNS, SockOpt::TimestampNs),
    (SOL_SOCKET, 35, SockOpt::TimestampNs),
    (SOL_SOCKET, 30, SockOpt::AcceptConn),
    (SOL_SOCKET, 39, SockOpt::Domain),
    (SOL_SOCKET, SO_RXQ_OVFL, SockOpt::RxqOvfl),
    (SOL_SOCKET, 46, SockOpt::BusyPoll),
    (IPPROTO_UDP, UDP_SEGMENT, SockOpt::UdpSegment),
    (IPPROTO_UDP, UDP_GRO, SockOpt::UdpGro),
    (IPPROTO_TCP, 1, SockOpt::TcpNoDelay),
    (IPPROTO_TCP, 2, SockOpt::TcpMaxSeg),
    (IPPROTO_TCP, 3, SockOpt::TcpCork),
    (IPPROTO_TCP, 4, SockOpt::TcpKeepIdle),
    (IPPROTO_TCP, 5, SockOpt::TcpKeepIntvl),
    (IPPROTO_TCP, 6, SockOpt::TcpKeepCnt),
    (IPPROTO_TCP, 7, SockOpt::TcpSynCnt),
    (IPPROTO_TCP, 8, SockOpt::TcpLinger2),
    (IPPROTO_TCP, 9, SockOpt::TcpDeferAccept),
    (IPPROTO_TCP, 10, SockOpt::TcpWindowClamp),
    (IPPROTO_TCP, 11, SockOpt::TcpInfo),
    (IPPROTO_TCP, 12, SockOpt::TcpQuickAck),
    (IPPROTO_TCP, 13, SockOpt::TcpCongestion),
    (IPPROTO_TCP, 18, SockOpt::TcpUserTimeout),
    (IPPROTO_TCP, 23, SockOpt::TcpFastOpen),
    (IPPROTO_TCP, 25, SockOpt::TcpNotSentLowat),
    (IPPROTO_TCP, 30, SockOpt::TcpFastOpenConnect),
    (IPPROTO_IP, IP_TOS, SockOpt::IpTos),
    (IPPROTO_IP, IP_TTL, SockOpt::IpTtl),
    (IPPROTO_IP, IP_PKTINFO, SockOpt::IpPktInfo),
    (IPPROTO_IP, 10, SockOpt::IpMtuDiscover),
    (IPPROTO_IP, 12, SockOpt::IpRecvTtl),
    (IPPROTO_IP, 13, SockOpt::IpRecvTos),
    (IPPROTO_IP, 14, SockOpt::IpMtu),
    (IPPROTO_IP, 15, SockOpt::IpFreebind),
    (IPPROTO_IP, 24, SockOpt::IpBindAddressNoPort),
    (IPPROTO_IP, 32, SockOpt::IpMulticastIf),
    (IPPROTO_IP, 33, SockOpt::IpMulticastTtl),
    (IPPROTO_IP, 34, SockOpt::IpMulticastLoop),
    (IPPROTO_IP, 35, SockOpt::IpAddMembership),
    (IPPROTO_IP, 36, SockOpt::IpDropMembership),
    (IPPROTO_IP, 37, SockOpt::IpUnblockSource),
    (IPPROTO_IP, 38, SockOpt::IpBlockSource),
    (IPPROTO_IP, 39, SockOpt::IpAddSourceMembership),
    (IPPROTO_IP, 40, SockOpt::IpDropSourceMembership),
    (IPPROTO_IP, 42, SockOpt::McastJoinGroup),
    (IPPROTO_IP, 43, SockOpt::McastBlockSource),
    (IPPROTO_IP, 44, SockOpt::McastUnblockSource),
    (IPPROTO_IP, 45, SockOpt::McastLeaveGroup),
    (IPPROTO_IP, 46, SockOpt::McastJoinSourceGroup),
    (IPPROTO_IP, 47, SockOpt::McastLeaveSourceGroup),
    (IPPROTO_IP, 49, SockOpt::IpMulticastAll),
    (IPPROTO_IPV6, 16, SockOpt::Ipv6UnicastHops),
    (IPPROTO_IPV6, 17, SockOpt::Ipv6MulticastIf),
    (IPPROTO_IPV6, 18, SockOpt::Ipv6MulticastHops),
    (IPPROTO_IPV6, 19, SockOpt::Ipv6MulticastLoop),
    (IPPROTO_IPV6, 20, SockOpt::Ipv6JoinGroup),
    (IPPROTO_IPV6, 21, SockOpt::Ipv6LeaveGroup),
    (IPPROTO_IPV6, 23, SockOpt::Ipv6MtuDiscover),
    (IPPROTO_IPV6, 24, SockOpt::Ipv6Mtu),
    (IPPROTO_IPV6, 26, SockOpt::Ipv6Only),
    (IPPROTO_IPV6, 42, SockOpt::McastJoinGroup),
    (IPPROTO_IPV6, 43, SockOpt::McastBlockSource),
    (IPPROTO_IPV6, 44, SockOpt::McastUnblockSource),
    (IPPROTO_IPV6, 45, SockOpt::McastLeaveGroup),
    (IPPROTO_IPV6, 46, SockOpt::McastJoinSourceGroup),
    (IPPROTO_IPV6, 47, SockOpt::McastLeaveSourceGroup),
    (IPPROTO_IPV6, 49, SockOpt::Ipv6RecvPktInfo),
    (IPPROTO_IPV6, 51, SockOpt::Ipv6RecvHopLimit),
    (IPPROTO_IPV6, 66, SockOpt::Ipv6RecvTclass),
    (IPPROTO_IPV6, 67, SockOpt::Ipv6Tclass),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The table for users says of every option whether this adapter has it.
    #[test]
    fn docs_options_md_is_about_this_adapter() {
        let page = include_str!("../../../docs/options.md");
        for &option in SockOpt::ALL {
            let begins = format!("| `{}` | ", option.name());
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(&begins));
            let row: Vec<_> = rows.next().expect("a row").split(" | ").collect();
            let listed = OPTIONS.iter().any(|(_, _, each)| *each == option);
            assert_eq!(row.get(3), Some(&if listed { "yes" } else { "no" }), "{begins}");
        }
    }
}
