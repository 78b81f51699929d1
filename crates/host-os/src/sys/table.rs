//! The table of descriptors of a thread: close_range(2).

use std::os::fd::RawFd;

use rustix::io::Errno;

use super::check;

/// Gives the calling thread a table of its own, in which of the present descriptors only the standard streams and `keep` are open.
///
/// # Errors
/// `ENOSYS`: Linux before 5.9. Nothing has changed then.
pub(crate) fn leave(keep: &[RawFd]) -> Result<(), Errno> {
    let mut keep: Vec<RawFd> = (0..3).chain(keep.iter().copied()).collect();
    keep.sort_unstable();
    keep.dedup();
    // From the end: the first call makes the table, and copies only what is in front of what it closes.
    let mut to = RawFd::MAX;
    let mut flags = libc::CLOSE_RANGE_UNSHARE;
    for kept in keep.into_iter().rev() {
        if kept < to {
            close_range(kept + 1, to, flags)?;
            flags = 0;
        }
        to = kept - 1;
    }
    Ok(())
}

fn close_range(from: RawFd, to: RawFd, flags: libc::c_uint) -> Result<(), Errno> {
    // Neither is negative, and to the kernel both are unsigned.
    let [from, to] = [from, to].map(|fd| libc::c_uint::try_from(fd).unwrap_or(libc::c_uint::MAX));
    // SAFETY: it takes three integers. What may be closed is the promise of `leave_descriptors`'s caller.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, from, to, flags) };
    check(libc::c_int::try_from(closed).unwrap_or(-1))
}
