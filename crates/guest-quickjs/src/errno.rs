//! The numbers of errors as scripts see them: Linux's, as qjs has them. `-number` is what a failed call returns.
//!
//! Not here: socket constants, and the `EAI_*` of names.

use std::io;

use guestnet_core::Errno;

/// The number of an error. An errno that is added to the core does not compile until it has one here.
pub(crate) const fn number(errno: Errno) -> i32 {
    match errno {
        Errno::EPERM => 1,
        Errno::ENOENT => 2,
        Errno::ESRCH => 3,
        Errno::EINTR => 4,
        Errno::EIO => 5,
        Errno::ENXIO => 6,
        Errno::E2BIG => 7,
        Errno::ENOEXEC => 8,
        Errno::EBADF => 9,
        Errno::ECHILD => 10,
        Errno::EAGAIN => 11,
        Errno::ENOMEM => 12,
        Errno::EACCES => 13,
        Errno::EFAULT => 14,
        Errno::ENOTBLK => 15,
        Errno::EBUSY => 16,
        Errno::EEXIST => 17,
        Errno::EXDEV => 18,
        Errno::ENODEV => 19,
        Errno::ENOTDIR => 20,
        Errno::EISDIR => 21,
        Errno::EINVAL => 22,
        Errno::ENFILE => 23,
        Errno::EMFILE => 24,
        Errno::ENOTTY => 25,
        Errno::ETXTBSY => 26,
        Errno::EFBIG => 27,
        Errno::ENOSPC => 28,
        Errno::ESPIPE => 29,
        Errno::EROFS => 30,
        Errno::EMLINK => 31,
        Errno::EPIPE => 32,
        Errno::EDOM => 33,
        Errno::ERANGE => 34,
        Errno::EDEADLK => 35,
        Errno::ENAMETOOLONG => 36,
        Errno::ENOLCK => 37,
        Errno::ENOSYS => 38,
        Errno::ENOTEMPTY => 39,
        Errno::ELOOP => 40,
        Errno::ENOMSG => 42,
        Errno::EIDRM => 43,
        Errno::ENOSTR => 60,
        Errno::ENODATA => 61,
        Errno::ETIME => 62,
        Errno::ENOSR => 63,
        Errno::ENONET => 64,
        Errno::ENOLINK => 67,
        Errno::ECOMM => 70,
        Errno::EPROTO => 71,
        Errno::EMULTIHOP => 72,
        Errno::EBADMSG => 74,
        Errno::EOVERFLOW => 75,
        Errno::EILSEQ => 84,
        Errno::EUSERS => 87,
        Errno::ENOTSOCK => 88,
        Errno::EDESTADDRREQ => 89,
        Errno::EMSGSIZE => 90,
        Errno::EPROTOTYPE => 91,
        Errno::ENOPROTOOPT => 92,
        Errno::EPROTONOSUPPORT => 93,
        Errno::ESOCKTNOSUPPORT => 94,
        Errno::EOPNOTSUPP => 95,
        Errno::EPFNOSUPPORT => 96,
        Errno::EAFNOSUPPORT => 97,
        Errno::EADDRINUSE => 98,
        Errno::EADDRNOTAVAIL => 99,
        Errno::ENETDOWN => 100,
        Errno::ENETUNREACH => 101,
        Errno::ENETRESET => 102,
        Errno::ECONNABORTED => 103,
        Errno::ECONNRESET => 104,
        Errno::ENOBUFS => 105,
        Errno::EISCONN => 106,
        Errno::ENOTCONN => 107,
        Errno::ESHUTDOWN => 108,
        Errno::ETOOMANYREFS => 109,
        Errno::ETIMEDOUT => 110,
        Errno::ECONNREFUSED => 111,
        Errno::EHOSTDOWN => 112,
        Errno::EHOSTUNREACH => 113,
        Errno::EALREADY => 114,
        Errno::EINPROGRESS => 115,
        Errno::ESTALE => 116,
        Errno::EREMOTEIO => 121,
        Errno::EDQUOT => 122,
        Errno::ENOMEDIUM => 123,
        Errno::ECANCELED => 125,
        Errno::ENOKEY => 126,
        Errno::EKEYREJECTED => 129,
        Errno::EOWNERDEAD => 130,
        Errno::ENOTRECOVERABLE => 131,
    }
}

/// The error of a number; `None` if Linux has no such number, or we do not know it.
pub(crate) fn named(value: i32) -> Option<Errno> {
    Errno::ALL.iter().copied().find(|errno| number(*errno) == value)
}

/// The errno of a file operation.
pub(crate) fn of_io(error: &io::Error) -> Errno {
    if let Some(errno) = error.raw_os_error().and_then(named) {
        return errno;
    }
    match error.kind() {
        io::ErrorKind::NotFound => Errno::ENOENT,
        // cap-std's own word for a path that would lead outside of its directory.
        io::ErrorKind::PermissionDenied => Errno::EACCES,
        io::ErrorKind::AlreadyExists => Errno::EEXIST,
        io::ErrorKind::InvalidInput => Errno::EINVAL,
        io::ErrorKind::NotADirectory => Errno::ENOTDIR,
        io::ErrorKind::IsADirectory => Errno::EISDIR,
        io::ErrorKind::Unsupported => Errno::EOPNOTSUPP,
        // Of the many kinds, those that std or cap-std make without a number are above.
        _ => Errno::EIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_number_of_its_own() {
        for errno in Errno::ALL {
            assert_eq!(named(number(*errno)), Some(*errno), "{errno}");
        }
        assert_eq!(named(0), None);
        assert_eq!(named(99_999), None);
    }

    #[test]
    fn the_numbers_are_those_of_the_system() {
        for errno in Errno::ALL {
            let error = io::Error::from_raw_os_error(number(*errno));
            assert_eq!(of_io(&error), *errno);
            let text = error.to_string();
            assert!(
                text.starts_with(errno.message()),
                "{errno}: the system says {text}"
            );
        }
    }

    #[test]
    fn errors_without_a_number_follow_from_their_kind() {
        let escape = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a path led outside of the filesystem",
        );
        assert_eq!(of_io(&escape), Errno::EACCES);
        assert_eq!(of_io(&io::Error::other("?")), Errno::EIO);
    }
}
