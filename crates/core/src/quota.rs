//! [`Quota`]: how many bytes a guest may still move, and how fast. Sent and received bytes of IP sockets count alike.
//!
//! A guest that is over its rate waits on its own thread, so that it takes nothing from any other guest.

use std::sync::Mutex;
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::host::{Clock, Host};
use crate::limits::{Bucket, Limits};
use crate::resolve::lock;

/// The least that can be saved up: a guest with a low rate still sends whole datagrams and short answers at once.
const LEAST_BURST: u64 = 16 << 10;

/// How long a call that must not block is held up before it says `EAGAIN`. poll(2) tells the guest that the socket is
/// ready, which is true; without this it would try without a pause.
const HOLD: Duration = Duration::from_millis(5);

/// What is left to a guest.
#[derive(Debug)]
pub(crate) struct Quota {
    rate: Option<Bucket>,
    left: u64,
}

impl Quota {
    /// `None` if nothing is limited.
    pub(crate) fn new(limits: &Limits) -> Option<Quota> {
        if limits.bytes_per_second.is_none() && limits.bytes_total.is_none() {
            return None;
        }
        let rate = limits
            .bytes_per_second
            .map(|rate| Bucket::new(rate, (rate / 8).max(LEAST_BURST.min(rate.max(1)))));
        Some(Quota {
            rate,
            left: limits.bytes_total.unwrap_or(u64::MAX),
        })
    }

    /// How many bytes may be moved now, or for how long to wait until then; `None` is for ever.
    ///
    /// # Errors
    /// `ENOBUFS`: the total is used up.
    fn ask(
        &mut self,
        now: impl FnOnce() -> Duration,
    ) -> Result<std::result::Result<usize, Option<Duration>>> {
        if self.left == 0 {
            return Err(Errno::Nobufs);
        }
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let Some(rate) = &mut self.rate else {
            return Ok(Ok(bytes(self.left)));
        };
        Ok(match rate.available(now()) {
            0 => Err(rate.wait()),
            available => Ok(bytes(available.min(self.left))),
        })
    }

    /// Whether the total has room for so many bytes.
    pub(crate) fn within_total(&self, bytes: usize) -> bool {
        u64::try_from(bytes).is_ok_and(|bytes| bytes <= self.left)
    }

    /// Counts what was moved.
    pub(crate) fn take(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(bytes);
        if let Some(rate) = &mut self.rate {
            rate.take(bytes);
        }
    }
}

/// How many bytes may be moved now, at least one. Nothing is held while it waits: another thread of the guest may
/// take what comes.
///
/// # Errors
/// `ENOBUFS`: the total is used up. `EAGAIN`: over the rate, and the call does not block. `EINTR`: told to stop.
pub(crate) fn allowance<H: Host>(quota: &Mutex<Quota>, host: &mut H, blocks: bool) -> Result<usize> {
    let mut held = false;
    loop {
        let answer = lock(quota).ask(|| host.now(Clock::Monotonic))?;
        let pause = match answer {
            Ok(bytes) => return Ok(bytes),
            Err(_) if held => return Err(Errno::Again),
            // At a rate of 0 there is never anything: sleep until told to stop.
            Err(pause) if blocks => pause,
            Err(pause) => Some(pause.map_or(HOLD, |pause| pause.min(HOLD))),
        };
        held = !blocks;
        host.poll_begin();
        host.poll_wait(pause)?;
    }
}
