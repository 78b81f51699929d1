//! The numbers of errors as scripts see them: Linux's, as qjs has them. `-number` is what a failed call returns.
//!
//! Not here: socket constants, and the `EAI_*` of names.

use std::io;

use guestnet_core::Errno;

/// The number of an error. An errno that is added to the core does not compile until it has one here.
pub(crate) const fn number(errno: Errno) -> i32 {
    match errno {
        Errno::Perm => 1,
        Errno::Noent => 2,
        Errno::Srch => 3,
        Errno::Intr => 4,
        Errno::Io => 5,
        Errno::Nxio => 6,
        Errno::Toobig => 7,
        Errno::Noexec => 8,
        Errno::Badf => 9,
        Errno::Child => 10,
        Errno::Again => 11,
        Errno::Nomem => 12,
        Errno::Acces => 13,
        Errno::Fault => 14,
        Errno::Notblk => 15,
        Errno::Busy => 16,
        Errno::Exist => 17,
        Errno::Xdev => 18,
        Errno::Nodev => 19,
        Errno::Notdir => 20,
        Errno::Isdir => 21,
        Errno::Inval => 22,
        Errno::Nfile => 23,
        Errno::Mfile => 24,
        Errno::Notty => 25,
        Errno::Txtbsy => 26,
        Errno::Fbig => 27,
        Errno::Nospc => 28,
        Errno::Spipe => 29,
        Errno::Rofs => 30,
        Errno::Mlink => 31,
        Errno::Pipe => 32,
        Errno::Dom => 33,
        Errno::Range => 34,
        Errno::Deadlk => 35,
        Errno::Nametoolong => 36,
        Errno::Nolck => 37,
        Errno::Nosys => 38,
        Errno::Notempty => 39,
        Errno::Loop => 40,
        Errno::Nomsg => 42,
        Errno::Idrm => 43,
        Errno::Nostr => 60,
        Errno::Nodata => 61,
        Errno::Time => 62,
        Errno::Nosr => 63,
        Errno::Nonet => 64,
        Errno::Nolink => 67,
        Errno::Comm => 70,
        Errno::Proto => 71,
        Errno::Multihop => 72,
        Errno::Badmsg => 74,
        Errno::Overflow => 75,
        Errno::Ilseq => 84,
        Errno::Users => 87,
        Errno::Notsock => 88,
        Errno::Destaddrreq => 89,
        Errno::Msgsize => 90,
        Errno::Prototype => 91,
        Errno::Noprotoopt => 92,
        Errno::Protonosupport => 93,
        Errno::Socktnosupport => 94,
        Errno::Opnotsupp => 95,
        Errno::Pfnosupport => 96,
        Errno::Afnosupport => 97,
        Errno::Addrinuse => 98,
        Errno::Addrnotavail => 99,
        Errno::Netdown => 100,
        Errno::Netunreach => 101,
        Errno::Netreset => 102,
        Errno::Connaborted => 103,
        Errno::Connreset => 104,
        Errno::Nobufs => 105,
        Errno::Isconn => 106,
        Errno::Notconn => 107,
        Errno::Shutdown => 108,
        Errno::Toomanyrefs => 109,
        Errno::Timedout => 110,
        Errno::Connrefused => 111,
        Errno::Hostdown => 112,
        Errno::Hostunreach => 113,
        Errno::Already => 114,
        Errno::Inprogress => 115,
        Errno::Stale => 116,
        Errno::Remoteio => 121,
        Errno::Dquot => 122,
        Errno::Nomedium => 123,
        Errno::Canceled => 125,
        Errno::Nokey => 126,
        Errno::Keyrejected => 129,
        Errno::Ownerdead => 130,
        Errno::Notrecoverable => 131,
    }
}

/// The error of a number; `None` if Linux has no such number, or we do not know it.
pub(crate) fn named(value: i32) -> Option<Errno> {
    Errno::ALL.iter().copied().find(|errno| number(*errno) == value)
}

/// What a file operation said.
pub(crate) fn of_io(error: &io::Error) -> Errno {
    if let Some(errno) = error.raw_os_error().and_then(named) {
        return errno;
    }
    match error.kind() {
        io::ErrorKind::NotFound => Errno::Noent,
        // cap-std's own word for a path that would lead outside of its directory.
        io::ErrorKind::PermissionDenied => Errno::Acces,
        io::ErrorKind::AlreadyExists => Errno::Exist,
        io::ErrorKind::InvalidInput => Errno::Inval,
        io::ErrorKind::NotADirectory => Errno::Notdir,
        io::ErrorKind::IsADirectory => Errno::Isdir,
        io::ErrorKind::Unsupported => Errno::Opnotsupp,
        // Of the many kinds, those that std or cap-std make without a number are above.
        _ => Errno::Io,
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
    fn errors_without_a_number_are_told_by_their_kind() {
        let escape = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a path led outside of the filesystem",
        );
        assert_eq!(of_io(&escape), Errno::Acces);
        assert_eq!(of_io(&io::Error::other("?")), Errno::Io);
    }
}
