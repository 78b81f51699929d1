//! [`Rejections`]: promises that were rejected and have no handler.
//!
//! Not here: how they are reported (`script.rs`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rquickjs::{Persistent, Value};

use crate::budget::{Budget, Charge};
use crate::sys::heap::Memory;

/// A value that outlives a turn.
type PersistentValue = Persistent<Value<'static>>;

/// Rejected promises without a handler, with their reasons, in the order in which they were rejected.
///
/// A script may reject any number at once and handle each of them later, so that none is searched for.
///
/// Each counts, whether or not there is memory for it: it must not be lost, and the next promise will find none.
pub(crate) struct Rejections {
    places: HashMap<PersistentValue, u64>,
    all: BTreeMap<u64, (PersistentValue, PersistentValue, Charge)>,
    last: u64,
    budget: Arc<Budget>,
}

/// What one counts for, in bytes.
const REJECTION: usize = 256;

impl Rejections {
    /// There are none.
    pub(crate) fn new(memory: &Memory) -> Rejections {
        Rejections {
            places: HashMap::new(),
            all: BTreeMap::new(),
            last: 0,
            budget: Arc::clone(memory.budget()),
        }
    }

    /// Remembers a promise.
    pub(crate) fn add(&mut self, promise: PersistentValue, reason: PersistentValue) {
        self.last += 1;
        if let Some(before) = self.places.insert(promise.clone(), self.last) {
            self.all.remove(&before);
        }
        let charge = self.budget.charge_anyway(REJECTION);
        self.all.insert(self.last, (promise, reason, charge));
    }

    /// Forgets a promise: it has a handler now.
    pub(crate) fn handled(&mut self, promise: &PersistentValue) {
        if let Some(place) = self.places.remove(promise) {
            self.all.remove(&place);
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes all of them out, the first one first.
    pub(crate) fn take(&mut self) -> Vec<(PersistentValue, PersistentValue)> {
        self.places = HashMap::new();
        let all = std::mem::take(&mut self.all);
        all.into_values()
            .map(|(promise, reason, _)| (promise, reason))
            .collect()
    }
}
