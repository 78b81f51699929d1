//! [`Program`]: one run of a program, with all its threads, and the table of those that run in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use guestnet::{Error, GuestHandle, Options, ThreadedGuest};
use guestnet_core::{Errno, SharedGuestThread};
use guestnet_emscripten::{RESERVED, ThreadContext};
use guestnet_host_os::{OsHost, WeakStopper};

use crate::subscribers::Subscribers;
use crate::sync::lock;

/// One program. Its threads find it by its number.
#[derive(Debug)]
pub(crate) struct Program {
    /// What the contexts of its threads are made from, until it ends.
    origin: Mutex<Option<Origin>>,
    /// Of the threads' hosts, as long as these exist.
    stoppers: Mutex<Vec<WeakStopper>>,
    /// How many calls of all threads reported readiness.
    pub(crate) reports: Arc<AtomicU64>,
    /// Whether it has ended.
    pub(crate) ended: AtomicBool,
    /// The thread that is notified of sockets of other threads.
    pub(crate) subscribers: Subscribers,
}

#[derive(Debug)]
struct Origin {
    /// The first thread, which closes what is open at the end.
    thread: SharedGuestThread<OsHost, ()>,
    /// Of the first thread: at the end it must not linger for what it closes.
    handle: GuestHandle,
    spare: OsHost,
}

/// The programs that run in this process: Node's workers share it.
static PROGRAMS: OnceLock<Mutex<HashMap<i32, Arc<Program>>>> = OnceLock::new();
static NEXT: AtomicI32 = AtomicI32::new(1);

fn programs() -> MutexGuard<'static, HashMap<i32, Arc<Program>>> {
    lock(PROGRAMS.get_or_init(Mutex::default))
}

/// The program of a number; `None` if it has ended.
pub(crate) fn find(id: i32) -> Option<Arc<Program>> {
    programs().get(&id).map(Arc::clone)
}

/// Starts a program. Returns its number.
///
/// # Errors
/// [`Error`].
pub(crate) fn start(options: Options) -> Result<i32, Error> {
    let program = Arc::new(Program::new(options)?);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    programs().insert(id, program);
    Ok(id)
}

/// Ends a program, if it has not ended: every wait of its threads returns, and its descriptors are closed.
pub(crate) fn end(id: i32) {
    let program = programs().remove(&id);
    if let Some(program) = program {
        program.end();
    }
}

impl Program {
    fn new(mut options: Options) -> Result<Self, Error> {
        // UNIX sockets have the paths of this machine; the policy says which.
        options.unix_directory("/", "/").follow_working_directory();
        let ThreadedGuest {
            thread,
            spare,
            handle,
            ..
        } = options.threads(RESERVED)?;
        Ok(Program {
            origin: Mutex::new(Some(Origin {
                thread,
                handle,
                spare,
            })),
            stoppers: Mutex::default(),
            reports: Arc::default(),
            ended: AtomicBool::default(),
            subscribers: Subscribers::default(),
        })
    }

    /// A context for calls of one thread, with a host of its own.
    ///
    /// # Errors
    /// `EBADF`: the program has ended, and has no descriptors. `EMFILE` and the like.
    pub(crate) fn context(&self, prepare: impl FnOnce(&mut OsHost)) -> Result<ThreadContext<OsHost>, Errno> {
        let origin = lock(&self.origin);
        let Origin { thread, spare, .. } = origin.as_ref().ok_or(Errno::EBADF)?;
        let mut host = spare.sibling()?;
        let mut stoppers = lock(&self.stoppers);
        stoppers.retain(|stopper| stopper.upgrade().is_some());
        stoppers.push(host.stopper().downgrade());
        drop(stoppers);
        prepare(&mut host);
        let thread = thread.guest().thread(host);
        Ok(ThreadContext::new(thread).with_report_count(&self.reports))
    }

    fn end(&self) {
        // Before the waits end, which look at it.
        self.ended.store(true, Ordering::Release);
        // From here on no context is made, so that the list has all stoppers.
        let Some(Origin {
            mut thread, handle, ..
        }) = lock(&self.origin).take()
        else {
            return;
        };
        let threads = lock(&self.stoppers)
            .iter()
            .filter_map(WeakStopper::upgrade)
            .collect::<Vec<_>>();
        for stopper in &threads {
            // It fails only if the eventfd is broken, and then no thread waits on it.
            let _ = stopper.stop();
        }
        handle.stop();
        for fd in thread.open_descriptors() {
            // Another thread may have closed it meanwhile.
            let _ = thread.close(fd);
        }
        // While another thread prints, the lines stay with the reporter until it is dropped.
        let _ = handle.flush();
    }
}
