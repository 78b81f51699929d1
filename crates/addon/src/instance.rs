//! [`Instance`]: one run of a program, with all its threads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use guestnet_core::{Capacity, Errno, Guest, Result, SharedGuestThread};
use guestnet_emscripten::{RESERVED, ThreadContext};
use guestnet_host_os::{OsHost, Stopper, WeakStopper};

use crate::napi::{Arguments, Failure, Value};
use crate::options::Options;
use crate::watch::Hearing;

/// One program. Its threads find it by its number.
#[derive(Debug)]
pub(crate) struct Instance {
    /// What every thread's own is made from, until the end.
    first: Mutex<Option<First>>,
    /// Of the threads' hosts, as long as there are such.
    stoppers: Mutex<Vec<WeakStopper>>,
    /// How often any thread was told that something is ready.
    pub(crate) told: Arc<AtomicU64>,
    /// Whether it was told to stop.
    pub(crate) ended: AtomicBool,
    /// Who hears of what the threads' sockets begin.
    pub(crate) hearing: Hearing,
}

#[derive(Debug)]
struct First {
    guest: SharedGuestThread<OsHost, ()>,
    /// Of the guest's host, which closes what is open at the end: it must not linger for it.
    stopper: Stopper,
    spare: OsHost,
}

/// The programs that run in this process: Node's workers share it.
static INSTANCES: OnceLock<Mutex<HashMap<i32, Arc<Instance>>>> = OnceLock::new();
static NEXT: AtomicI32 = AtomicI32::new(1);

/// Nothing that is done under these locks can leave the data half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn instances() -> MutexGuard<'static, HashMap<i32, Arc<Instance>>> {
    lock(INSTANCES.get_or_init(Mutex::default))
}

pub(crate) fn find(id: i32) -> Option<Arc<Instance>> {
    instances().get(&id).map(Arc::clone)
}

/// open(page, policy, trace, audit, options): starts a program under the options that [`Options::read`] describes.
/// Returns its number.
pub(crate) fn open(arguments: &Arguments) -> Result<Value, Failure> {
    let options = Options::read(arguments)?;
    let instance = Instance::new(options).map_err(|errno| format!("guestnet: {errno}"))?;
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    instances().insert(id, Arc::new(instance));
    // A worker may be terminated, and then no JavaScript of it runs any more.
    arguments.env().end_with(id)?;
    arguments.env().int(id)
}

/// stop(number): ends a program. Every wait of its threads returns, and its descriptors are closed.
pub(crate) fn stop(arguments: &Arguments) -> Result<Value, Failure> {
    end(arguments.int(0));
    arguments.env().undefined()
}

/// Ends a program, if it has not ended.
pub(crate) fn end(id: i32) {
    let ended = instances().remove(&id);
    if let Some(instance) = ended {
        instance.stop();
    }
}

impl Instance {
    fn new(options: Options) -> Result<Self> {
        let Options {
            policy,
            reporter,
            upstream,
            hosts,
        } = options;
        let mut host = OsHost::new()?;
        // Before there are siblings: they have the same resolver.
        host.set_upstream(&upstream)?;
        // UNIX sockets have the paths of this machine; the policy says which.
        host.add_directory(Path::new("/"), "/")?;
        host.follow_working_directory();
        let spare = host.sibling()?;
        let stopper = host.stopper();
        let capacity = Capacity::new(policy.limits(), guestnet_host_os::descriptors());
        let mut guest = Guest::new(Arc::new(policy), capacity, RESERVED).thread(host);
        if let Some(hosts) = hosts {
            guest.set_hosts(hosts);
        }
        guest.observe(Box::new(reporter));
        Ok(Instance {
            first: Mutex::new(Some(First {
                guest,
                stopper,
                spare,
            })),
            stoppers: Mutex::default(),
            told: Arc::default(),
            ended: AtomicBool::default(),
            hearing: Hearing::default(),
        })
    }

    /// The `ThreadContext` of one more thread.
    ///
    /// # Errors
    /// `EBADF`: the program has ended, and has no descriptors. `EMFILE` and the like.
    pub(crate) fn process(&self, prepare: impl FnOnce(&mut OsHost)) -> Result<ThreadContext<OsHost>> {
        let first = lock(&self.first);
        let First { guest, spare, .. } = first.as_ref().ok_or(Errno::EBADF)?;
        let mut host = spare.sibling()?;
        let mut stoppers = lock(&self.stoppers);
        stoppers.retain(|stopper| stopper.upgrade().is_some());
        stoppers.push(host.stopper().downgrade());
        drop(stoppers);
        prepare(&mut host);
        Ok(ThreadContext::new(guest.guest().thread(host)).with_report_count(&self.told))
    }

    fn stop(&self) {
        // Before the waits end, which look at it.
        self.ended.store(true, Ordering::Release);
        // From here on there is no more thread to be told than those in the list.
        let Some(First {
            mut guest, stopper, ..
        }) = lock(&self.first).take()
        else {
            return;
        };
        let threads = lock(&self.stoppers)
            .iter()
            .filter_map(WeakStopper::upgrade)
            .collect::<Vec<_>>();
        for stopper in threads.iter().chain([&stopper]) {
            // It fails only if the eventfd is broken, and then nobody waits on it.
            let _ = stopper.stop();
        }
        for fd in guest.open_descriptors() {
            // Another thread may have closed it meanwhile.
            let _ = guest.close(fd);
        }
        // Another thread that is telling something leaves it to the reporter's own end.
        let _ = guest.names().flush_observer();
    }
}
