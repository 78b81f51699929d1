//! [`InFlight`]: descriptors in control data (`SCM_RIGHTS`) that are under way.
//!
//! A message carries a marker before its descriptors: the write end of a pipe, which only the message has.
//! The marker identifies the message that has come; and when the pipe's read end sees a hang-up, the message is gone:
//! it was received, or the socket that it waited in was closed. Then the files that it carried are given up here too,
//! as the kernel has done.
//!
//! Not here: sending and receiving (`message`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::host::{Host, Identity};
use crate::open_file::OpenFile;
use crate::readiness::Ready;
use crate::sync::lock;

/// `SCM_MAX_FD` of unix(7): the most descriptors in one message.
pub(crate) const MAX_RIGHTS: usize = 253;

/// The most descriptors that are under way in one guest: who sends without ever receiving holds no host's files.
const MAX_IN_FLIGHT: usize = 1024;

/// What a message carries, by its identity in the kernel. It is alive in here, also when every descriptor for it is
/// closed.
type CarriedFile<Io, F> = (Identity, Arc<OpenFile<Io, F>>);

/// One message.
#[derive(Debug)]
struct InFlightMessage<Io, F> {
    id: u64,
    /// The marker, and the end of its pipe to read from, which hangs up when the message is gone. `None`: the message has no
    /// room for one, or the host no pipes; it is known by what it carries, and kept until it is received.
    marker: Option<(Identity, Io)>,
    files: Vec<CarriedFile<Io, F>>,
}

/// The messages of one guest.
#[derive(Debug)]
pub(crate) struct InFlight<Io, F> {
    messages: Mutex<Vec<InFlightMessage<Io, F>>>,
    /// How many descriptors they carry.
    count: AtomicUsize,
    next: Mutex<u64>,
    /// Read from before a message is received until [`InFlight::receive`] has dealt with it: it has left the kernel, and
    /// its marker with it, and must not be taken for one that is lost. No thread blocks while it has this lock.
    receiving: RwLock<()>,
}

/// A message that is being sent. Its marker is dropped with this; the one in the kernel stays.
#[derive(Debug)]
pub(super) struct Sent<Io> {
    id: Option<u64>,
    marker: Option<Io>,
}

impl<Io> Sent<Io> {
    /// What goes before the message's own descriptors.
    pub(super) fn marker(&self) -> Option<&Io> {
        self.marker.as_ref()
    }
}

impl<Io, F> Default for InFlight<Io, F> {
    fn default() -> Self {
        InFlight {
            messages: Mutex::default(),
            count: AtomicUsize::new(0),
            next: Mutex::new(0),
            receiving: RwLock::new(()),
        }
    }
}

impl<Io, F> InFlight<Io, F> {
    /// Whether anything is under way. A call that misses what another thread sends just now is as if it had come first.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Takes in what a message is going to carry.
    ///
    /// # Errors
    /// `ETOOMANYREFS`.
    pub(super) fn send<H: Host<Io = Io>>(
        &self,
        host: &mut H,
        files: &[CarriedFile<Io, F>],
    ) -> Result<Sent<Io>> {
        let mut sent = Sent {
            id: None,
            marker: None,
        };
        if files.is_empty() {
            return Ok(sent);
        }
        if self.count.load(Ordering::Relaxed) + files.len() > MAX_IN_FLIGHT {
            self.sweep(host);
        }
        let mut marker = None;
        if files.len() < MAX_RIGHTS
            && let Ok((read, write)) = host.pipe()
            && let Ok(identity) = host.identity(&write)
        {
            marker = Some((identity, read));
            sent.marker = Some(write);
        }
        let id = {
            let mut next = lock(&self.next);
            *next += 1;
            *next
        };
        let mut messages = lock(&self.messages);
        let under_way = self.count.load(Ordering::Relaxed) + files.len();
        if under_way > MAX_IN_FLIGHT {
            return Err(Errno::ETOOMANYREFS);
        }
        self.count.store(under_way, Ordering::Relaxed);
        sent.id = Some(id);
        messages.push(InFlightMessage {
            id,
            marker,
            files: files.to_vec(),
        });
        Ok(sent)
    }

    /// A message was not sent after all.
    pub(super) fn give_up(&self, sent: &Sent<Io>) {
        drop(self.remove(|message| Some(message.id) == sent.id));
    }

    /// To be held while a message is received that may bring descriptors.
    pub(super) fn receiving(&self) -> RwLockReadGuard<'_, ()> {
        self.receiving.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of the message that brought descriptors with these identities, and whether some are lost, such as those
    /// of another process. They stay under way if the message was only peeked at.
    pub(super) fn receive(&self, identities: &[Identity], peek: bool) -> (Vec<Arc<OpenFile<Io, F>>>, bool) {
        let of_message = |message: &InFlightMessage<Io, F>| match &message.marker {
            Some((marker, _)) => identities.first() == Some(marker),
            None => message.files.iter().map(|(identity, _)| identity).eq(identities),
        };
        let entries = |message: &InFlightMessage<Io, F>| {
            // The host may have had no room for all.
            let came = identities.len() - usize::from(message.marker.is_some());
            let files = message.files.iter().take(came);
            (
                files.map(|(_, file)| Arc::clone(file)).collect::<Vec<_>>(),
                came < message.files.len(),
            )
        };
        let found = if peek {
            lock(&self.messages)
                .iter()
                .find(|message| of_message(message))
                .map(entries)
        } else {
            self.remove(of_message).as_ref().map(entries)
        };
        found.unwrap_or_else(|| (Vec::new(), !identities.is_empty()))
    }

    /// Gives up what messages carried that are gone: they were waiting in a socket that was closed.
    pub(crate) fn sweep<H: Host<Io = Io>>(&self, host: &mut H) {
        let mut gone = |message: &InFlightMessage<Io, F>| {
            message.marker.as_ref().is_some_and(|(_, read)| {
                // Nothing is ever written to it.
                host.wait(read, Ready::READ, Some(Duration::ZERO)) == Ok(true)
            })
        };
        loop {
            let receiving = self.receiving.write().unwrap_or_else(PoisonError::into_inner);
            let dead: Vec<_> = lock(&self.messages)
                .extract_if(.., |message| gone(message))
                .collect();
            drop(receiving);
            if dead.is_empty() {
                return;
            }
            let files: usize = dead.iter().map(|message| message.files.len()).sum();
            self.count.fetch_sub(files, Ordering::Relaxed);
            // One of these may be a socket in which others were waiting.
            drop(dead);
        }
    }

    fn remove(&self, which: impl Fn(&InFlightMessage<Io, F>) -> bool) -> Option<InFlightMessage<Io, F>> {
        let mut messages = lock(&self.messages);
        let node = messages.iter().position(which)?;
        let message = messages.remove(node);
        self.count.fetch_sub(message.files.len(), Ordering::Relaxed);
        Some(message)
    }
}
