//! Between the kernel's words and the core's: error numbers to and from [`Errno`], types and flags of calls.

use guestnet_core::{Errno, Kind, RecvFlags, RecvMeta, SendFlags};
use rustix::net::SocketType;

/// One above the largest error number of Linux that has a name.
const NUMBERS: usize = 134;

/// Number → name, filled from [`number`] so that the two cannot disagree.
static NAMES: [Option<Errno>; NUMBERS] = {
    let mut names = [None; NUMBERS];
    let mut index = 0;
    while index < Errno::ALL.len() {
        let errno = Errno::ALL[index];
        names[number(errno)] = Some(errno);
        index += 1;
    }
    names
};

/// What the kernel said. Numbers without a name in the core's list (none that a socket call returns) are `EIO`.
pub(crate) fn errno(error: rustix::io::Errno) -> Errno {
    usize::try_from(error.raw_os_error())
        .ok()
        .and_then(|raw| NAMES.get(raw).copied().flatten())
        .unwrap_or(Errno::EIO)
}

/// [`errno`] of a raw number, as `SO_ERROR` returns it; `None` for 0.
pub(crate) fn errno_of_raw(raw: i32) -> Option<Errno> {
    (raw != 0).then(|| errno(rustix::io::Errno::from_raw_os_error(raw)))
}

const fn number(errno: Errno) -> usize {
    let raw = match errno {
        Errno::EPERM => libc::EPERM,
        Errno::ENOENT => libc::ENOENT,
        Errno::ESRCH => libc::ESRCH,
        Errno::EINTR => libc::EINTR,
        Errno::EIO => libc::EIO,
        Errno::ENXIO => libc::ENXIO,
        Errno::E2BIG => libc::E2BIG,
        Errno::ENOEXEC => libc::ENOEXEC,
        Errno::EBADF => libc::EBADF,
        Errno::ECHILD => libc::ECHILD,
        Errno::EAGAIN => libc::EAGAIN,
        Errno::ENOMEM => libc::ENOMEM,
        Errno::EACCES => libc::EACCES,
        Errno::EFAULT => libc::EFAULT,
        Errno::ENOTBLK => libc::ENOTBLK,
        Errno::EBUSY => libc::EBUSY,
        Errno::EEXIST => libc::EEXIST,
        Errno::EXDEV => libc::EXDEV,
        Errno::ENODEV => libc::ENODEV,
        Errno::ENOTDIR => libc::ENOTDIR,
        Errno::EISDIR => libc::EISDIR,
        Errno::EINVAL => libc::EINVAL,
        Errno::ENFILE => libc::ENFILE,
        Errno::EMFILE => libc::EMFILE,
        Errno::ENOTTY => libc::ENOTTY,
        Errno::ETXTBSY => libc::ETXTBSY,
        Errno::EFBIG => libc::EFBIG,
        Errno::ENOSPC => libc::ENOSPC,
        Errno::ESPIPE => libc::ESPIPE,
        Errno::EROFS => libc::EROFS,
        Errno::EMLINK => libc::EMLINK,
        Errno::EPIPE => libc::EPIPE,
        Errno::EDOM => libc::EDOM,
        Errno::ERANGE => libc::ERANGE,
        Errno::EDEADLK => libc::EDEADLK,
        Errno::ENAMETOOLONG => libc::ENAMETOOLONG,
        Errno::ENOLCK => libc::ENOLCK,
        Errno::ENOSYS => libc::ENOSYS,
        Errno::ENOTEMPTY => libc::ENOTEMPTY,
        Errno::ELOOP => libc::ELOOP,
        Errno::ENOMSG => libc::ENOMSG,
        Errno::EIDRM => libc::EIDRM,
        Errno::ENOSTR => libc::ENOSTR,
        Errno::ENODATA => libc::ENODATA,
        Errno::ETIME => libc::ETIME,
        Errno::ENOSR => libc::ENOSR,
        Errno::ENONET => libc::ENONET,
        Errno::ENOLINK => libc::ENOLINK,
        Errno::ECOMM => libc::ECOMM,
        Errno::EPROTO => libc::EPROTO,
        Errno::EMULTIHOP => libc::EMULTIHOP,
        Errno::EBADMSG => libc::EBADMSG,
        Errno::EOVERFLOW => libc::EOVERFLOW,
        Errno::EILSEQ => libc::EILSEQ,
        Errno::EUSERS => libc::EUSERS,
        Errno::ENOTSOCK => libc::ENOTSOCK,
        Errno::EDESTADDRREQ => libc::EDESTADDRREQ,
        Errno::EMSGSIZE => libc::EMSGSIZE,
        Errno::EPROTOTYPE => libc::EPROTOTYPE,
        Errno::ENOPROTOOPT => libc::ENOPROTOOPT,
        Errno::EPROTONOSUPPORT => libc::EPROTONOSUPPORT,
        Errno::ESOCKTNOSUPPORT => libc::ESOCKTNOSUPPORT,
        Errno::EOPNOTSUPP => libc::EOPNOTSUPP,
        Errno::EPFNOSUPPORT => libc::EPFNOSUPPORT,
        Errno::EAFNOSUPPORT => libc::EAFNOSUPPORT,
        Errno::EADDRINUSE => libc::EADDRINUSE,
        Errno::EADDRNOTAVAIL => libc::EADDRNOTAVAIL,
        Errno::ENETDOWN => libc::ENETDOWN,
        Errno::ENETUNREACH => libc::ENETUNREACH,
        Errno::ENETRESET => libc::ENETRESET,
        Errno::ECONNABORTED => libc::ECONNABORTED,
        Errno::ECONNRESET => libc::ECONNRESET,
        Errno::ENOBUFS => libc::ENOBUFS,
        Errno::EISCONN => libc::EISCONN,
        Errno::ENOTCONN => libc::ENOTCONN,
        Errno::ESHUTDOWN => libc::ESHUTDOWN,
        Errno::ETOOMANYREFS => libc::ETOOMANYREFS,
        Errno::ETIMEDOUT => libc::ETIMEDOUT,
        Errno::ECONNREFUSED => libc::ECONNREFUSED,
        Errno::EHOSTDOWN => libc::EHOSTDOWN,
        Errno::EHOSTUNREACH => libc::EHOSTUNREACH,
        Errno::EALREADY => libc::EALREADY,
        Errno::EINPROGRESS => libc::EINPROGRESS,
        Errno::ESTALE => libc::ESTALE,
        Errno::EREMOTEIO => libc::EREMOTEIO,
        Errno::EDQUOT => libc::EDQUOT,
        Errno::ENOMEDIUM => libc::ENOMEDIUM,
        Errno::ECANCELED => libc::ECANCELED,
        Errno::ENOKEY => libc::ENOKEY,
        Errno::EKEYREJECTED => libc::EKEYREJECTED,
        Errno::EOWNERDEAD => libc::EOWNERDEAD,
        Errno::ENOTRECOVERABLE => libc::ENOTRECOVERABLE,
    };
    raw.cast_unsigned() as usize
}

pub(crate) fn socket_type(kind: Kind) -> SocketType {
    match kind {
        Kind::Stream => SocketType::STREAM,
        Kind::Datagram => SocketType::DGRAM,
        Kind::SeqPacket => SocketType::SEQPACKET,
    }
}

pub(crate) fn send_flags(flags: SendFlags) -> rustix::net::SendFlags {
    // The descriptor itself may be one that blocks (`kernel_wait.rs`).
    let mut to = rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT;
    to.set(rustix::net::SendFlags::OOB, flags.contains(SendFlags::OOB));
    to.set(rustix::net::SendFlags::MORE, flags.contains(SendFlags::MORE));
    to
}

pub(crate) fn recv_flags(flags: RecvFlags, boundaries: bool) -> rustix::net::RecvFlags {
    let mut to = rustix::net::RecvFlags::DONTWAIT;
    to.set(rustix::net::RecvFlags::PEEK, flags.contains(RecvFlags::PEEK));
    to.set(rustix::net::RecvFlags::OOB, flags.contains(RecvFlags::OOB));
    // On a stream MSG_TRUNC would throw the data away (tcp(7)).
    to.set(rustix::net::RecvFlags::TRUNC, boundaries);
    to
}

/// With `MSG_TRUNC` the kernel returns a datagram's real length; the guest gets it only if it asked.
pub(crate) fn received(stored: usize, real: usize, flags: RecvFlags) -> RecvMeta {
    let len = if flags.contains(RecvFlags::TRUNC) {
        real
    } else {
        stored
    };
    RecvMeta {
        len,
        truncated: real > stored,
    }
}

/// Runs a system call again when a signal interrupted it: nothing that the guest can see happened.
#[inline]
pub(crate) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> guestnet_core::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            done => return done.map_err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_survives_the_way_to_the_kernel_number_and_back() {
        for &expected in Errno::ALL {
            let raw = i32::try_from(number(expected)).unwrap();
            assert_eq!(errno(rustix::io::Errno::from_raw_os_error(raw)), expected);
        }
    }
}
