//! [`Rejections`]: promises that were rejected while nobody listened.
//!
//! Not here: what becomes of them (`runtime.rs`).

use std::collections::{BTreeMap, HashMap};

use rquickjs::{Persistent, Value};

/// A value that outlives a turn.
type Kept = Persistent<Value<'static>>;

/// Rejected promises that nobody handles yet, with their reasons, in the order in which they were rejected.
///
/// A script may reject any number at once and handle each of them later, so that none is searched for.
#[derive(Default)]
pub(crate) struct Rejections {
    places: HashMap<Kept, u64>,
    all: BTreeMap<u64, (Kept, Kept)>,
    last: u64,
}

impl Rejections {
    /// Remembers a promise.
    pub(crate) fn add(&mut self, promise: Kept, reason: Kept) {
        self.last += 1;
        if let Some(before) = self.places.insert(promise.clone(), self.last) {
            self.all.remove(&before);
        }
        self.all.insert(self.last, (promise, reason));
    }

    /// Somebody listens now: forgets a promise.
    pub(crate) fn handled(&mut self, promise: &Kept) {
        if let Some(place) = self.places.remove(promise) {
            self.all.remove(&place);
        }
    }

    /// All of them, the first one first.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Kept, Kept)> {
        self.all.into_values()
    }
}
