//! [`Network`]: the shared state behind its hosts, and how they wait.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use guestnet_core::{Errno, Result};

use crate::faults::Faults;
use crate::socket::Id;
use crate::state::{Event, State};

/// Sockets in memory, which reach each other over loopback addresses. A clone is the same network.
#[derive(Clone, Debug)]
pub struct Network(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// When real time began; `None` if time is virtual.
    began: Option<Instant>,
    /// Threads that wait in real time.
    waiting: Mutex<HashSet<ThreadId>>,
}

/// An open socket of a network. It is closed with its last handle.
#[derive(Debug)]
pub struct Io(Arc<OpenSocket>);

#[derive(Debug)]
struct OpenSocket {
    network: Network,
    id: Id,
}

impl Io {
    pub(crate) fn new(network: &Network, id: Id) -> Self {
        Io(Arc::new(OpenSocket {
            network: network.clone(),
            id,
        }))
    }

    pub(crate) fn id(&self) -> Id {
        self.0.id
    }

    /// Another handle of the same socket, as dup(2) makes one.
    #[must_use]
    pub fn share(&self) -> Io {
        Io(Arc::clone(&self.0))
    }

    /// Whether this is the only handle.
    pub(crate) fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let id = self.id;
        self.network.with(|state| state.close(id));
    }
}

impl Network {
    /// A network on one thread whose time is virtual: it passes while a host waits. Faults and delays come from the seed,
    /// so that the same calls give the same run.
    ///
    /// A wait without a time limit, while nothing is under way, would last for ever: it is `EDEADLK`.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Network::with_time(seed, faults, None)
    }

    /// A network whose time is the machine's and whose hosts may wait on several threads.
    #[must_use]
    pub fn in_real_time(seed: u64, faults: Faults) -> Self {
        Network::with_time(seed, faults, Some(Instant::now()))
    }

    fn with_time(seed: u64, faults: Faults, began: Option<Instant>) -> Self {
        Network(Arc::new(Shared {
            state: Mutex::new(State::new(seed, faults)),
            changed: Condvar::new(),
            began,
            waiting: Mutex::default(),
        }))
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|state| state.faults = faults);
    }

    /// Does something after a time: within the wait of a host that lasts so long, such as a guest's that waits for what
    /// a peer does then. An action that never runs keeps its network.
    pub fn after(&self, time: Duration, action: impl FnOnce() + Send + 'static) {
        self.with(|state| {
            let at = state.now + time;
            state.post(at, Event::Act(Box::new(action)));
        });
    }

    /// The time since the network was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.lock().now
    }

    /// Whether a thread waits in a host now, in real time.
    #[must_use]
    pub fn is_waiting(&self, thread: ThreadId) -> bool {
        self.waiting().contains(&thread)
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<ThreadId>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(began) = self.0.began {
            state.now = began.elapsed();
            state.catch_up();
        }
        state
    }

    /// Calls something that changes the network, and wakes the hosts that wait.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut State) -> T) -> T {
        let result = call(&mut self.lock());
        self.0.changed.notify_all();
        result
    }

    /// Wakes the hosts that wait, after something other than the network that they look at has changed.
    pub(crate) fn wake(&self) {
        // Locked, so that no host is between its look and its wait.
        drop(self.lock());
        self.0.changed.notify_all();
    }

    /// Waits until `check` gives something or the time is over.
    ///
    /// # Errors
    /// `EINTR`: the guest has to stop, or a fault. `EDEADLK`: in virtual time, nothing could ever happen.
    pub(crate) fn wait<T>(
        &self,
        stopped: &AtomicBool,
        timeout: Option<Duration>,
        mut check: impl FnMut(&State) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut state = self.lock();
        let deadline = timeout.and_then(|timeout| state.now.checked_add(timeout));
        let interrupt = state.faults.interrupt;
        if timeout != Some(Duration::ZERO) && state.dice.happens(interrupt) {
            return Err(Errno::EINTR);
        }
        loop {
            if stopped.load(Ordering::Relaxed) {
                return Err(Errno::EINTR);
            }
            if let Some(action) = state.advance() {
                drop(state);
                action();
                state = self.lock();
                continue;
            }
            if let Some(found) = check(&state) {
                return Ok(Some(found));
            }
            if deadline.is_some_and(|deadline| state.now >= deadline) {
                return Ok(None);
            }
            let until = deadline.into_iter().chain(state.next_event()).min();
            state = match self.0.began {
                Some(began) => self.sleep(state, began, until),
                None => {
                    state.now = until.ok_or(Errno::EDEADLK)?;
                    state
                }
            };
        }
    }

    fn sleep<'n>(
        &'n self,
        state: MutexGuard<'n, State>,
        began: Instant,
        until: Option<Duration>,
    ) -> MutexGuard<'n, State> {
        let me = thread::current().id();
        self.waiting().insert(me);
        let changed = &self.0.changed;
        let mut state = match until {
            None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let time = until.saturating_sub(state.now);
                let woken = changed.wait_timeout(state, time);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        self.waiting().remove(&me);
        state.now = began.elapsed();
        state
    }
}
