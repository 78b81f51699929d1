//! The host functions that wasm32-wasip1 has sockets by, with their numbers and layouts. Declarations only.
//!
//! All of them are in `wasi_snapshot_preview1`: the standard's, WasmEdge's second version of the socket extension, WAMR's
//! lib-socket for the options that WasmEdge cannot say, and guestnet's for epoll, sendfile and splice. Results are WASI's errno, which is std's on this target.

use std::io::{IoSlice, IoSliceMut};
use std::mem::offset_of;

use crate::epoll::EpollEvent;

pub(super) const INET: u16 = 1;
pub(super) const INET6: u16 = 2;
pub(super) const UNIX: u16 = 3;

pub(super) const DGRAM: u32 = 1;
pub(super) const STREAM: u32 = 2;

pub(super) const FDFLAG_NONBLOCK: u16 = 4;

pub(super) const SHUT_RD: u32 = 1;
pub(super) const SHUT_WR: u32 = 2;

pub(super) const RECV_PEEK: u32 = 1;
/// guestnet's: `MSG_DONTWAIT`.
pub(super) const RECV_DONTWAIT: u32 = 4;
pub(super) const RECV_TRUNCATED: u16 = 1;

/// WasmEdge's `SOL_SOCKET`, and the levels of Linux that guestnet takes as wasi-go began with `TCP_NODELAY`.
pub(super) const LEVEL_SOCKET: u32 = 0;
pub(super) const LEVEL_TCP: u32 = 6;
pub(super) const LEVEL_IPV6: u32 = 41;
/// guestnet's: an option of `IPPROTO_IP` is a name of level 0, this much above Linux's number.
pub(super) const IPV4_NAMES: u32 = 256;

pub(super) const SO_LINGER: u32 = 9;
pub(super) const SO_RCVTIMEO: u32 = 11;
pub(super) const SO_SNDTIMEO: u32 = 12;
pub(super) const TCP_INFO: u32 = 11;
pub(super) const TCP_CONGESTION: u32 = 13;
pub(super) const IPV6_JOIN_GROUP: u32 = 20;
pub(super) const IPV6_LEAVE_GROUP: u32 = 21;

pub(super) const EINPROGRESS: i32 = 26;
pub(super) const EINTR: i32 = 27;
pub(super) const EBADF: u16 = 8;
/// The first of WasmEdge's numbers for a failed look-up.
pub(super) const FIRST_EAI: i32 = 77;

/// The bytes of an address: a family, and four octets, sixteen, or a path with its NUL.
pub(super) const ADDRESS: usize = 128;

/// An address argument of a call: the bytes that it reads or writes, and how many.
#[repr(C)]
pub(super) struct Address {
    pub(super) bytes: *mut u8,
    pub(super) len: u32,
}

/// `fdstat`.
#[repr(C)]
pub(super) struct FdStat {
    pub(super) filetype: u8,
    pub(super) flags: u16,
    pub(super) rights: u64,
    pub(super) inheriting: u64,
}

pub(super) const EVENT_CLOCK: u8 = 0;
pub(super) const EVENT_FD_READ: u8 = 1;
pub(super) const EVENT_FD_WRITE: u8 = 2;
pub(super) const CLOCK_MONOTONIC: u32 = 1;

/// `subscription`, whose union begins at `fd`: a descriptor, or the number of a clock with what follows.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Subscription {
    pub(super) userdata: u64,
    pub(super) tag: u8,
    pub(super) reserved: u32,
    pub(super) fd: u32,
    /// Nanoseconds.
    pub(super) timeout: u64,
    pub(super) precision: u64,
    pub(super) flags: u16,
}

pub(super) const RW_HANGUP: u16 = 1;
/// guestnet's: `POLLERR`.
pub(super) const RW_ERROR: u16 = 2;

/// `event`. With guestnet a flag and no bytes say that the event is there for the flag alone.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Event {
    pub(super) userdata: u64,
    pub(super) error: u16,
    pub(super) kind: u8,
    pub(super) bytes: u64,
    pub(super) flags: u16,
}

/// `struct timeval`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct TimeVal {
    pub(super) seconds: i64,
    pub(super) micros: i64,
}

/// `struct linger`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Linger {
    pub(super) on: i32,
    pub(super) seconds: i32,
}

/// `struct ipv6_mreq`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Ipv6Mreq {
    pub(super) group: [u8; 16],
    pub(super) interface: u32,
}

/// WAMR's address of a group: `kind` 0, and four octets of the sixteen bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct WamrIp {
    pub(super) kind: i32,
    pub(super) octets: [u8; 16],
}

/// What a node of a look-up points to.
#[repr(C)]
pub(super) struct SockAddr {
    pub(super) family: u32,
    pub(super) len: u32,
    /// A port in network order, then four octets or sixteen.
    pub(super) data: *mut u8,
    pub(super) reserved: u32,
}

/// A node of the list that the caller of `sock_getaddrinfo` provides and the host fills.
#[repr(C)]
pub(super) struct AddrInfo {
    pub(super) flags: u16,
    pub(super) family: u8,
    pub(super) socktype: u8,
    pub(super) protocol: u32,
    pub(super) addrlen: u32,
    pub(super) addr: *mut SockAddr,
    pub(super) canonname: *mut u8,
    pub(super) canonname_len: u32,
    pub(super) next: *mut AddrInfo,
}

const _: () = {
    assert!(size_of::<Address>() == 8);
    assert!(size_of::<FdStat>() == 24 && offset_of!(FdStat, rights) == 8);
    assert!(size_of::<Subscription>() == 48 && offset_of!(Subscription, fd) == 16);
    assert!(offset_of!(Subscription, timeout) == 24 && offset_of!(Subscription, flags) == 40);
    assert!(size_of::<Event>() == 32 && offset_of!(Event, flags) == 24);
    assert!(size_of::<EpollEvent>() == 16 && offset_of!(EpollEvent, token) == 8);
    assert!(size_of::<AddrInfo>() == 28 && offset_of!(AddrInfo, canonname_len) == 20);
    assert!(size_of::<WamrIp>() == 20 && size_of::<Ipv6Mreq>() == 20);
    assert!(size_of::<IoSlice<'_>>() == 8 && size_of::<IoSliceMut<'_>>() == 8);
};

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    pub(super) safe fn fd_fdstat_set_flags(fd: i32, flags: u32) -> i32;
    pub(super) fn fd_fdstat_get(fd: i32, stat: *mut FdStat) -> i32;
    pub(super) fn poll_oneoff(
        subscriptions: *const Subscription,
        events: *mut Event,
        count: usize,
        ready: *mut usize,
    ) -> i32;

    pub(super) fn sock_open(family: u32, kind: u32, fd: *mut i32) -> i32;
    pub(super) fn sock_bind(fd: i32, addr: *const Address, port: u32) -> i32;
    pub(super) safe fn sock_listen(fd: i32, backlog: i32) -> i32;
    pub(super) fn sock_accept(fd: i32, flags: u32, accepted: *mut i32) -> i32;
    pub(super) fn sock_connect(fd: i32, addr: *const Address, port: u32) -> i32;
    pub(super) safe fn sock_shutdown(fd: i32, how: u32) -> i32;
    pub(super) fn sock_recv(
        fd: i32,
        iovs: *mut IoSliceMut<'_>,
        count: usize,
        flags: u32,
        received: *mut usize,
        out: *mut u16,
    ) -> i32;
    pub(super) fn sock_send(
        fd: i32,
        iovs: *const IoSlice<'_>,
        count: usize,
        flags: u32,
        sent: *mut usize,
    ) -> i32;
    pub(super) fn sock_recv_from(
        fd: i32,
        iovs: *mut IoSliceMut<'_>,
        count: usize,
        addr: *mut Address,
        flags: u32,
        port: *mut u32,
        received: *mut usize,
        out: *mut u16,
    ) -> i32;
    pub(super) fn sock_send_to(
        fd: i32,
        iovs: *const IoSlice<'_>,
        count: usize,
        addr: *const Address,
        port: u32,
        flags: u32,
        sent: *mut usize,
    ) -> i32;
    pub(super) fn sock_getlocaladdr(fd: i32, addr: *mut Address, port: *mut u32) -> i32;
    pub(super) fn sock_getpeeraddr(fd: i32, addr: *mut Address, port: *mut u32) -> i32;
    pub(super) fn sock_getsockopt(fd: i32, level: u32, name: u32, value: *mut u8, len: *mut u32) -> i32;
    pub(super) fn sock_setsockopt(fd: i32, level: u32, name: u32, value: *const u8, len: u32) -> i32;
    pub(super) fn sock_getaddrinfo(
        node: *const u8,
        node_len: usize,
        service: *const u8,
        service_len: usize,
        hints: *const AddrInfo,
        list: *mut *mut AddrInfo,
        capacity: usize,
        count: *mut usize,
    ) -> i32;

    // guestnet's, imported only by a program that uses them.
    pub(super) fn epoll_create(epoll: *mut i32) -> i32;
    pub(super) safe fn epoll_ctl(epoll: i32, operation: i32, fd: i32, events: u32, data: u64) -> i32;
    pub(super) fn epoll_wait(
        epoll: i32,
        events: *mut EpollEvent,
        most: usize,
        timeout: i64,
        count: *mut usize,
    ) -> i32;
    pub(super) fn sendfile(out: i32, file: i32, offset: i64, count: usize, sent: *mut u64) -> i32;
    pub(super) fn pipe(ends: *mut [i32; 2]) -> i32;
    pub(super) fn splice(from: i32, to: i32, count: usize, flags: u32, moved: *mut usize) -> i32;

    // WAMR's, imported only by a program that uses these options. A value comes out as one byte.
    pub(super) fn sock_get_reuse_port(fd: i32, on: *mut i32) -> i32;
    pub(super) safe fn sock_set_reuse_port(fd: i32, on: i32) -> i32;
    pub(super) fn sock_get_tcp_fastopen_connect(fd: i32, on: *mut i32) -> i32;
    pub(super) safe fn sock_set_tcp_fastopen_connect(fd: i32, on: i32) -> i32;
    pub(super) fn sock_set_ip_add_membership(fd: i32, group: *const WamrIp, interface: u32) -> i32;
    pub(super) fn sock_set_ip_drop_membership(fd: i32, group: *const WamrIp, interface: u32) -> i32;
}
