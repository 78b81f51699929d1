//! sendfile(2), pipe(2) and splice(2) of Linux. std ignores SIGPIPE in Rust programs.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// sendfile(2).
pub(crate) fn sendfile(
    out: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: Option<&mut u64>,
    most: usize,
) -> io::Result<usize> {
    let Some(offset) = offset else {
        // SAFETY: no pointer but null, which is the file's position.
        return count(unsafe { libc::sendfile(out.as_raw_fd(), file.as_raw_fd(), ptr::null_mut(), most) });
    };
    let mut at = libc::off64_t::try_from(*offset).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the offset lives as long as the call.
    let sent = count(unsafe { libc::sendfile64(out.as_raw_fd(), file.as_raw_fd(), &raw mut at, most) })?;
    *offset = at.cast_unsigned();
    Ok(sent)
}

/// pipe2(2).
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = MaybeUninit::<[libc::c_int; 2]>::zeroed();
    // SAFETY: there is room for two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr().cast(), libc::O_CLOEXEC) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has stored both.
    let [read, write] = unsafe { ends.assume_init() };
    // SAFETY: the descriptor is new, and nothing else owns it.
    let read = unsafe { OwnedFd::from_raw_fd(read) };
    // SAFETY: the descriptor is new, and nothing else owns it.
    let write = unsafe { OwnedFd::from_raw_fd(write) };
    Ok((read, write))
}

/// splice(2).
pub(crate) fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
    let (from, to, none) = (from.as_raw_fd(), to.as_raw_fd(), ptr::null_mut());
    // SAFETY: no pointer but null: neither has an offset.
    count(unsafe { libc::splice(from, none, to, none, most, libc::SPLICE_F_MOVE) })
}
