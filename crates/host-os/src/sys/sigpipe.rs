//! System calls that send and have no `MSG_NOSIGNAL`: a closed peer is `EPIPE`, and the SIGPIPE that comes with it must not reach a
//! program that has not turned it off.

use std::mem::MaybeUninit;
use std::ptr;

use rustix::io::Errno;

/// Makes a call with SIGPIPE held back from the calling thread, to which alone the kernel sends it, and takes away what came.
///
/// # Errors
/// Those of the call.
pub(crate) fn without<T>(call: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    if is_ignored() {
        return call();
    }
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset(3) fills it in.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was filled in, and SIGPIPE is a signal.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets outlive the call, which fills the second one in. Only the calling thread's mask changes, until below.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: filled in above; all zero to begin with, which is a value of the type too.
    let was_blocked = unsafe { libc::sigismember(before.as_ptr(), libc::SIGPIPE) } == 1;
    // One that waits already is the program's own.
    let is_ours = !(was_blocked && is_pending());
    let result = call();
    if is_ours && is_pending() {
        let at_once = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the set and the time outlive the call; no information about the signal is asked for.
        unsafe { libc::sigtimedwait(set.as_ptr(), ptr::null_mut(), &raw const at_once) };
    }
    if !was_blocked {
        // SAFETY: the set outlives the call; the mask is as it was before.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) };
    }
    result
}

/// Whether the process does without SIGPIPE, as Rust's programs and Node do.
fn is_ignored() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; `action` has room for the answer.
    unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all zero to begin with, which is a value of the type, and filled in by the kernel.
    unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Whether SIGPIPE waits for the calling thread, or for its process.
fn is_pending() -> bool {
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set outlives the call, which fills it in.
    unsafe { libc::sigpending(pending.as_mut_ptr()) };
    // SAFETY: filled in above; all zero to begin with, which is a value of the type too.
    unsafe { libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sys::check;

    static HANDLED: AtomicU32 = AtomicU32::new(0);
    /// Other tests of this process may close pipes and sockets too.
    static THREAD: AtomicU32 = AtomicU32::new(0);

    fn thread() -> u32 {
        // SAFETY: it only asks.
        unsafe { libc::gettid() }.cast_unsigned()
    }

    extern "C" fn count(_signal: libc::c_int) {
        if thread() == THREAD.load(Ordering::Relaxed) {
            HANDLED.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_signal_of_a_call_reaches_no_handler_and_the_next_one_does() {
        THREAD.store(thread(), Ordering::Relaxed);
        // SAFETY: all zero is a value of the type.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler may run at any moment; `action` outlives the call.
        check(unsafe { libc::sigaction(libc::SIGPIPE, &raw const action, ptr::null_mut()) }).unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        drop(read);
        for _ in 0..3 {
            let written = without(|| rustix::io::write(&write, b"x"));
            assert_eq!(written, Err(Errno::PIPE));
        }
        assert_eq!(HANDLED.load(Ordering::Relaxed), 0);
        assert_eq!(rustix::io::write(&write, b"x"), Err(Errno::PIPE));
        assert_eq!(HANDLED.load(Ordering::Relaxed), 1);
    }
}
