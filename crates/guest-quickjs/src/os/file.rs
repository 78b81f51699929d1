//! Files of the host below the guest's directories, and `os.open`, `os.seek`, … on them. (Placeholder.)

use std::io::{IoSlice, Read, Write};

use guestnet_core::{Errno, Fd, Host, Result};

use crate::native::Member;
use crate::state::State;

/// A file or directory that a script has opened.
#[derive(Debug)]
pub struct File {
    inner: Option<cap_std::fs::File>,
}

impl File {
    /// A file of a directory of the guest.
    #[expect(dead_code, reason = "until os.open is written")]
    pub(crate) fn new(inner: cap_std::fs::File) -> File {
        File { inner: Some(inner) }
    }

    /// Holds a number; every call on it is `EBADF`.
    pub(crate) fn closed() -> File {
        File { inner: None }
    }

    /// read(2).
    ///
    /// # Errors
    /// `EIO` and the like.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        self.inner.as_ref().ok_or(Errno::Badf)?.read(buffer).map_err(|_| Errno::Io)
    }

    /// write(2).
    ///
    /// # Errors
    /// `EIO` and the like.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<usize> {
        self.inner.as_ref().ok_or(Errno::Badf)?.write(bytes).map_err(|_| Errno::Io)
    }
}

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    Vec::new()
}

/// Writes to a descriptor until everything is written or an error comes, which nobody could be told of.
pub(crate) fn write_all<H: Host + 'static>(state: &State<H>, fd: Fd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match write(state, fd, bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
        }
    }
}

/// write(2) on any descriptor.
///
/// # Errors
/// Those of the descriptor.
pub(crate) fn write<H: Host + 'static>(state: &State<H>, fd: Fd, bytes: &[u8]) -> Result<usize> {
    let mut guest = state.guest.borrow_mut();
    if let Some(file) = guest.file(fd)? {
        return file.write(bytes);
    }
    guest.write(fd, &mut [IoSlice::new(bytes)])
}
