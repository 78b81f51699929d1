//! What JavaScript gives this module, by hand: integers in and out. The functions of sockets are described in the package's
//! `web/direct.js`, which has them; here are safe ones of the same names.
#![expect(unsafe_code, reason = "imports are foreign functions; none keeps a pointer")]

mod raw {
    #[link(wasm_import_module = "guestnet")]
    unsafe extern "C" {
        pub(super) fn tcp_connect(host: *const u8, len: usize, port: u32, options: *const i32) -> u32;
        pub(super) fn tcp_listen(host: *const u8, len: usize, port: u32, backlog: u32, v6only: i32) -> u32;
        pub(super) fn udp_open(
            local: *const u8,
            local_len: usize,
            local_port: u32,
            remote: *const u8,
            remote_len: usize,
            remote_port: u32,
            options: *const i32,
        ) -> u32;
        pub(crate) safe fn state(id: u32) -> u32;
        pub(crate) safe fn error(id: u32) -> u32;
        pub(super) fn address(id: u32, which: u32, out: *mut u8) -> i32;
        pub(crate) safe fn available(id: u32) -> u32;
        pub(crate) safe fn arrivals(id: u32) -> u32;
        pub(super) fn recv(id: u32, bytes: *mut u8, len: usize, peek: i32, out: *mut u8) -> i32;
        pub(super) fn send(id: u32, bytes: *const u8, len: usize) -> i32;
        pub(super) fn send_to(
            id: u32,
            bytes: *const u8,
            len: usize,
            host: *const u8,
            host_len: usize,
            port: u32,
        ) -> i32;
        pub(crate) safe fn accept(id: u32) -> u32;
        pub(crate) safe fn end(id: u32) -> i32;
        pub(crate) safe fn close(id: u32);
        pub(super) fn group(id: u32, join: i32, host: *const u8, len: usize) -> i32;
        pub(crate) safe fn now() -> f64;
        pub(crate) safe fn realtime() -> f64;
        pub(crate) safe fn memory_size() -> u32;
        pub(super) fn memory_read(at: u32, bytes: *mut u8, len: usize);
        pub(super) fn memory_write(at: u32, bytes: *const u8, len: usize);
        pub(super) fn log(kind: u32, bytes: *const u8, len: usize);
    }
}

pub(crate) use raw::{accept, arrivals, available, close, end, error, memory_size, now, realtime, state};

/// How long an address's text is at most.
const MAX_ADDRESS: usize = 64;

/// An address as JavaScript writes it: the port, the length of the text, the text.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct WrittenAddress {
    pub(crate) port: u32,
    pub(crate) len: u32,
    pub(crate) text: [u8; MAX_ADDRESS],
}

impl WrittenAddress {
    const EMPTY: WrittenAddress = WrittenAddress {
        port: 0,
        len: 0,
        text: [0; MAX_ADDRESS],
    };
}

pub(crate) fn tcp_connect(host: &str, port: u16, options: &[i32; 5]) -> u32 {
    // SAFETY: JavaScript reads the text and five numbers, which live longer than the call.
    unsafe { raw::tcp_connect(host.as_ptr(), host.len(), port.into(), options.as_ptr()) }
}

pub(crate) fn tcp_listen(host: &str, port: u16, backlog: u32, v6only: i32) -> u32 {
    // SAFETY: JavaScript reads the text, which lives longer than the call.
    unsafe { raw::tcp_listen(host.as_ptr(), host.len(), port.into(), backlog, v6only) }
}

/// Bound to `local`, or connected to `remote`; the other one is empty.
pub(crate) fn udp_open(local: (&str, u16), remote: (&str, u16), options: &[i32; 6]) -> u32 {
    // SAFETY: JavaScript reads both texts and six numbers, which live longer than the call.
    unsafe {
        raw::udp_open(
            local.0.as_ptr(),
            local.0.len(),
            local.1.into(),
            remote.0.as_ptr(),
            remote.0.len(),
            remote.1.into(),
            options.as_ptr(),
        )
    }
}

pub(crate) fn address(id: u32, which: u32) -> Option<WrittenAddress> {
    let mut out = WrittenAddress::EMPTY;
    // SAFETY: JavaScript writes two numbers and at most `MAX_ADDRESS` bytes, which is what the struct has in this order.
    let known = unsafe { raw::address(id, which, (&raw mut out).cast()) };
    (known == 0).then_some(out)
}

/// `peek` is -1 to take. Negative: there is nothing.
pub(crate) fn recv(id: u32, bytes: &mut [u8], peek: i32) -> i32 {
    // SAFETY: JavaScript writes at most so many bytes.
    unsafe { raw::recv(id, bytes.as_mut_ptr(), bytes.len(), peek, std::ptr::null_mut()) }
}

/// The same for a datagram, with its sender.
pub(crate) fn recv_from(id: u32, bytes: &mut [u8], peek: i32) -> (i32, WrittenAddress) {
    let mut out = WrittenAddress::EMPTY;
    // SAFETY: JavaScript writes at most so many bytes, and the sender as in `address`.
    let len = unsafe { raw::recv(id, bytes.as_mut_ptr(), bytes.len(), peek, (&raw mut out).cast()) };
    (len, out)
}

pub(crate) fn send(id: u32, bytes: &[u8]) -> i32 {
    // SAFETY: JavaScript reads the bytes and keeps a copy.
    unsafe { raw::send(id, bytes.as_ptr(), bytes.len()) }
}

pub(crate) fn send_to(id: u32, bytes: &[u8], host: &str, port: u16) -> i32 {
    // SAFETY: JavaScript reads the bytes and the text, and keeps copies.
    unsafe {
        raw::send_to(
            id,
            bytes.as_ptr(),
            bytes.len(),
            host.as_ptr(),
            host.len(),
            port.into(),
        )
    }
}

pub(crate) fn group(id: u32, join: bool, host: &str) -> i32 {
    // SAFETY: JavaScript reads the text, which lives longer than the call.
    unsafe { raw::group(id, join.into(), host.as_ptr(), host.len()) }
}

/// Bytes of the program's memory, which has them there.
pub(crate) fn memory_read(at: u32, bytes: &mut [u8]) {
    // SAFETY: JavaScript writes so many bytes.
    unsafe { raw::memory_read(at, bytes.as_mut_ptr(), bytes.len()) }
}

/// Writes to the program's memory, which has room there.
pub(crate) fn memory_write(at: u32, bytes: &[u8]) {
    // SAFETY: JavaScript reads the bytes.
    unsafe { raw::memory_write(at, bytes.as_ptr(), bytes.len()) }
}

/// A line for the page.
pub(crate) fn log(kind: u32, bytes: &[u8]) {
    // SAFETY: JavaScript reads the bytes and keeps a copy.
    unsafe { raw::log(kind, bytes.as_ptr(), bytes.len()) }
}
