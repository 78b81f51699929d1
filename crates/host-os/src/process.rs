//! What the process gets from the system in addition to sockets: its clocks, and how many files it may have open.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

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
