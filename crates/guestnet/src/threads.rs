//! [`ThreadedGuest`]: a guest whose threads share their descriptors, and each have a host to wait with.

use std::net::SocketAddr;
use std::sync::Arc;

use guestnet_core::{Fd, Guest, SharedGuestThread};
use guestnet_host_os::{Io, OsHost};

use crate::error::Error;
use crate::handle::GuestHandle;
use crate::options::Options;
use crate::setup::GuestSetup;

/// A guest of several threads, for an adapter whose programs have threads. It has no descriptor yet: the adapter gives it
/// the streams and the listeners under numbers of its own.
#[derive(Debug)]
pub struct ThreadedGuest<F> {
    /// The first thread. Each further one is [`Guest::thread`] of [`SharedGuestThread::guest`], around a
    /// [`OsHost::sibling`] of [`ThreadedGuest::spare`].
    pub thread: SharedGuestThread<OsHost, F>,
    /// What the hosts of further threads are made from: they have the same directories, resolver and stub.
    pub spare: OsHost,
    /// Ends the waits of the first thread. Those of another one are ended by its own host's
    /// [`stopper`](OsHost::stopper).
    pub handle: GuestHandle,
    /// The standard streams that the options give.
    pub streams: [Option<Io>; 3],
    /// The sockets and listeners that the options give.
    pub listeners: Vec<Io>,
    /// Where the listeners of [`Options::listen`] are.
    pub listening: Vec<SocketAddr>,
}

impl Options {
    /// Makes a guest of several threads. `reserved` descriptors from 0 on are the adapter's own, which it opens itself.
    /// Arguments, environment, the limit of memory and the files of directories are the adapter's business: they do nothing
    /// here.
    ///
    /// # Errors
    /// [`Error`].
    pub fn threads<F>(&mut self, reserved: Fd) -> Result<ThreadedGuest<F>, Error> {
        // A thread that knows no signal could wait on a socket that another one lets wait in the kernel.
        self.stop_by_signal = false;
        let GuestSetup {
            host,
            policy,
            capacity,
            attachments,
            streams,
            listeners,
            listening,
        } = GuestSetup::new(self)?;
        drop(std::mem::take(self));
        let spare = host.sibling().map_err(Error::Host)?;
        let stopper = host.stopper();
        let mut thread = Guest::new(policy, capacity, reserved).thread(host);
        attachments.attach(&mut thread);
        let handle = GuestHandle::new(stopper, thread.names(), thread.metrics(), Arc::default());
        Ok(ThreadedGuest {
            thread,
            spare,
            handle,
            streams,
            listeners,
            listening,
        })
    }
}
