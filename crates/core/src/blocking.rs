//! Blocking calls: try, wait, try again, within a [`Deadline`].

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::host::{Clock, Host};
use crate::readiness::Ready;

/// Runs `attempt` until it does something other than block: try, wait, try again (invariant 9).
///
/// `limit` bounds all waiting; when it is over the answer is `EAGAIN`, as socket(7) says of `SO_RCVTIMEO`.
#[inline]
pub(crate) fn block_until_ready<H: Host, T>(
    host: &mut H,
    io: &H::Io,
    want: Ready,
    limit: &mut Deadline,
    mut attempt: impl FnMut(&mut H) -> Result<T>,
) -> Result<T> {
    let mut pause = Backoff::default();
    let mut woken = false;
    loop {
        match attempt(host) {
            Err(Errno::EAGAIN) => {}
            done => return done,
        }
        let remaining = limit.remaining(host);
        if remaining == Some(Duration::ZERO) {
            return Err(Errno::EAGAIN);
        }
        if woken {
            pause.sleep(host, remaining)?;
        }
        woken = host.wait(io, want, remaining)?;
    }
}

/// How a call behaves where there is nothing to do yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// It fails with `EAGAIN`.
    Never,
    /// It tries and waits in turn.
    Waiting,
    /// One call of the host waits itself, where the host has that and no time is set: it is the only one that is made on the
    /// socket, and no limit of bytes has a say in it.
    InCall,
}

impl Block {
    /// `Never` unless the descriptor `blocks`, and `InCall` where the call is as `plain` as that asks for.
    pub(crate) const fn new(blocks: bool, plain: bool) -> Self {
        match (blocks, plain) {
            (false, _) => Block::Never,
            (true, false) => Block::Waiting,
            (true, true) => Block::InCall,
        }
    }
}

impl From<bool> for Block {
    fn from(blocks: bool) -> Self {
        Block::new(blocks, false)
    }
}

/// Tries once, or, on a descriptor that blocks, until it is done.
#[inline]
pub(crate) fn attempt<H: Host, T>(
    host: &mut H,
    io: &H::Io,
    want: Ready,
    blocks: impl Into<Block>,
    limit: &mut Deadline,
    mut call: impl FnMut(&mut H) -> Result<T>,
) -> Result<T> {
    let block = blocks.into();
    if block == Block::Never {
        return call(host);
    }
    match in_call(host, io, block, limit, &mut call) {
        Some(done) => done,
        None => block_until_ready(host, io, want, limit, call),
    }
}

/// Makes a call that waits itself. `None`: it is to be tried, with waits between.
#[inline]
fn in_call<H: Host, T>(
    host: &mut H,
    io: &H::Io,
    block: Block,
    limit: &Deadline,
    call: impl FnOnce(&mut H) -> Result<T>,
) -> Option<Result<T>> {
    if block != Block::InCall || limit.is_limited() {
        return None;
    }
    host.waiting(io, call)
        .filter(|done| !matches!(done, Err(Errno::EAGAIN)))
}

/// As [`block_until_ready`] for what comes in, and waits before it tries where `strategy` says so.
#[inline]
pub(crate) fn block_until_received<H: Host, T>(
    host: &mut H,
    io: &H::Io,
    strategy: &RecvStrategy,
    block: Block,
    limit: &mut Deadline,
    mut attempt: impl FnMut(&mut H) -> Result<T>,
) -> Result<T> {
    if let Some(done) = in_call(host, io, block, limit, &mut attempt) {
        return done;
    }
    let mut learns = !strategy.waits_first();
    if !learns {
        let remaining = limit.remaining(host);
        // Ready or too late: the attempt says which.
        host.wait(io, Ready::READ, remaining)?;
    }
    block_until_ready(host, io, Ready::READ, limit, |host| {
        let outcome = attempt(host);
        if std::mem::take(&mut learns) {
            strategy.learn(matches!(outcome, Err(Errno::EAGAIN)));
        }
        outcome
    })
}

/// What a stream's blocking receives have met: nothing there yet, time after time, or data.
///
/// A program that asks and waits for the answer always comes too early. To find that out by a system call costs it
/// as much as the wait itself, so after two such calls the next ones wait at once. Every now and then one of them
/// tries first again, so that a socket that has become busy pays for a few needless polls only.
#[derive(Debug, Default)]
pub struct RecvStrategy(AtomicU8);

impl RecvStrategy {
    /// Calls in a row that came too early, before the next ones wait first.
    const SURE: u8 = 2;
    /// How many calls then wait first, before one tries again.
    const CALLS: u8 = 15;

    /// Whether the next call, which this one is, waits before it tries.
    pub fn waits_first(&self) -> bool {
        let count = self.0.load(Ordering::Relaxed);
        let waits = (Self::SURE..Self::SURE + Self::CALLS).contains(&count);
        if waits {
            self.0.store(count + 1, Ordering::Relaxed);
        }
        waits
    }

    /// Notes what a call that tried first has met.
    pub fn learn(&self, too_early: bool) {
        let count = if too_early {
            self.0.load(Ordering::Relaxed).saturating_add(1)
        } else {
            0
        };
        self.0.store(count.min(Self::SURE), Ordering::Relaxed);
    }
}

/// The time that one call may wait in all. It starts to run with the first wait, so that a call that does not wait
/// reads no clock.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Option<Duration>,
    deadline: Option<Duration>,
}

impl Deadline {
    /// `None` is for ever.
    pub(crate) const fn new(limit: Option<Duration>) -> Self {
        Deadline {
            limit,
            deadline: None,
        }
    }

    /// Whether there is a limit.
    pub(crate) const fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// What is left of it; `None` for no limit.
    pub(crate) fn remaining<H: Host>(&mut self, host: &H) -> Option<Duration> {
        let limit = self.limit?;
        let now = host.now(Clock::Monotonic);
        Some(
            self.deadline
                .get_or_insert(now.saturating_add(limit))
                .saturating_sub(now),
        )
    }
}

/// Ever longer sleeps, for what poll(2) cannot wait for: room in a UNIX listener's backlog or in the queue of a
/// datagram socket that one is not connected to, bytes behind those that were peeked at. Keeps a descriptor that
/// looks ready and is not from taking a whole processor.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Backoff(Duration::from_micros(50))
    }
}

impl Backoff {
    /// A longer one would be felt.
    const LONGEST: Duration = Duration::from_millis(4);

    /// The next pause, for an adapter that waits in its own way.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        pause
    }

    /// Sleeps, at most for `remaining`.
    ///
    /// # Errors
    /// `EINTR`: the guest was stopped.
    #[cold]
    pub(crate) fn sleep<H: Host>(&mut self, host: &mut H, remaining: Option<Duration>) -> Result<()> {
        let pause = self.next_pause();
        host.pause(pause, remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::RecvStrategy;

    /// How many of `calls` wait first, when each one that tries finds what `too_early` says.
    fn waiting(strategy: &RecvStrategy, calls: usize, too_early: bool) -> usize {
        (0..calls)
            .filter(|_| {
                let waits = strategy.waits_first();
                if !waits {
                    strategy.learn(too_early);
                }
                waits
            })
            .count()
    }

    #[test]
    fn a_socket_with_data_never_waits_first() {
        assert_eq!(waiting(&RecvStrategy::default(), 1000, false), 0);
    }

    #[test]
    fn one_early_call_between_others_changes_nothing() {
        let strategy = RecvStrategy::default();
        for _ in 0..100 {
            assert_eq!(waiting(&strategy, 1, true) + waiting(&strategy, 1, false), 0);
        }
    }

    #[test]
    fn calls_that_always_come_too_early_wait_first_but_for_one_in_sixteen() {
        let strategy = RecvStrategy::default();
        assert_eq!(waiting(&strategy, 2, true), 0);
        assert_eq!(waiting(&strategy, 160, true), 150);
    }

    #[test]
    fn a_socket_that_has_become_busy_waits_first_for_fifteen_calls_at_most() {
        let strategy = RecvStrategy::default();
        waiting(&strategy, 2, true);
        assert_eq!(waiting(&strategy, 1000, false), 15);
    }
}
