//! How long the suite waits for what must come.

use std::time::{Duration, Instant};

/// A peer's waits end after this. Far above what any behaviour needs, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Repeats until it gives something, for conditions that no call can wait for. Fails after a while.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "it never came to pass that {what}");
        std::thread::yield_now();
    }
}
