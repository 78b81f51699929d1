//! [`KernelWait`]: a system call in which a guest's thread waits as long as it takes, and which a stop ends by a signal.
//!
//! Three system calls make a wait where the descriptor is non-blocking: one that finds nothing, ppoll(2), and one more. A
//! call that waits in the kernel is one. It knows nothing of the stop's eventfd, so the thread that stops the guest
//! sends it a signal, whose handler does nothing but end the call with `EINTR`.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use guestnet_core::{Errno, Result};

use crate::convert::errno;
use crate::sys::interrupt;

/// Between two signals. One that arrives before the thread is in its system call ends nothing, so that it is sent again.
const INTERVAL: Duration = Duration::from_micros(200);

/// How often it is sent at most: for a second. A system call that a signal does not end by then is in a kernel that hangs.
const MOST: u32 = 5000;

/// No thread.
const NONE: i32 = 0;

/// What a guest's thread and who stops it have in common.
#[derive(Debug, Default)]
pub(crate) struct KernelWait {
    /// The id of the thread while it may wait in the kernel.
    thread: AtomicI32,
    stopped: AtomicBool,
}

impl KernelWait {
    /// Makes a system call that may wait, again after each signal that is no stop.
    ///
    /// # Errors
    /// Those of the call; `EAGAIN`: the guest was stopped, so that the call must not wait here.
    pub(crate) fn call<T>(&self, mut call: impl FnMut() -> rustix::io::Result<T>) -> Result<T> {
        // Before the flag is read, in the one order of all: either the flag is seen here, or this number in `interrupt`.
        self.thread.store(interrupt::thread_id(), Ordering::SeqCst);
        let done = loop {
            if self.stopped.load(Ordering::SeqCst) {
                break Err(Errno::EAGAIN);
            }
            match call() {
                Err(rustix::io::Errno::INTR) => {}
                done => break done.map_err(errno),
            }
        };
        self.thread.store(NONE, Ordering::Release);
        done
    }

    /// Ends the call that is under way, and every later one until [`KernelWait::resume`].
    pub(crate) fn interrupt(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for _ in 0..MOST {
            let thread = self.thread.load(Ordering::SeqCst);
            if thread == NONE {
                return;
            }
            interrupt::signal(thread);
            thread::sleep(INTERVAL);
        }
    }

    /// Takes the stop back.
    pub(crate) fn resume(&self) {
        self.stopped.store(false, Ordering::SeqCst);
    }
}
