//! The numbers of WASI preview 1 and of the socket ABIs over it. Sources: the WASI preview 1 witx files, WasmEdge's
//! `wasi_snapshot_preview1` extension, wasi-go, and WAMR's `wasi_socket_ext.h`.

/// The module that every import of preview 1 and of the socket ABIs names.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// The names of the ABIs. What both versions of WasmEdge have alike is under [`WASMEDGE`].
pub(crate) const PREVIEW_1: &str = "WASI preview 1";
pub(crate) const WASMEDGE: &str = "WasmEdge";
pub(crate) const WASMEDGE_V1: &str = "WasmEdge v1";
pub(crate) const WASMEDGE_V2: &str = "WasmEdge v2";
pub(crate) const WAMR: &str = "WAMR";
/// What no other ABI can say.
pub(crate) const GUESTNET: &str = "guestnet";

/// The most iovecs of one call: `IOV_MAX` of Linux.
pub(crate) const MAX_IOVECS: u32 = 1024;

/// The most subscriptions of one `poll_oneoff`: Go sends up to 65,536, each of them costs the host some 60 bytes.
pub(crate) const MAX_SUBSCRIPTIONS: u32 = 131_072;

pub(crate) const RIGHT_FD_READ: u64 = 1 << 1;
pub(crate) const RIGHT_FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
pub(crate) const RIGHT_FD_WRITE: u64 = 1 << 6;
pub(crate) const RIGHT_FD_FILESTAT_GET: u64 = 1 << 21;
pub(crate) const RIGHT_POLL_FD_READWRITE: u64 = 1 << 27;
pub(crate) const RIGHT_SOCK_SHUTDOWN: u64 = 1 << 28;
pub(crate) const RIGHT_SOCK_ACCEPT: u64 = 1 << 29;

pub(crate) const FILETYPE_UNKNOWN: u8 = 0;
pub(crate) const FILETYPE_CHARACTER_DEVICE: u8 = 2;
pub(crate) const FILETYPE_REGULAR_FILE: u8 = 4;
pub(crate) const FILETYPE_SOCKET_DGRAM: u8 = 5;
pub(crate) const FILETYPE_SOCKET_STREAM: u8 = 6;

pub(crate) const FDFLAG_NONBLOCK: u32 = 4;
/// All of `fdflags`.
pub(crate) const FDFLAGS: u32 = 31;

pub(crate) const RI_PEEK: u32 = 1;
pub(crate) const RI_WAITALL: u32 = 2;
/// guestnet's: `MSG_DONTWAIT`.
pub(crate) const RI_DONTWAIT: u32 = 4;
/// guestnet's: `MSG_TRUNC`, the real length of a datagram.
pub(crate) const RI_TRUNC: u32 = 8;
/// guestnet's: `MSG_DONTWAIT`.
pub(crate) const SI_DONTWAIT: u32 = 1;
pub(crate) const RO_DATA_TRUNCATED: u16 = 1;

/// Size of `prestat`, `fdstat`, `filestat`, `subscription` and `event`.
pub(crate) const FDSTAT: usize = 24;
pub(crate) const FILESTAT: usize = 64;
pub(crate) const SUBSCRIPTION: u32 = 48;
pub(crate) const EVENT: u32 = 32;

pub(crate) const PREOPEN_DIRECTORY: u8 = 0;
/// Not a directory: both wasi-libc and Go step over a tag that they do not know.
pub(crate) const PREOPEN_SOCKET: u8 = 1;

pub(crate) const EVENT_CLOCK: u8 = 0;
pub(crate) const EVENT_FD_READ: u8 = 1;
pub(crate) const EVENT_FD_WRITE: u8 = 2;
pub(crate) const SUBCLOCK_ABSTIME: u16 = 1;
/// `eventrwflags`: the standard's, and three of guestnet's that complete poll(2).
pub(crate) const EVENT_HANGUP: u16 = 1;
pub(crate) const EVENT_ERROR: u16 = 2;
pub(crate) const EVENT_PRIORITY: u16 = 4;
pub(crate) const EVENT_READ_HANGUP: u16 = 8;

pub(crate) const CLOCK_REALTIME: u32 = 0;
pub(crate) const CLOCK_MONOTONIC: u32 = 1;

/// WasmEdge's errno values for failed look-ups.
pub(crate) const EAI_AGAIN: i32 = 78;
pub(crate) const EAI_BADFLAGS: i32 = 79;
pub(crate) const EAI_FAIL: i32 = 80;
pub(crate) const EAI_FAMILY: i32 = 81;
pub(crate) const EAI_MEMORY: i32 = 82;
pub(crate) const EAI_NODATA: i32 = 83;
pub(crate) const EAI_NONAME: i32 = 84;
pub(crate) const EAI_SERVICE: i32 = 85;
pub(crate) const EAI_SOCKTYPE: i32 = 86;
pub(crate) const EAI_SYSTEM: i32 = 87;

/// WasmEdge, wasi-go and dispatchrun/net.
pub(crate) mod wasmedge {
    use guestnet_core::SockOpt;

    pub(crate) const UNSPEC: u32 = 0;
    pub(crate) const INET: u32 = 1;
    pub(crate) const INET6: u32 = 2;
    pub(crate) const UNIX: u32 = 3;
    pub(crate) const ANY: u32 = 0;
    pub(crate) const DGRAM: u32 = 1;
    pub(crate) const STREAM: u32 = 2;
    pub(crate) const TCP: u32 = 1;
    pub(crate) const UDP: u32 = 2;

    /// Size of the long form of an address.
    pub(crate) const ADDRESS: usize = 128;
    /// Sizes of `addrinfo` and of the port and octets in its data buffer.
    pub(crate) const ADDRINFO: u32 = 28;
    /// A `value_len` argument of `sock_getsockopt` up to this is a length, above it a pointer to one.
    pub(crate) const LENGTH_BY_VALUE: u32 = 16;

    /// `SOL_SOCKET` of WasmEdge, by name number.
    pub(crate) const SOCKET_OPTIONS: [SockOpt; 15] = [
        SockOpt::ReuseAddr,
        SockOpt::Type,
        SockOpt::Error,
        SockOpt::DontRoute,
        SockOpt::Broadcast,
        SockOpt::SndBuf,
        SockOpt::RcvBuf,
        SockOpt::KeepAlive,
        SockOpt::OobInline,
        SockOpt::Linger,
        SockOpt::RcvLowat,
        SockOpt::RcvTimeo,
        SockOpt::SndTimeo,
        SockOpt::AcceptConn,
        SockOpt::BindToDevice,
    ];

    /// Level 6: wasi-go's one number, and Linux's (tcp(7)), of which none is 15.
    pub(crate) const TCP_OPTIONS: [(u32, SockOpt); 17] = [
        (15, SockOpt::TcpNoDelay),
        (1, SockOpt::TcpNoDelay),
        (2, SockOpt::TcpMaxSeg),
        (3, SockOpt::TcpCork),
        (4, SockOpt::TcpKeepIdle),
        (5, SockOpt::TcpKeepIntvl),
        (6, SockOpt::TcpKeepCnt),
        (7, SockOpt::TcpSynCnt),
        (8, SockOpt::TcpLinger2),
        (9, SockOpt::TcpDeferAccept),
        (10, SockOpt::TcpWindowClamp),
        (11, SockOpt::TcpInfo),
        (12, SockOpt::TcpQuickAck),
        (13, SockOpt::TcpCongestion),
        (18, SockOpt::TcpUserTimeout),
        (23, SockOpt::TcpFastOpen),
        (25, SockOpt::TcpNotSentLowat),
    ];

    /// guestnet's: WasmEdge's SOL_SOCKET has the number of IPPROTO_IP, so that IPv4's options (ip(7), Linux's numbers)
    /// are that level's names from here on.
    pub(crate) const IPV4_NAMES: u32 = 256;
    pub(crate) const IPV4_OPTIONS: [(u32, SockOpt); 5] = [
        (1, SockOpt::IpTos),
        (2, SockOpt::IpTtl),
        (15, SockOpt::IpFreebind),
        (33, SockOpt::IpMulticastTtl),
        (34, SockOpt::IpMulticastLoop),
    ];

    /// Level 41: Linux's numbers (ipv6(7)).
    pub(crate) const IPV6_OPTIONS: [(u32, SockOpt); 7] = [
        (16, SockOpt::Ipv6UnicastHops),
        (18, SockOpt::Ipv6MulticastHops),
        (19, SockOpt::Ipv6MulticastLoop),
        (20, SockOpt::Ipv6JoinGroup),
        (21, SockOpt::Ipv6LeaveGroup),
        (26, SockOpt::Ipv6Only),
        (67, SockOpt::Ipv6Tclass),
    ];
}

/// WAMR's lib-socket.
pub(crate) mod wamr {
    pub(crate) const DGRAM: u32 = 0;
    pub(crate) const STREAM: u32 = 1;
    pub(crate) const INET4: u32 = 0;
    pub(crate) const INET6: u32 = 1;
    pub(crate) const UNSPEC: u32 = 2;
    pub(crate) const KIND_IPV4: u32 = 0;
    pub(crate) const KIND_IPV6: u32 = 1;
    /// Size of `__wasi_addr_t` and `__wasi_addr_info_t`.
    pub(crate) const ADDR: usize = 24;
    pub(crate) const ADDR_INFO: u32 = 28;
}

/// `op` of `epoll_ctl`: Linux's numbers.
pub(crate) const EPOLL_CTL_ADD: u32 = 1;
pub(crate) const EPOLL_CTL_DEL: u32 = 2;
pub(crate) const EPOLL_CTL_MOD: u32 = 3;

/// The events of an epoll: Linux's numbers. Other bits mean nothing.
pub(crate) const EPOLLIN: u32 = 0x1;
pub(crate) const EPOLLPRI: u32 = 0x2;
pub(crate) const EPOLLOUT: u32 = 0x4;
pub(crate) const EPOLLERR: u32 = 0x8;
pub(crate) const EPOLLHUP: u32 = 0x10;
pub(crate) const EPOLLRDHUP: u32 = 0x2000;
pub(crate) const EPOLLEXCLUSIVE: u32 = 1 << 28;
pub(crate) const EPOLLONESHOT: u32 = 1 << 30;
pub(crate) const EPOLLET: u32 = 1 << 31;

/// `offset` of `sendfile`: the file's own position.
pub(crate) const SENDFILE_POSITION: i64 = -1;
/// `whence` of `fd_seek`.
pub(crate) const WHENCE_SET: u32 = 0;

/// Flags of `splice`: Linux's numbers.
pub(crate) const SPLICE_F_MOVE: u32 = 1;
pub(crate) const SPLICE_F_NONBLOCK: u32 = 2;
pub(crate) const SPLICE_F_MORE: u32 = 4;
pub(crate) const SPLICE_F_GIFT: u32 = 8;

/// Size of `struct epoll_event`: the events, 4 bytes that are not written, and the data.
pub(crate) const EPOLL_EVENT: u32 = 16;
/// Room for more events than memory of 31 bits holds is none, as on Linux.
pub(crate) const EPOLL_ROOM: u32 = (1 << 31) / EPOLL_EVENT - 1;
/// The most events of one `epoll_wait`.
pub(crate) const MAX_EPOLL_EVENTS: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use guestnet_core::SockOpt;

    /// The table for users says of every option whether this adapter has it.
    #[test]
    fn docs_options_md_is_about_this_adapter() {
        let page = include_str!("../../../../docs/options.md");
        for &option in SockOpt::ALL {
            let begins = format!("| `{}` | ", option.name());
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(&begins));
            let row: Vec<_> = rows.next().expect("a row").split(" | ").collect();
            let listed = wasmedge::SOCKET_OPTIONS.contains(&option)
                || wasmedge::TCP_OPTIONS.iter().any(|(_, each)| *each == option)
                || wasmedge::IPV4_OPTIONS.iter().any(|(_, each)| *each == option)
                || wasmedge::IPV6_OPTIONS.iter().any(|(_, each)| *each == option)
                // Of lib-socket, in functions of their own.
                || matches!(
                    option,
                    SockOpt::ReusePort
                        | SockOpt::TcpFastOpenConnect
                        | SockOpt::IpAddMembership
                        | SockOpt::IpDropMembership
                );
            assert_eq!(row.get(2), Some(&if listed { "yes" } else { "no" }), "{begins}");
        }
    }
}
