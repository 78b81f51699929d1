//! [`Budget`]: the memory of a script and all its workers together, and [`Charge`]: a part of it that is in use.
//!
//! Everything counts that a script can make the process hold: the pages of each engine, of messages, shared buffers and
//! texts (`sys/heap.rs`), and by a fixed amount each timer, promise, handler and worker. Not here: where memory comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much memory a script may have, and how much of it is used.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Budget {
    /// Of so many bytes; 0 is no limit.
    pub(crate) fn new(most: usize) -> Arc<Budget> {
        Arc::new(Budget {
            used: AtomicUsize::new(0),
            most: if most == 0 { usize::MAX } else { most },
        })
    }

    /// All that there ever is, in bytes.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Takes so many bytes, or none: `false` if there are not so many left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|&sum| sum <= self.most)
            })
            .is_ok()
    }

    /// Takes them, whatever is left. The next one to ask is refused then.
    pub(crate) fn overdraw(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// As [`Budget::take`], given back when what is returned is dropped.
    pub(crate) fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        self.take(bytes).then(|| Charge {
            budget: Arc::clone(self),
            bytes,
        })
    }

    /// As [`Budget::overdraw`], given back when what is returned is dropped.
    pub(crate) fn charge_anyway(self: &Arc<Self>, bytes: usize) -> Charge {
        self.overdraw(bytes);
        Charge {
            budget: Arc::clone(self),
            bytes,
        }
    }
}

/// Some bytes of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// Takes more, if there is less than `bytes`; `false` if that is not to be had.
    pub(crate) fn cover(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.bytes);
        let taken = missing == 0 || self.budget.take(missing);
        if taken {
            self.bytes += missing;
        }
        taken
    }

    /// Its bytes, which the caller gives back.
    pub(crate) fn into_bytes(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_never_more_than_there_is_and_comes_back_whole() {
        let budget = Budget::new(100);
        let mut first = budget.charge(60).unwrap();
        assert!(budget.charge(41).is_none());
        assert!(!budget.take(usize::MAX));
        let second = budget.charge(40).unwrap();
        assert!(!first.cover(61));
        assert!(first.cover(60));
        drop(second);
        assert!(first.cover(100));
        let more = budget.charge_anyway(1);
        drop(first);
        assert!(!budget.take(100));
        drop(more);
        assert!(budget.take(100));
    }

    #[test]
    fn threads_that_take_at_once_share_one_budget() {
        let budget = Budget::new(1000);
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| budget.take(3)).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 333);
    }

    #[test]
    fn nothing_is_no_limit() {
        assert!(Budget::new(0).take(usize::MAX));
    }
}
