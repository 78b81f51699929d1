//! [`Subscribers`]: which thread of a program is notified when a socket of another thread begins to connect or listen.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use guestnet_core::{Fd, Ready};

use crate::napi::ThreadsafeFunction;
use crate::sync::lock;

/// The subscription of the thread that calls the program's socket callbacks. There is at most one.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    /// Whether there is a subscriber, for threads that otherwise need no lock.
    active: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    subscriber: Option<Arc<ThreadsafeFunction>>,
    /// Notifications that the subscriber has not acknowledged. They are not sent again, so that no more are under way than
    /// there are descriptors.
    unacknowledged: HashSet<Fd>,
}

impl Subscribers {
    /// Sets the subscriber; with `None` there is none any more.
    pub(crate) fn subscribe(&self, subscriber: Option<Arc<ThreadsafeFunction>>) {
        let mut state = lock(&self.state);
        self.active.store(subscriber.is_some(), Ordering::Relaxed);
        state.subscriber = subscriber;
    }

    /// Notifies the subscriber that a socket connects or listens.
    pub(crate) fn notify(&self, fd: Fd) {
        if !self.active.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        let State {
            subscriber: Some(subscriber),
            unacknowledged,
        } = &mut *state
        else {
            return;
        };
        if unacknowledged.insert(fd) {
            // It fails only if the engine is going away; then no callback waits for it.
            let _ = subscriber.call(fd, Ready::empty().bits());
        }
    }

    /// The notification of a descriptor has arrived: the next one may be sent.
    pub(crate) fn acknowledge(&self, fd: Fd) {
        lock(&self.state).unacknowledged.remove(&fd);
    }
}
