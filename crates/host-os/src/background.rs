//! The one thread that look-ups run on, for every guest of the process. It starts with the first look-up; nothing of
//! the data path ever meets it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use guestnet_core::{Errno, Result};
use tokio::runtime::{Builder, Handle};

/// The most calls of getaddrinfo(3) at a time, each on a thread of its own because it cannot be interrupted.
const MAX_SYSTEM_CALLS: usize = 256;

/// How long a thread for getaddrinfo(3) is kept for the next call.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);

/// The background thread, started if need be.
///
/// # Errors
/// `EAGAIN`: no thread can be started, or no epoll opened.
pub(crate) fn handle() -> Result<Handle> {
    let mut handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_SYSTEM_CALLS)
        .thread_keep_alive(KEEP_ALIVE)
        .thread_name("guestnet-lookup")
        .build()
        .map_err(|_| Errno::EAGAIN)?;
    let new = runtime.handle().clone();
    std::thread::Builder::new()
        .name("guestnet-names".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(|_| Errno::EAGAIN)?;
    *handle = Some(new.clone());
    Ok(new)
}
