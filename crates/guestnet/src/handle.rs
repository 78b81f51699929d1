//! [`GuestHandle`]: what other threads can do to a guest that runs.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use guestnet_core::resolve::Names;
use guestnet_core::{Metrics, MetricsSnapshot};
use guestnet_host_os::{MetricsExporter, RunningExporter, Stopper};

/// A handle on a guest, for other threads. It may outlive the guest, and does nothing then.
#[derive(Clone)]
pub struct GuestHandle(Arc<Shared>);

struct Shared {
    stopper: Stopper,
    names: Arc<Names>,
    metrics: Metrics,
    /// What a guest that computes looks at.
    stop: Arc<AtomicBool>,
    #[cfg(feature = "wasi")]
    engine: std::sync::OnceLock<wasmtime::Engine>,
}

impl fmt::Debug for GuestHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestHandle")
            .field("stop", &self.0.stop)
            .finish_non_exhaustive()
    }
}

impl GuestHandle {
    pub(crate) fn new(stopper: Stopper, names: &Arc<Names>, metrics: Metrics, stop: Arc<AtomicBool>) -> Self {
        GuestHandle(Arc::new(Shared {
            stopper,
            names: Arc::clone(names),
            metrics,
            stop,
            #[cfg(feature = "wasi")]
            engine: std::sync::OnceLock::new(),
        }))
    }

    /// Ends the guest: the call that it waits in returns, and code that computes is interrupted. It takes effect at once,
    /// unless the guest is in a call of a file system that cannot be interrupted, or the engine of a script is in a long loop
    /// of its own. A stop before the start of the guest counts too.
    ///
    /// A module that computes sees it if its store is one that [`GuestHandle::interrupt`] was given, as that of a
    /// [`WasiGuest`](crate::WasiGuest) is.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
        // Against the one in `interrupt`: either this finds the engine, or that finds the flag.
        fence(Ordering::SeqCst);
        #[cfg(feature = "wasi")]
        if let Some(engine) = self.0.engine.get() {
            engine.increment_epoch();
        }
        // It fails only if the eventfd is broken, and then no wait sees it anyway.
        let _ = self.0.stopper.stop();
    }

    /// The one descriptor that [`GuestHandle::stop`] needs: for a thread that has left the process's table of descriptors
    /// ([`guestnet_host_os::leave_descriptors`]).
    #[must_use]
    pub fn stop_fd(&self) -> BorrowedFd<'_> {
        self.0.stopper.as_fd()
    }

    /// Ends the guest's current wait or its next one, until the guest takes that back.
    #[cfg(feature = "quickjs")]
    pub(crate) fn wake(&self) {
        // As in `stop`.
        let _ = self.0.stopper.stop();
    }

    /// What the guest has done so far: sockets, connections, bytes, look-ups, denials, errors. It costs the guest nothing.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        self.0.metrics.snapshot()
    }

    /// Starts to offer the guest's metrics to others, until what this returns is dropped. Where, the exporter was opened for.
    ///
    /// # Errors
    /// There is no thread or no pipe left.
    pub fn export_metrics(&self, exporter: MetricsExporter) -> io::Result<RunningExporter> {
        exporter.start(self.0.metrics.clone())
    }

    /// Writes what the guest's observer has held back, such as lines that are counted within a second. It is for a process that
    /// ends while the guest may still run; otherwise the end of the guest does it. `false`: another thread writes just now.
    #[must_use]
    pub fn flush(&self) -> bool {
        self.0.names.flush_observer()
    }

    /// Has the code in a store end when [`GuestHandle::stop`] is called, for an embedder with a store of its own. The
    /// engine must be configured with `epoch_interruption`. Other guests of the same engine go on.
    ///
    /// The call of the guest's function then returns an error that is [`guestnet_wasi::StopTrap`]. This takes the store's
    /// epoch deadline and its callback.
    #[cfg(feature = "wasi")]
    pub fn interrupt<T: 'static>(&self, store: &mut wasmtime::Store<T>) {
        // A second store of one guest has the same engine.
        let _ = self.0.engine.set(store.engine().clone());
        store.set_epoch_deadline(1);
        let stop = Arc::clone(&self.0.stop);
        store.epoch_deadline_callback(move |_| {
            if stop.load(Ordering::Relaxed) {
                Err(guestnet_wasi::StopTrap.into())
            } else {
                // Another guest of the engine is the one that ends.
                Ok(wasmtime::UpdateDeadline::Continue(1))
            }
        });
        fence(Ordering::SeqCst);
        if self.0.stop.load(Ordering::Relaxed) {
            store.set_epoch_deadline(0);
        }
    }
}
