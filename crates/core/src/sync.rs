//! [`lock`]: how the core takes its locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, also after a panic of a thread that held it: nothing that is done under the core's locks can leave the data
/// half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
