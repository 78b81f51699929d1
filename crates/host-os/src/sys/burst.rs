//! recvmsg(2) on a UDP socket with `UDP_GRO`: what the kernel has queued as one, be it one datagram or several of one size.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::message::{Arrival, arrival};
use super::{last_error, setsockopt, socklen};

/// Control data that a guest may ask for of a datagram, and the size of the segments: each item is below 48 bytes, and there are
/// less than ten.
const CONTROL_ROOM: usize = 512;

/// Has the kernel queue what arrives together as one, and say of what size its datagrams are (`UDP_GRO` of udp(7)).
pub(crate) fn set_gro(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    setsockopt(fd, libc::SOL_UDP, libc::UDP_GRO, &1_i32)
}

/// recvmsg(2) into one buffer.
pub(crate) fn recvmsg(fd: BorrowedFd<'_>, buffer: &mut [u8], flags: i32) -> Result<Arrival, Errno> {
    let mut control = [MaybeUninit::<u64>::uninit(); CONTROL_ROOM / 8];
    let mut name = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut vector = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = socklen::<libc::sockaddr_storage>();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_ROOM;
    // SAFETY: every pointer is valid for its length and outlives the call.
    let len = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags | libc::MSG_CMSG_CLOEXEC) };
    let len = usize::try_from(len).map_err(|_| last_error())?;
    // The kernel has written the name and the control data as far as the header now says.
    Ok(arrival(&header, len))
}
