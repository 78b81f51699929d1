//! The signal that ends a system call of one thread: SIGURG, whose default is to be ignored, and which only sockets with an
//! owner (`F_SETOWN`) raise; guests' sockets have none. Go's runtime stops its threads with it for the same reasons.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::io::Errno;

use super::check;

/// Set up already?
static INSTALLED: Mutex<bool> = Mutex::new(false);

/// That the signal came is all that matters: the system call has ended.
extern "C" fn nothing(_signal: libc::c_int) {}

/// Sets the signal's handler up for the whole process, once.
///
/// # Errors
/// `EBUSY`: the process has a handler of its own.
pub(crate) fn install() -> Result<(), Errno> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; `before` has room for the answer.
    check(unsafe { libc::sigaction(libc::SIGURG, ptr::null(), before.as_mut_ptr()) })?;
    // SAFETY: all zero to begin with, which is a value of the type, and filled in by the kernel.
    let before = unsafe { before.assume_init() };
    if ![libc::SIG_DFL, libc::SIG_IGN].contains(&before.sa_sigaction) {
        return Err(Errno::BUSY);
    }
    // SAFETY: all zero is a value of the type.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // Without SA_RESTART, which would hide it from the call.
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler does nothing, so that it may run at any moment; `action` outlives the call.
    check(unsafe { libc::sigaction(libc::SIGURG, &raw const action, ptr::null_mut()) })?;
    *installed = true;
    Ok(())
}

/// Sends the signal to one thread of this process. One that has ended by now gets none; should another have its number,
/// a system call of that one ends early, and is made again as after any signal.
pub(crate) fn signal(thread: i32) {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: it takes three integers. An unknown thread is an error, and nothing was to be done.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGURG) };
}

/// The number of the calling thread, which the signal reaches from now on.
pub(crate) fn thread_id() -> i32 {
    thread_local! {
        static ID: i32 = {
            unblock();
            // SAFETY: it only asks.
            unsafe { libc::gettid() }
        };
    }
    ID.with(|id| *id)
}

/// Lets the signal through to the calling thread. The program that started the process, or the thread, may have blocked it: masks are
/// inherited.
fn unblock() {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset(3) fills it in.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was filled in, and SIGURG is a signal.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGURG) };
    // SAFETY: the set outlives the call. Only the calling thread's mask changes, for a signal whose handler does nothing.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) };
}
