//! What the process gets from the system in addition to sockets: its clocks, how many files it may have open, and the table of them.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::sys;

/// `CLOCK_MONOTONIC`, where there is no host at hand.
pub(crate) fn monotonic() -> Duration {
    read_clock(ClockId::Monotonic)
}

pub(crate) fn read_clock(id: ClockId) -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(id);
    // Neither is negative on a machine whose clock is past 1970.
    Duration::new(
        u64::try_from(tv_sec).unwrap_or(0),
        u32::try_from(tv_nsec).unwrap_or(0),
    )
}

/// How many descriptors the process may have (`RLIMIT_NOFILE`).
pub(crate) fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// How many descriptors one guest may have by default: half of what the process may (`RLIMIT_NOFILE`), so that the process
/// itself, and its other guests, have some too.
#[must_use]
pub fn descriptors() -> usize {
    open_files() / 2
}

/// Takes the calling thread out of the process's table of descriptors: it has a table of its own then, with the standard streams and
/// `keep` in it (close_range(2), `CLOSE_RANGE_UNSHARE`).
///
/// The threads of a process share one table, and while they do the kernel counts a reference of the file up and down in each
/// system call: some 50 ns. A guest's calls are spared that once every other thread has left. The guest's own thread should
/// then be the process's main thread, whose table `/proc/self/fd` shows, by which files of WASI are found again.
///
/// # Safety
/// The thread must use no other descriptor that exists now, not even by dropping its owner: another one may have its number.
/// And what the thread opens later no other thread may use.
///
/// # Errors
/// `ENOSYS`: Linux before 5.9. The thread shares the table as before.
#[expect(unsafe_code, reason = "its caller promises what no type can")]
pub unsafe fn leave_descriptors(keep: &[RawFd]) -> io::Result<()> {
    Ok(sys::table::leave(keep)?)
}
