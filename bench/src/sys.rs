//! The system calls that neither std nor rustix has: CPU time and memory of processes, affinity, and UDP segmentation.
#![expect(unsafe_code, reason = "the boundary to libc; each block says why it is sound")]

use std::io::Error;
use std::mem::{MaybeUninit, size_of};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// What a child has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Its largest resident set, in bytes.
    pub(crate) memory: u64,
}

/// wait4(2): waits for the end of a child and gives what it has used.
pub(crate) fn wait(child: &Child) -> Result<(ExitStatus, Usage), Error> {
    let pid = libc::pid_t::try_from(child.id()).map_err(Error::other)?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to variables that outlive the call and have the types it stores.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    if waited != pid {
        return Err(Error::last_os_error());
    }
    // SAFETY: all zero to begin with, and integers only.
    let usage = unsafe { usage.assume_init() };
    Ok((
        ExitStatus::from_raw(status),
        Usage {
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            // In KiB.
            memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        },
    ))
}

fn time(time: libc::timeval) -> Duration {
    // Neither is negative in what the kernel counts.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// The clock of a process (clock_getcpuclockid(3)): the CPU time that all of its threads have used, also those that have ended.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Error> {
    let pid = libc::pid_t::try_from(pid).map_err(Error::other)?;
    let mut clock = 0;
    // SAFETY: the pointer is to a variable that outlives the call.
    let error = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if error != 0 {
        return Err(Error::from_raw_os_error(error));
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a variable that outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } < 0 {
        return Err(Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).map_err(Error::other)?;
    let nanoseconds = u32::try_from(time.tv_nsec).map_err(Error::other)?;
    Ok(Duration::new(seconds, nanoseconds))
}

/// sched_setaffinity(2) of the calling thread, and so of the children that it starts.
pub(crate) fn pin(cpu: usize) -> Result<(), Error> {
    // SAFETY: all zero is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid, and a number beyond its end is left out.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set outlives the call and has the size that is said.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

/// `UDP_SEGMENT`: one send becomes datagrams of this size (udp(7)).
pub(crate) fn segment(socket: &UdpSocket, size: i32) -> Result<(), Error> {
    let value: *const i32 = &raw const size;
    let len = libc::socklen_t::try_from(size_of::<i32>()).map_err(Error::other)?;
    // SAFETY: `value` points to an int that outlives the call, and `len` is its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            value.cast(),
            len,
        )
    };
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}
