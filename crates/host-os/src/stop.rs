//! [`Stopper`]: ends a guest's waits from another thread. [`IdleTask`]: what a thread does at intervals while it waits.
//! [`WaitMode`]: whether it waits at all. Not here: waits within a system call (`kernel_wait.rs`).

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use guestnet_core::{Errno, Ready, Result};
use rustix::event::EventfdFlags;

use crate::convert::errno;
use crate::kernel_wait::KernelWait;
use crate::poll::pollfd;
use crate::sys;

/// Ends every wait of one guest, now and until [`guestnet_core::Host::resume`]. May be cloned, sent and used from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Shared>);

/// What a guest's waits and its stoppers share.
#[derive(Debug)]
struct Shared {
    /// Readable once the guest was stopped; part of each wait.
    fd: OwnedFd,
    kernel_wait: KernelWait,
}

/// A task that a thread runs at intervals while it waits, such as the main thread of a program that serves requests of the
/// program's other threads. All hosts of the thread share one task: it is due when none of them has run it for so long.
pub struct IdleTask {
    interval: Duration,
    start: Instant,
    /// When it ran last, in nanoseconds after `start`. Only its own thread writes it.
    last: AtomicU64,
    run: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Whether a call of a host waits where the descriptor's mode says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitMode {
    /// It waits.
    #[default]
    Blocking,
    /// It does not wait, whatever the descriptor's mode: it fails with `EAGAIN`.
    Nonblocking,
}

impl fmt::Debug for IdleTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleTask")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl IdleTask {
    /// The hosts that have the task ([`crate::OsHost::set_idle_task`]) call `run` about every `interval` from within their
    /// waits. It must not use the host that waits. A wait during which it returns false ends with `EINTR`.
    #[must_use]
    pub fn new(interval: Duration, run: Box<dyn Fn() -> bool + Send + Sync>) -> Self {
        IdleTask {
            interval,
            start: Instant::now(),
            last: AtomicU64::new(0),
            run,
        }
    }

    /// Runs the task if it is due; for a thread whose calls never wait. Returns what `run` returned, true if the task is
    /// not due.
    #[must_use]
    pub fn run_if_due(&self) -> bool {
        self.time_left().is_ok()
    }

    /// Runs the task if it is due, and returns the time until it is due again; `Err` if `run` said that the wait has to end.
    fn time_left(&self) -> std::result::Result<Duration, ()> {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        let left = (last + self.interval).saturating_sub(self.start.elapsed());
        if !left.is_zero() {
            return Ok(left);
        }
        // Before the run too: it may come back here by way of another host.
        self.record_run();
        let go_on = (self.run)();
        self.record_run();
        if go_on { Ok(self.interval) } else { Err(()) }
    }

    fn record_run(&self) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }
}

/// The guest's side: part of each of its waits.
#[derive(Debug)]
pub(crate) struct Stop {
    shared: Arc<Shared>,
    idle_task: Option<Arc<IdleTask>>,
    mode: WaitMode,
    by_signal: bool,
}

impl Stop {
    pub(crate) fn new() -> Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(errno)?;
        Ok(Stop {
            shared: Arc::new(Shared {
                fd,
                kernel_wait: KernelWait::default(),
            }),
            idle_task: None,
            mode: WaitMode::Blocking,
            by_signal: false,
        })
    }

    /// Has a stop interrupt system calls too.
    ///
    /// # Errors
    /// As [`crate::OsHost::stop_by_signal`].
    pub(crate) fn set_by_signal(&mut self) -> Result<()> {
        sys::interrupt::install().map_err(errno)?;
        self.by_signal = true;
        Ok(())
    }

    /// Where a call may wait in the kernel, because a stop ends it there; `None`: nowhere.
    pub(crate) fn kernel_wait(&self) -> Option<&KernelWait> {
        // An idle task is run between waits, not within them.
        let may = self.by_signal && self.idle_task.is_none() && self.mode == WaitMode::Blocking;
        may.then_some(&self.shared.kernel_wait)
    }

    pub(crate) fn set_idle_task(&mut self, task: Arc<IdleTask>) {
        self.idle_task = Some(task);
    }

    pub(crate) fn set_wait_mode(&mut self, mode: WaitMode) {
        self.mode = mode;
    }

    /// A call checks this before it waits.
    ///
    /// # Errors
    /// `EAGAIN`: the host is [`WaitMode::Nonblocking`].
    pub(crate) fn may_wait(&self) -> Result<()> {
        match self.mode {
            WaitMode::Blocking => Ok(()),
            WaitMode::Nonblocking => Err(Errno::EAGAIN),
        }
    }

    /// How long a wait of at most `timeout` may take at once: until the idle task is due. Runs the task first where it is
    /// due already, but not for a wait of no time.
    ///
    /// # Errors
    /// `EINTR`: the idle task says that the wait has to end.
    pub(crate) fn slice(&self, timeout: Option<Duration>) -> Result<Option<Duration>> {
        let Some(task) = self
            .idle_task
            .as_ref()
            .filter(|_| timeout != Some(Duration::ZERO))
        else {
            return Ok(timeout);
        };
        let left = task.time_left().map_err(|()| Errno::EINTR)?;
        Ok(Some(timeout.map_or(left, |timeout| timeout.min(left))))
    }

    /// Takes every stop back that came until now.
    pub(crate) fn resume(&self) {
        self.shared.kernel_wait.resume();
        // One that nothing has stopped is `EAGAIN`.
        let _ = rustix::io::read(&self.shared.fd, &mut [0; 8]);
    }

    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.shared.fd.as_raw_fd()
    }

    pub(crate) fn pollfd(&self) -> libc::pollfd {
        pollfd(self.raw_fd(), Ready::READ)
    }
}

/// A [`Stopper`] that does not keep the eventfd open.
#[derive(Clone, Debug)]
pub struct WeakStopper(Weak<Shared>);

impl WeakStopper {
    /// The stopper; `None` if the host and all its stoppers are gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Stopper> {
        self.0.upgrade().map(Stopper)
    }
}

impl AsFd for Stopper {
    /// The eventfd that is readable once the guest was stopped.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl Stopper {
    /// A handle that does not keep the eventfd open.
    #[must_use]
    pub fn downgrade(&self) -> WeakStopper {
        WeakStopper(Arc::downgrade(&self.0))
    }

    /// Makes the guest's current wait, and every later one, return `EINTR`. The eventfd stays readable, so nothing
    /// is missed by a wait that begins afterwards. Only the guest's own thread takes it back
    /// ([`guestnet_core::Host::resume`]).
    ///
    /// # Errors
    /// What write(2) says of an eventfd; never `EAGAIN`, which only means that it is readable already.
    pub fn stop(&self) -> Result<()> {
        let written = rustix::io::write(self.0.fd.as_fd(), &1u64.to_ne_bytes()).map_err(errno);
        self.0.kernel_wait.interrupt();
        match written {
            Ok(_) | Err(Errno::EAGAIN) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
