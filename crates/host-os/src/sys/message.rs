//! sendmsg(2) and recvmsg(2) with control data of every kind.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::SocketAddrAny;

use super::last_error;

/// Room for what a message may carry: 253 descriptors, and some of everything else.
const CONTROL_ROOM: usize = 2048;

/// One item of control data as the kernel gave it.
#[derive(Debug)]
pub(crate) enum Item {
    Files(Vec<OwnedFd>),
    Bytes { level: i32, name: i32, data: Vec<u8> },
}

/// What recvmsg(2) brought.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) len: usize,
    pub(crate) from: Option<SocketAddrAny>,
    pub(crate) items: Vec<Item>,
    /// `msg_flags`.
    pub(crate) flags: i32,
}

/// sendmsg(2). `control` is a sequence of [`item`]s.
pub(crate) fn sendmsg(
    fd: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    to: Option<&SocketAddrAny>,
    control: &mut [u8],
    flags: i32,
) -> Result<usize, Errno> {
    // SAFETY: all zero is a valid msghdr: no name, no buffers, no control data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    if let Some(to) = to {
        header.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_namelen = to.addr_len();
    }
    header.msg_iov = bufs.as_ptr().cast_mut().cast();
    header.msg_iovlen = bufs.len();
    if !control.is_empty() {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
    }
    // SAFETY: every pointer is valid for its length and outlives the call; IoSlice has iovec's layout; the kernel only
    // reads through all of them.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) };
    usize::try_from(sent).map_err(|_| last_error())
}

/// recvmsg(2). Descriptors that come are close-on-exec.
pub(crate) fn recvmsg(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], flags: i32) -> Result<Arrival, Errno> {
    let mut control = [0_u64; CONTROL_ROOM / 8];
    let mut name = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    // SAFETY: all zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = super::socklen::<libc::sockaddr_storage>();
    header.msg_iov = bufs.as_mut_ptr().cast();
    header.msg_iovlen = bufs.len();
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_ROOM;
    // SAFETY: every pointer is valid for its length and outlives the call; IoSliceMut has iovec's layout.
    let len = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags | libc::MSG_CMSG_CLOEXEC) };
    let len = usize::try_from(len).map_err(|_| last_error())?;
    Ok(arrival(&header, len))
}

/// What the kernel has filled in. The name and the control data of `header` have room for as much as their lengths say.
pub(super) fn arrival(header: &libc::msghdr, len: usize) -> Arrival {
    let mut items = Vec::new();
    // SAFETY: the kernel filled the header in, and its control data are what it says.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null, or within the control data.
    while let Some(item) = unsafe { next.as_ref() } {
        // SAFETY: CMSG_LEN only computes.
        let head = unsafe { libc::CMSG_LEN(0) } as usize;
        let size = item.cmsg_len.saturating_sub(head);
        // SAFETY: the item's data begin after its header.
        let start = unsafe { libc::CMSG_DATA(next) };
        // SAFETY: the kernel wrote `size` bytes there.
        let data = unsafe { std::slice::from_raw_parts(start, size) };
        items.push(
            if (item.cmsg_level, item.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let files = data.as_chunks().0.iter().map(|bytes| {
                    // SAFETY: the kernel has just made this descriptor for us, and no other code knows it.
                    unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(*bytes)) }
                });
                Item::Files(files.collect())
            } else {
                Item::Bytes {
                    level: item.cmsg_level,
                    name: item.cmsg_type,
                    data: data.to_vec(),
                }
            },
        );
        // SAFETY: as for the first one.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    // The kernel says 0 or the length of a whole address, which has at least a family and fits the storage.
    let from = (header.msg_namelen >= 2 && header.msg_namelen <= super::socklen::<libc::sockaddr_storage>())
        // SAFETY: the kernel wrote an address of this length.
        .then(|| unsafe { SocketAddrAny::read(header.msg_name.cast_const().cast(), header.msg_namelen) });
    Arrival {
        len,
        from,
        items,
        flags: header.msg_flags,
    }
}
