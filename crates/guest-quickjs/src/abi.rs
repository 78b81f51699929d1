//! The numbers of sockets and signals as scripts see them: Linux's. Not here: the errnos (`errno.rs`).

use guestnet_core::SockOpt;

pub(crate) const AF_UNSPEC: i32 = 0;
pub(crate) const AF_UNIX: i32 = 1;
pub(crate) const AF_INET: i32 = 2;
pub(crate) const AF_INET6: i32 = 10;

pub(crate) const SOCK_STREAM: i32 = 1;
pub(crate) const SOCK_DGRAM: i32 = 2;
pub(crate) const SOCK_SEQPACKET: i32 = 5;
pub(crate) const SOCK_NONBLOCK: i32 = 0o4000;
pub(crate) const SOCK_CLOEXEC: i32 = 0o2_000_000;
/// Ours: the socket blocks in `os.read` and `os.write`. No bit of Linux's.
pub(crate) const SOCK_BLOCK: i32 = 1 << 29;

pub(crate) const IPPROTO_TCP: i32 = 6;
pub(crate) const IPPROTO_UDP: i32 = 17;

pub(crate) const SOL_SOCKET: i32 = 1;
pub(crate) const IPPROTO_IP: i32 = 0;
const IPPROTO_IPV6: i32 = 41;

/// `SO_PROTOCOL`, whose value follows from the type and the family.
pub(crate) const SO_PROTOCOL: i32 = 38;

pub(crate) const SHUT_RD: i32 = 0;
pub(crate) const SHUT_WR: i32 = 1;
pub(crate) const SHUT_RDWR: i32 = 2;

pub(crate) const MSG_OOB: i32 = 1;
pub(crate) const MSG_PEEK: i32 = 2;
pub(crate) const MSG_TRUNC: i32 = 0x20;
pub(crate) const MSG_DONTWAIT: i32 = 0x40;
pub(crate) const MSG_WAITALL: i32 = 0x100;
pub(crate) const MSG_NOSIGNAL: i32 = 0x4000;
pub(crate) const MSG_MORE: i32 = 0x8000;

pub(crate) const AI_PASSIVE: i32 = 1;
pub(crate) const AI_CANONNAME: i32 = 2;
pub(crate) const AI_NUMERICHOST: i32 = 4;
pub(crate) const AI_V4MAPPED: i32 = 8;
pub(crate) const AI_ALL: i32 = 0x10;
pub(crate) const AI_ADDRCONFIG: i32 = 0x20;
pub(crate) const AI_NUMERICSERV: i32 = 0x400;

/// Added to the numbers of Linux's `EAI_*`, so that none of them is a negative errno.
const EAI: i32 = -1000;
pub(crate) const EAI_BADFLAGS: i32 = EAI - 1;
pub(crate) const EAI_NONAME: i32 = EAI - 2;
pub(crate) const EAI_AGAIN: i32 = EAI - 3;
pub(crate) const EAI_FAIL: i32 = EAI - 4;
pub(crate) const EAI_NODATA: i32 = EAI - 5;
pub(crate) const EAI_FAMILY: i32 = EAI - 6;
pub(crate) const EAI_SOCKTYPE: i32 = EAI - 7;
pub(crate) const EAI_SERVICE: i32 = EAI - 8;
pub(crate) const EAI_MEMORY: i32 = EAI - 10;

/// The signals that qjs names, `SIGHUP` and `SIGKILL`.
pub(crate) const SIGNALS: &[(&str, i32)] = &[
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGABRT", 6),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGCHLD", 17),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGTTIN", 21),
    ("SIGTTOU", 22),
];

/// Every constant by name, but those of options and signals.
pub(crate) const CONSTANTS: &[(&str, i32)] = &[
    ("AF_UNSPEC", AF_UNSPEC),
    ("AF_UNIX", AF_UNIX),
    ("AF_INET", AF_INET),
    ("AF_INET6", AF_INET6),
    ("SOCK_STREAM", SOCK_STREAM),
    ("SOCK_DGRAM", SOCK_DGRAM),
    ("SOCK_RAW", 3),
    ("SOCK_SEQPACKET", SOCK_SEQPACKET),
    ("SOCK_NONBLOCK", SOCK_NONBLOCK),
    ("SOCK_CLOEXEC", SOCK_CLOEXEC),
    ("SOCK_BLOCK", SOCK_BLOCK),
    ("IPPROTO_IP", IPPROTO_IP),
    ("IPPROTO_TCP", IPPROTO_TCP),
    ("IPPROTO_UDP", IPPROTO_UDP),
    ("IPPROTO_IPV6", IPPROTO_IPV6),
    ("SOL_SOCKET", SOL_SOCKET),
    ("SOL_IP", IPPROTO_IP),
    ("SOL_TCP", IPPROTO_TCP),
    ("SOL_UDP", IPPROTO_UDP),
    ("SOL_IPV6", IPPROTO_IPV6),
    ("SO_PROTOCOL", SO_PROTOCOL),
    ("SHUT_RD", SHUT_RD),
    ("SHUT_WR", SHUT_WR),
    ("SHUT_RDWR", SHUT_RDWR),
    ("MSG_OOB", MSG_OOB),
    ("MSG_PEEK", MSG_PEEK),
    ("MSG_TRUNC", MSG_TRUNC),
    ("MSG_DONTWAIT", MSG_DONTWAIT),
    ("MSG_WAITALL", MSG_WAITALL),
    ("MSG_NOSIGNAL", MSG_NOSIGNAL),
    ("MSG_MORE", MSG_MORE),
    ("SOMAXCONN", 4096),
    ("AI_PASSIVE", AI_PASSIVE),
    ("AI_CANONNAME", AI_CANONNAME),
    ("AI_NUMERICHOST", AI_NUMERICHOST),
    ("AI_V4MAPPED", AI_V4MAPPED),
    ("AI_ALL", AI_ALL),
    ("AI_ADDRCONFIG", AI_ADDRCONFIG),
    ("AI_NUMERICSERV", AI_NUMERICSERV),
    ("EAI_BADFLAGS", EAI_BADFLAGS),
    ("EAI_NONAME", EAI_NONAME),
    ("EAI_AGAIN", EAI_AGAIN),
    ("EAI_FAIL", EAI_FAIL),
    ("EAI_NODATA", EAI_NODATA),
    ("EAI_FAMILY", EAI_FAMILY),
    ("EAI_SOCKTYPE", EAI_SOCKTYPE),
    ("EAI_SERVICE", EAI_SERVICE),
    ("EAI_MEMORY", EAI_MEMORY),
    ("IPV6_ADD_MEMBERSHIP", 20),
    ("IPV6_DROP_MEMBERSHIP", 21),
];

/// Level and number of an option. An option that is added to the core does not compile until it has them here.
pub(crate) const fn option(option: SockOpt) -> (i32, i32) {
    match option {
        SockOpt::ReuseAddr => (SOL_SOCKET, 2),
        SockOpt::Type => (SOL_SOCKET, 3),
        SockOpt::Error => (SOL_SOCKET, 4),
        SockOpt::DontRoute => (SOL_SOCKET, 5),
        SockOpt::Broadcast => (SOL_SOCKET, 6),
        SockOpt::SndBuf => (SOL_SOCKET, 7),
        SockOpt::RcvBuf => (SOL_SOCKET, 8),
        SockOpt::KeepAlive => (SOL_SOCKET, 9),
        SockOpt::OobInline => (SOL_SOCKET, 10),
        SockOpt::Linger => (SOL_SOCKET, 13),
        SockOpt::ReusePort => (SOL_SOCKET, 15),
        SockOpt::RcvLowat => (SOL_SOCKET, 18),
        SockOpt::RcvTimeo => (SOL_SOCKET, 20),
        SockOpt::SndTimeo => (SOL_SOCKET, 21),
        SockOpt::BindToDevice => (SOL_SOCKET, 25),
        SockOpt::AcceptConn => (SOL_SOCKET, 30),
        SockOpt::Domain => (SOL_SOCKET, 39),
        SockOpt::PeerCred => (SOL_SOCKET, 17),
        SockOpt::BusyPoll => (SOL_SOCKET, 46),
        SockOpt::Priority => (SOL_SOCKET, 12),
        SockOpt::Timestamp => (SOL_SOCKET, 29),
        SockOpt::TimestampNs => (SOL_SOCKET, 35),
        SockOpt::RxqOvfl => (SOL_SOCKET, 40),
        SockOpt::UdpSegment => (IPPROTO_UDP, 103),
        SockOpt::UdpGro => (IPPROTO_UDP, 104),
        SockOpt::TcpNoDelay => (IPPROTO_TCP, 1),
        SockOpt::TcpMaxSeg => (IPPROTO_TCP, 2),
        SockOpt::TcpCork => (IPPROTO_TCP, 3),
        SockOpt::TcpKeepIdle => (IPPROTO_TCP, 4),
        SockOpt::TcpKeepIntvl => (IPPROTO_TCP, 5),
        SockOpt::TcpKeepCnt => (IPPROTO_TCP, 6),
        SockOpt::TcpSynCnt => (IPPROTO_TCP, 7),
        SockOpt::TcpLinger2 => (IPPROTO_TCP, 8),
        SockOpt::TcpDeferAccept => (IPPROTO_TCP, 9),
        SockOpt::TcpWindowClamp => (IPPROTO_TCP, 10),
        SockOpt::TcpQuickAck => (IPPROTO_TCP, 12),
        SockOpt::TcpUserTimeout => (IPPROTO_TCP, 18),
        SockOpt::TcpFastOpen => (IPPROTO_TCP, 23),
        SockOpt::TcpNotSentLowat => (IPPROTO_TCP, 25),
        SockOpt::TcpFastOpenConnect => (IPPROTO_TCP, 30),
        SockOpt::TcpInfo => (IPPROTO_TCP, 11),
        SockOpt::TcpCongestion => (IPPROTO_TCP, 13),
        SockOpt::IpTos => (IPPROTO_IP, 1),
        SockOpt::IpTtl => (IPPROTO_IP, 2),
        SockOpt::IpPktInfo => (IPPROTO_IP, 8),
        SockOpt::IpMtuDiscover => (IPPROTO_IP, 10),
        SockOpt::IpRecvTtl => (IPPROTO_IP, 12),
        SockOpt::IpRecvTos => (IPPROTO_IP, 13),
        SockOpt::IpMtu => (IPPROTO_IP, 14),
        SockOpt::IpBindAddressNoPort => (IPPROTO_IP, 24),
        SockOpt::IpMulticastIf => (IPPROTO_IP, 32),
        SockOpt::IpMulticastAll => (IPPROTO_IP, 49),
        SockOpt::IpMulticastTtl => (IPPROTO_IP, 33),
        SockOpt::IpMulticastLoop => (IPPROTO_IP, 34),
        SockOpt::IpAddMembership => (IPPROTO_IP, 35),
        SockOpt::IpDropMembership => (IPPROTO_IP, 36),
        SockOpt::IpFreebind => (IPPROTO_IP, 15),
        SockOpt::IpUnblockSource => (IPPROTO_IP, 37),
        SockOpt::IpBlockSource => (IPPROTO_IP, 38),
        SockOpt::IpAddSourceMembership => (IPPROTO_IP, 39),
        SockOpt::IpDropSourceMembership => (IPPROTO_IP, 40),
        // At the level of IPv6 too: `option_of`.
        SockOpt::McastJoinGroup => (IPPROTO_IP, 42),
        SockOpt::McastBlockSource => (IPPROTO_IP, 43),
        SockOpt::McastUnblockSource => (IPPROTO_IP, 44),
        SockOpt::McastLeaveGroup => (IPPROTO_IP, 45),
        SockOpt::McastJoinSourceGroup => (IPPROTO_IP, 46),
        SockOpt::McastLeaveSourceGroup => (IPPROTO_IP, 47),
        SockOpt::Ipv6UnicastHops => (IPPROTO_IPV6, 16),
        SockOpt::Ipv6MulticastIf => (IPPROTO_IPV6, 17),
        SockOpt::Ipv6MtuDiscover => (IPPROTO_IPV6, 23),
        SockOpt::Ipv6Mtu => (IPPROTO_IPV6, 24),
        SockOpt::Ipv6RecvPktInfo => (IPPROTO_IPV6, 49),
        SockOpt::Ipv6RecvHopLimit => (IPPROTO_IPV6, 51),
        SockOpt::Ipv6RecvTclass => (IPPROTO_IPV6, 66),
        SockOpt::Ipv6MulticastHops => (IPPROTO_IPV6, 18),
        SockOpt::Ipv6MulticastLoop => (IPPROTO_IPV6, 19),
        SockOpt::Ipv6JoinGroup => (IPPROTO_IPV6, 20),
        SockOpt::Ipv6LeaveGroup => (IPPROTO_IPV6, 21),
        SockOpt::Ipv6Only => (IPPROTO_IPV6, 26),
        SockOpt::Ipv6Tclass => (IPPROTO_IPV6, 67),
    }
}

/// The option of a level and a number.
pub(crate) fn option_of(level: i32, number: i32) -> Option<SockOpt> {
    let level = match (level, number) {
        // MCAST_*: of either family.
        (IPPROTO_IPV6, 42..=47) => IPPROTO_IP,
        _ => level,
    };
    SockOpt::ALL
        .iter()
        .copied()
        .find(|candidate| option(*candidate) == (level, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_a_number_of_its_own() {
        for candidate in SockOpt::ALL {
            let (level, number) = option(*candidate);
            assert_eq!(option_of(level, number), Some(*candidate));
        }
        assert_eq!(option_of(SOL_SOCKET, 9999), None);
    }

    /// The table for users says of every option whether this adapter has it.
    #[test]
    fn docs_options_md_is_about_this_adapter() {
        let page = include_str!("../../../docs/options.md");
        for &option in SockOpt::ALL {
            let begins = format!("| `{}` | ", option.name());
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(&begins));
            let row: Vec<_> = rows.next().expect("a row").split(" | ").collect();
            let listed = option_of(super::option(option).0, super::option(option).1).is_some();
            assert_eq!(row.get(4), Some(&if listed { "yes" } else { "no" }), "{begins}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names: Vec<_> = CONSTANTS.iter().map(|(name, _)| *name).collect();
        names.extend(SockOpt::ALL.iter().map(|option| option.name()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
