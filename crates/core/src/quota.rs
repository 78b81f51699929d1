//! [`Quota`]: how many bytes a guest may still move, and how fast. Sent and received bytes of IP sockets count alike.
//!
//! A guest that is over its rate waits on its own thread, so that it takes nothing from any other guest.

use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::host::{Clock, Host};
use crate::limits::{Bucket, Limits};

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

    /// How many bytes may be moved now, at least one.
    ///
    /// # Errors
    /// `ENOBUFS`: the total is used up. `EAGAIN`: over the rate, and the call does not block. `EINTR`: told to stop.
    pub(crate) fn allowance<H: Host>(&mut self, host: &mut H, blocks: bool) -> Result<usize> {
        if self.left == 0 {
            return Err(Errno::Nobufs);
        }
        let mut held = false;
        while let Some(rate) = &mut self.rate {
            let now = rate.available(host.now(Clock::Monotonic));
            if now > 0 {
                return Ok(usize::try_from(now.min(self.left)).unwrap_or(usize::MAX));
            }
            if held {
                return Err(Errno::Again);
            }
            // At a rate of 0 there is never anything: sleep until told to stop.
            let pause = rate.wait();
            let pause = if blocks {
                pause
            } else {
                Some(pause.map_or(HOLD, |pause| pause.min(HOLD)))
            };
            held = !blocks;
            host.poll_begin();
            host.poll_wait(pause)?;
        }
        Ok(usize::try_from(self.left).unwrap_or(usize::MAX))
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
