//! Kernel error numbers to and from the core's [`Errno`].

use guestnet_core::Errno;

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
