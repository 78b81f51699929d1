//! sendmmsg(2) and recvmmsg(2) of datagrams over IP.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::SocketAddrAny;

use super::last_error;
use super::message::{Arrival, arrival};

/// The most datagrams of one system call. What a call costs more than its datagrams is a hundredth of them by then.
pub(crate) const MOST: usize = 64;

/// Room for the control data of one datagram: each item that can be switched on is below 48 bytes, and there are less than ten.
const CONTROL_ROOM: usize = 512;

/// A datagram to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) bufs: &'a [IoSlice<'a>],
    pub(crate) to: Option<SocketAddrAny>,
    /// A sequence of items of control data.
    pub(crate) control: Vec<u8>,
}

/// All zero: no name, no buffers, no control data.
fn headers() -> [libc::mmsghdr; MOST] {
    // SAFETY: all zero is a valid mmsghdr.
    unsafe { std::mem::zeroed() }
}

/// sendmmsg(2) of the first [`MOST`]: how many were sent.
pub(crate) fn sendmmsg(
    fd: BorrowedFd<'_>,
    datagrams: &mut [Outgoing<'_>],
    flags: i32,
) -> Result<usize, Errno> {
    let mut headers = headers();
    let mut count = 0;
    for (header, datagram) in headers.iter_mut().zip(datagrams) {
        let header = &mut header.msg_hdr;
        if let Some(to) = &datagram.to {
            header.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_namelen = to.addr_len();
        }
        header.msg_iov = datagram.bufs.as_ptr().cast_mut().cast();
        header.msg_iovlen = datagram.bufs.len();
        if !datagram.control.is_empty() {
            header.msg_control = datagram.control.as_mut_ptr().cast();
            header.msg_controllen = datagram.control.len();
        }
        count += 1;
    }
    // SAFETY: the first `count` headers are filled in; every pointer in them is valid for its length and outlives the call;
    // IoSlice has iovec's layout; the kernel only reads through all of them.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, flags) };
    usize::try_from(sent).map_err(|_| last_error())
}

/// recvmmsg(2) into the first [`MOST`] of these buffers, each with whether its control data are wanted: gives each datagram that
/// came to `with`, in order, and returns how many came.
pub(crate) fn recvmmsg<'a, 'b: 'a>(
    fd: BorrowedFd<'_>,
    rooms: impl Iterator<Item = (&'a mut [IoSliceMut<'b>], bool)>,
    flags: i32,
    mut with: impl FnMut(Arrival),
) -> Result<usize, Errno> {
    let mut headers = headers();
    let mut names = [MaybeUninit::<libc::sockaddr_storage>::uninit(); MOST];
    // Made for those that want any.
    let mut controls: Vec<[u64; CONTROL_ROOM / 8]> = Vec::new();
    let mut wanting = [false; MOST];
    let mut count = 0;
    for (((header, name), wanting), (bufs, wants_control)) in
        headers.iter_mut().zip(&mut names).zip(&mut wanting).zip(rooms)
    {
        let header = &mut header.msg_hdr;
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = super::socklen::<libc::sockaddr_storage>();
        header.msg_iov = bufs.as_mut_ptr().cast();
        header.msg_iovlen = bufs.len();
        *wanting = wants_control;
        count += 1;
    }
    controls.resize(
        wanting.iter().filter(|wanting| **wanting).count(),
        [0; CONTROL_ROOM / 8],
    );
    let wanting = headers.iter_mut().zip(wanting).filter(|(_, wanting)| *wanting);
    for ((header, _), control) in wanting.zip(&mut controls) {
        header.msg_hdr.msg_control = control.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = CONTROL_ROOM;
    }
    let flags = flags | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the first `count` headers are filled in; every pointer in them is valid for its length and outlives the call;
    // IoSliceMut has iovec's layout; there is no timeout.
    let came = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            flags,
            std::ptr::null_mut(),
        )
    };
    let came = usize::try_from(came).map_err(|_| last_error())?;
    for header in headers.iter().take(came) {
        with(arrival(&header.msg_hdr, header.msg_len as usize));
    }
    Ok(came)
}
