//! [`File`]: a file of the host below the guest's directories, open.
//!
//! Regular files block the script's thread for as long as the disk takes, as they do in C.

use std::io::{self, Read, Seek, SeekFrom, Write};

use guestnet_core::{Errno, Result};

use crate::errno;

/// A file or directory that a script has opened.
#[derive(Debug)]
pub struct File {
    inner: Option<cap_std::fs::File>,
}

impl File {
    /// A file of a directory of the guest.
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
    /// `EBADF` (not open for reading), `EISDIR`, `EIO`, ….
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        retried(|| self.inner()?.read(buffer))
    }

    /// write(2).
    ///
    /// # Errors
    /// `EBADF` (not open for writing), `ENOSPC`, `EIO`, ….
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<usize> {
        retried(|| self.inner()?.write(bytes))
    }

    /// lseek(2).
    ///
    /// # Errors
    /// `EINVAL` (before the beginning), `ESPIPE`.
    pub(crate) fn seek(&self, to: SeekFrom) -> Result<u64> {
        retried(|| self.inner()?.seek(to))
    }

    fn inner(&self) -> io::Result<&cap_std::fs::File> {
        self.inner
            .as_ref()
            .ok_or_else(|| io::Error::from_raw_os_error(errno::number(Errno::EBADF)))
    }
}

/// Runs a system call again that a signal interrupted.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done.map_err(|error| errno::of_io(&error)),
        }
    }
}
