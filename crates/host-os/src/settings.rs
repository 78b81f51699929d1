//! What an embedder sets of a host before its guest runs.

use std::path::Path;
use std::sync::Arc;

use guestnet_core::Result;

use crate::OsHost;
use crate::stop::{IdleTask, Stopper, WaitMode};
use crate::upstream::{Resolver, Upstream};

impl OsHost {
    /// Gives the thread a task to run while it waits.
    pub fn set_idle_task(&mut self, task: Arc<IdleTask>) {
        self.stop.set_idle_task(task);
    }

    /// Says whether calls of sockets and streams wait from now on. [`WaitMode::Nonblocking`] is for a thread that waits in
    /// another way, while other threads block on the same descriptors.
    pub fn set_wait_mode(&mut self, mode: WaitMode) {
        self.stop.set_wait_mode(mode);
    }

    /// Lets blocking calls wait in the kernel, so that each is one system call, and has a [`Stopper`] end them by a signal to
    /// their thread. Otherwise they try, wait by ppoll(2) for the descriptor or the stop, and try again.
    ///
    /// The signal is SIGURG, for which the process gets a handler that does nothing. A system call of this thread then may
    /// end with `EINTR`, in code that is not of this crate too. A host with an [`IdleTask`] goes on as before. It is for guests of one thread: no other
    /// host may wait on the same sockets.
    ///
    /// # Errors
    /// `EBUSY`: the process handles SIGURG itself.
    pub fn stop_by_signal(&mut self) -> Result<()> {
        self.stop.set_by_signal()
    }

    /// Sets the servers that look-ups ask from now on.
    ///
    /// # Errors
    /// `EINVAL`: no server is named.
    pub fn set_upstream(&mut self, upstream: &Upstream) -> Result<()> {
        self.resolver = Arc::new(Resolver::new(upstream)?);
        Ok(())
    }

    /// What ends this guest's waits from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stop.stopper()
    }

    /// Lets UNIX socket paths below `guest` reach the directory `host`, and nothing outside of it. It may be one that is no
    /// guest's for files (procfs): there are no sockets in such, and the links of procfs are not followed.
    ///
    /// # Errors
    /// What open(2) says of the directory.
    pub fn add_directory(&mut self, host: &Path, guest: &str) -> Result<()> {
        self.unix.add_directory(host, guest)
    }

    /// Takes relative UNIX socket paths from this process's working directory as it is at the call, for a guest that
    /// shares it. Without this they are taken from the guest's root.
    pub fn follow_working_directory(&mut self) {
        self.unix.follow_working_directory();
    }
}
