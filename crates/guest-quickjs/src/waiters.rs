//! [`Waiters`]: who waits for a cell of a shared buffer (`Atomics.wait`, `Atomics.waitAsync`), in all threads of a script;
//! [`ThreadWaits`]: what one of them has to do with it.
//!
//! The engine has lists of its own, whose waits nothing can end. Here a thread waits in its host, as for a descriptor: a stop
//! ends that. Not here: the functions (`atomics.rs`), and the cells (`sys/memory.rs`).

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guestnet_core::{Host, SharedDescriptor, SharedGuestThread};
use rquickjs::{Persistent, Value};

use crate::file::File;
use crate::promise::{Id, Resolvers};

/// Identifies a wait, of whatever thread; never used twice.
pub(crate) type WaitId = u64;

/// Who waits, in all threads.
pub(crate) struct Waiters<H: Host + 'static> {
    /// By the address of the cell. A list has someone in it.
    lists: Mutex<Lists<H>>,
    last: AtomicU64,
}

type Lists<H> = HashMap<usize, VecDeque<Waiter<H>>>;

struct Waiter<H: Host + 'static> {
    id: WaitId,
    thread: Arc<Waker<H>>,
}

/// How a thread is notified.
pub(crate) struct Waker<H: Host + 'static> {
    /// What it waits for: an eventfd that the script does not know.
    pub(crate) event: SharedDescriptor<H, File>,
    /// Its waits that were notified and that it has not seen yet.
    notified: Mutex<Vec<WaitId>>,
}

impl<H: Host + 'static> Waiters<H> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Waiters {
            lists: Mutex::default(),
            last: AtomicU64::new(0),
        })
    }

    fn lists(&self) -> MutexGuard<'_, Lists<H>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread begins to wait for a cell, unless that has another value than the one expected. Nothing is notified in between.
    pub(crate) fn enter(
        &self,
        address: usize,
        thread: &Arc<Waker<H>>,
        is_expected: impl FnOnce() -> bool,
    ) -> Option<WaitId> {
        let mut lists = self.lists();
        if !is_expected() {
            return None;
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        lists.entry(address).or_default().push_back(Waiter {
            id,
            thread: Arc::clone(thread),
        });
        Some(id)
    }

    /// It gives up; `false`: it was notified before.
    pub(crate) fn leave(&self, address: usize, id: WaitId) -> bool {
        let mut lists = self.lists();
        let Some(list) = lists.get_mut(&address) else {
            return false;
        };
        // They are in the order of their ids.
        let place = list.binary_search_by_key(&id, |waiter| waiter.id);
        if let Ok(place) = place {
            list.remove(place);
        }
        if list.is_empty() {
            remove(&mut lists, address);
        }
        place.is_ok()
    }

    /// Notifies those that have waited longest for a cell, at most so many. Returns how many, and the threads to wake.
    pub(crate) fn notify(&self, address: usize, most: usize) -> (usize, Vec<Arc<Waker<H>>>) {
        let mut lists = self.lists();
        let Some(list) = lists.get_mut(&address) else {
            return (0, Vec::new());
        };
        let count = list.len().min(most);
        let mut threads: Vec<Arc<Waker<H>>> = Vec::new();
        for waiter in list.drain(..count) {
            waiter.thread.notified().push(waiter.id);
            // There are a few threads at most.
            if !threads.iter().any(|thread| Arc::ptr_eq(thread, &waiter.thread)) {
                threads.push(waiter.thread);
            }
        }
        if list.is_empty() {
            remove(&mut lists, address);
        }
        (count, threads)
    }
}

/// How many lists may leave their places behind when all of them are gone.
const KEPT: usize = 256;

/// Removes a list in which no one is any more.
fn remove<H: Host + 'static>(lists: &mut Lists<H>, address: usize) {
    lists.remove(&address);
    if lists.is_empty() {
        lists.shrink_to(KEPT);
    }
}

impl<H: Host + 'static> Waker<H> {
    fn notified(&self) -> MutexGuard<'_, Vec<WaitId>> {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread, from another one or its own.
    pub(crate) fn wake(&self, guest: &mut SharedGuestThread<H, File>) {
        // A counter that is full has woken it.
        let _ = guest.write(&self.event, &mut [IoSlice::new(&1_u64.to_ne_bytes())]);
    }

    /// The thread is awake, and looks at what was notified.
    pub(crate) fn drain(&self, guest: &mut SharedGuestThread<H, File>) {
        let _ = guest.read(&self.event, &mut [IoSliceMut::new(&mut [0; 8])]);
    }

    /// Whether a wait was notified, which is then seen.
    pub(crate) fn take(&self, id: WaitId) -> bool {
        let mut notified = self.notified();
        let place = notified.iter().position(|notified| *notified == id);
        place.map(|place| notified.swap_remove(place)).is_some()
    }

    /// All waits that were notified and not seen yet.
    pub(crate) fn take_all(&self) -> Vec<WaitId> {
        std::mem::take(&mut *self.notified())
    }
}

/// A promise of `Atomics.waitAsync`.
pub(crate) struct AsyncWait {
    pub(crate) address: usize,
    pub(crate) promise: Resolvers,
    /// The timer that ends it.
    pub(crate) timer: Option<Id>,
    /// Another buffer must not get its place.
    pub(crate) _buffer: Persistent<Value<'static>>,
}

/// The waits of one thread.
pub(crate) struct ThreadWaits<H: Host + 'static> {
    pub(crate) all: Arc<Waiters<H>>,
    waker: OnceCell<Arc<Waker<H>>>,
    pub(crate) promises: RefCell<HashMap<WaitId, AsyncWait>>,
}

impl<H: Host + 'static> ThreadWaits<H> {
    pub(crate) fn new(all: Arc<Waiters<H>>) -> Self {
        ThreadWaits {
            all,
            waker: OnceCell::new(),
            promises: RefCell::default(),
        }
    }

    /// How this thread is woken.
    ///
    /// # Errors
    /// `EMFILE` of the host, for the first wait.
    pub(crate) fn waker(
        &self,
        guest: &mut SharedGuestThread<H, File>,
    ) -> guestnet_core::Result<Arc<Waker<H>>> {
        if let Some(waker) = self.waker.get() {
            return Ok(Arc::clone(waker));
        }
        let waker = Waker {
            event: guest.unnumbered_eventfd()?,
            notified: Mutex::default(),
        };
        Ok(Arc::clone(self.waker.get_or_init(|| Arc::new(waker))))
    }

    /// What to poll for: promises wait, and this wakes them.
    pub(crate) fn polled(&self) -> Option<&Arc<Waker<H>>> {
        self.waker.get().filter(|_| !self.promises.borrow().is_empty())
    }

    /// Ends a promise's wait; `None` if that has ended.
    pub(crate) fn remove(&self, id: WaitId) -> Option<AsyncWait> {
        let mut promises = self.promises.borrow_mut();
        let wait = promises.remove(&id);
        if promises.is_empty() {
            promises.shrink_to(KEPT);
        }
        wait
    }

    /// Drops every JavaScript value. No promise waits any more.
    pub(crate) fn forget(&self) {
        let promises = self.promises.take();
        for (id, wait) in &promises {
            self.all.leave(wait.address, *id);
        }
    }
}
