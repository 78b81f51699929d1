//! [`Timers`]: all timers of a guest, to know when the next one expires.

use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::browser::Browser;
use crate::object::{Io, Object};

/// The timers of all threads of a guest.
#[derive(Debug)]
pub(crate) struct Timers<B: Browser>(Mutex<Vec<Weak<Object<B>>>>);

impl<B: Browser> Default for Timers<B> {
    fn default() -> Self {
        Timers(Mutex::default())
    }
}

impl<B: Browser> Timers<B> {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Weak<Object<B>>>) -> T) -> T {
        let timers = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        timers.retain(|timer| timer.strong_count() > 0);
        work(timers)
    }

    pub(crate) fn add(&self, timer: &Io<B>) {
        self.with(|timers| timers.push(timer.downgrade()));
    }

    /// How long until the next one has to be looked at.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.with(|timers| {
            let open = timers.iter().filter_map(Weak::upgrade);
            open.filter_map(|timer| timer.remaining()).min()
        })
    }
}
