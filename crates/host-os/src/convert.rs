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
        .unwrap_or(Errno::Io)
}

/// [`errno`] of a raw number, as `SO_ERROR` returns it; `None` for 0.
pub(crate) fn errno_of_raw(raw: i32) -> Option<Errno> {
    (raw != 0).then(|| errno(rustix::io::Errno::from_raw_os_error(raw)))
}

const fn number(errno: Errno) -> usize {
    let raw = match errno {
        Errno::Perm => libc::EPERM,
        Errno::Noent => libc::ENOENT,
        Errno::Srch => libc::ESRCH,
        Errno::Intr => libc::EINTR,
        Errno::Io => libc::EIO,
        Errno::Nxio => libc::ENXIO,
        Errno::Toobig => libc::E2BIG,
        Errno::Noexec => libc::ENOEXEC,
        Errno::Badf => libc::EBADF,
        Errno::Child => libc::ECHILD,
        Errno::Again => libc::EAGAIN,
        Errno::Nomem => libc::ENOMEM,
        Errno::Acces => libc::EACCES,
        Errno::Fault => libc::EFAULT,
        Errno::Notblk => libc::ENOTBLK,
        Errno::Busy => libc::EBUSY,
        Errno::Exist => libc::EEXIST,
        Errno::Xdev => libc::EXDEV,
        Errno::Nodev => libc::ENODEV,
        Errno::Notdir => libc::ENOTDIR,
        Errno::Isdir => libc::EISDIR,
        Errno::Inval => libc::EINVAL,
        Errno::Nfile => libc::ENFILE,
        Errno::Mfile => libc::EMFILE,
        Errno::Notty => libc::ENOTTY,
        Errno::Txtbsy => libc::ETXTBSY,
        Errno::Fbig => libc::EFBIG,
        Errno::Nospc => libc::ENOSPC,
        Errno::Spipe => libc::ESPIPE,
        Errno::Rofs => libc::EROFS,
        Errno::Mlink => libc::EMLINK,
        Errno::Pipe => libc::EPIPE,
        Errno::Dom => libc::EDOM,
        Errno::Range => libc::ERANGE,
        Errno::Deadlk => libc::EDEADLK,
        Errno::Nametoolong => libc::ENAMETOOLONG,
        Errno::Nolck => libc::ENOLCK,
        Errno::Nosys => libc::ENOSYS,
        Errno::Notempty => libc::ENOTEMPTY,
        Errno::Loop => libc::ELOOP,
        Errno::Nomsg => libc::ENOMSG,
        Errno::Idrm => libc::EIDRM,
        Errno::Nostr => libc::ENOSTR,
        Errno::Nodata => libc::ENODATA,
        Errno::Time => libc::ETIME,
        Errno::Nosr => libc::ENOSR,
        Errno::Nonet => libc::ENONET,
        Errno::Nolink => libc::ENOLINK,
        Errno::Comm => libc::ECOMM,
        Errno::Proto => libc::EPROTO,
        Errno::Multihop => libc::EMULTIHOP,
        Errno::Badmsg => libc::EBADMSG,
        Errno::Overflow => libc::EOVERFLOW,
        Errno::Ilseq => libc::EILSEQ,
        Errno::Users => libc::EUSERS,
        Errno::Notsock => libc::ENOTSOCK,
        Errno::Destaddrreq => libc::EDESTADDRREQ,
        Errno::Msgsize => libc::EMSGSIZE,
        Errno::Prototype => libc::EPROTOTYPE,
        Errno::Noprotoopt => libc::ENOPROTOOPT,
        Errno::Protonosupport => libc::EPROTONOSUPPORT,
        Errno::Socktnosupport => libc::ESOCKTNOSUPPORT,
        Errno::Opnotsupp => libc::EOPNOTSUPP,
        Errno::Pfnosupport => libc::EPFNOSUPPORT,
        Errno::Afnosupport => libc::EAFNOSUPPORT,
        Errno::Addrinuse => libc::EADDRINUSE,
        Errno::Addrnotavail => libc::EADDRNOTAVAIL,
        Errno::Netdown => libc::ENETDOWN,
        Errno::Netunreach => libc::ENETUNREACH,
        Errno::Netreset => libc::ENETRESET,
        Errno::Connaborted => libc::ECONNABORTED,
        Errno::Connreset => libc::ECONNRESET,
        Errno::Nobufs => libc::ENOBUFS,
        Errno::Isconn => libc::EISCONN,
        Errno::Notconn => libc::ENOTCONN,
        Errno::Shutdown => libc::ESHUTDOWN,
        Errno::Toomanyrefs => libc::ETOOMANYREFS,
        Errno::Timedout => libc::ETIMEDOUT,
        Errno::Connrefused => libc::ECONNREFUSED,
        Errno::Hostdown => libc::EHOSTDOWN,
        Errno::Hostunreach => libc::EHOSTUNREACH,
        Errno::Already => libc::EALREADY,
        Errno::Inprogress => libc::EINPROGRESS,
        Errno::Stale => libc::ESTALE,
        Errno::Remoteio => libc::EREMOTEIO,
        Errno::Dquot => libc::EDQUOT,
        Errno::Nomedium => libc::ENOMEDIUM,
        Errno::Canceled => libc::ECANCELED,
        Errno::Nokey => libc::ENOKEY,
        Errno::Keyrejected => libc::EKEYREJECTED,
        Errno::Ownerdead => libc::EOWNERDEAD,
        Errno::Notrecoverable => libc::ENOTRECOVERABLE,
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
