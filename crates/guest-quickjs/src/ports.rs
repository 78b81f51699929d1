//! [`Workers`]: a script's ports to its workers, and the queues between them.
//!
//! Messages go through two queues; a pipe for each wakes the event loop of the receiver. Not here: the class `Worker`
//! (`os/worker.rs`), and how a value becomes a message (`sys/message.rs`).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guestnet_core::{Fd, Guest, Host, SharedGuestThread};
use rquickjs::{Function, Persistent};

use crate::budget::Charge;
use crate::file::File;
use crate::native_modules::Declarations;
use crate::os::dir::Directories;
use crate::sys::heap::{Bytes, Memory};
use crate::sys::message::Message;
use crate::waiters::Waiters;

/// The most that may wait in one direction, in bytes: what the receiver does not take must not fill the memory of all.
const MAX_QUEUED: usize = 64 << 20;

/// One direction between two scripts.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<QueueState>,
    /// The pipe that wakes the receiver. Only the sender's thread writes to it, and closes the writing end.
    pub(crate) read: Fd,
    pub(crate) write: Fd,
    /// The writing end is closed: its number may be another descriptor's by now.
    shut: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct QueueState {
    pub(crate) messages: VecDeque<Message>,
    pub(crate) bytes: usize,
    /// Nothing more will be sent, or taken.
    pub(crate) closed: bool,
}

/// The result of [`Queue::push`].
pub(crate) enum PushResult {
    /// The receiver must be woken.
    First,
    Behind,
    Full,
    Closed,
}

impl Queue {
    pub(crate) fn new<H: Host + 'static>(
        guest: &mut SharedGuestThread<H, File>,
    ) -> guestnet_core::Result<Arc<Queue>> {
        let (read, write) = guest.pipe()?;
        let set = guest
            .set_nonblocking(read, true)
            .and_then(|()| guest.set_nonblocking(write, true));
        if let Err(errno) = set {
            let _ = guest.close(read);
            let _ = guest.close(write);
            return Err(errno);
        }
        Ok(Arc::new(Queue {
            waiting: Mutex::default(),
            read,
            write,
            shut: AtomicBool::new(false),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the receiver. A pipe that is full has woken it already, and so has one that is shut. No lock is held: the
    /// script may have put anything in the pipe's place.
    pub(crate) fn wake<H: Host + 'static>(&self, guest: &mut SharedGuestThread<H, File>) {
        if !self.shut.load(Ordering::Relaxed) {
            let _ = guest.write(self.write, &mut [IoSlice::new(&[0])]);
        }
    }

    /// As [`Queue::close`], without waking the receiver.
    pub(crate) fn abandon(&self) {
        self.lock().closed = true;
    }

    /// The receiver ends: drops the messages that wait. Those that are sent later are dropped too.
    pub(crate) fn discard(&self) {
        let messages = {
            let mut waiting = self.lock();
            waiting.closed = true;
            waiting.bytes = 0;
            std::mem::take(&mut waiting.messages)
        };
        drop(messages);
    }

    /// Closes the queue and the pipe's writing end: the pipe stays readable.
    pub(crate) fn shut<H: Host + 'static>(&self, guest: &mut SharedGuestThread<H, File>) {
        self.abandon();
        if !self.shut.swap(true, Ordering::Relaxed) {
            // The script may have closed it.
            let _ = guest.close(self.write);
        }
    }

    /// Closes both ends of the pipe.
    pub(crate) fn remove<H: Host + 'static>(&self, guest: &mut SharedGuestThread<H, File>) {
        self.shut(guest);
        let _ = guest.close(self.read);
    }

    /// Reads the bytes that senders wrote to wake the receiver.
    pub(crate) fn drain<H: Host + 'static>(&self, guest: &mut SharedGuestThread<H, File>) {
        let mut bytes = [0; 64];
        while let Ok(count) = guest.read(self.read, &mut [IoSliceMut::new(&mut bytes)]) {
            if count < bytes.len() {
                break;
            }
        }
    }

    /// Appends a message.
    pub(crate) fn push(&self, message: Message) -> PushResult {
        let mut waiting = self.lock();
        if waiting.closed {
            return PushResult::Closed;
        }
        let bytes = waiting.bytes.saturating_add(message.size());
        if bytes > MAX_QUEUED {
            return PushResult::Full;
        }
        waiting.bytes = bytes;
        waiting.messages.push_back(message);
        if waiting.messages.len() == 1 {
            PushResult::First
        } else {
            PushResult::Behind
        }
    }

    /// Closes the queue: no message follows.
    pub(crate) fn close<H: Host + 'static>(&self, guest: &mut SharedGuestThread<H, File>) {
        self.lock().closed = true;
        self.wake(guest);
    }
}

/// The queues of one port, as one of its two scripts has them.
#[derive(Clone, Debug)]
pub(crate) struct QueuePair {
    pub(crate) incoming: Arc<Queue>,
    pub(crate) outgoing: Arc<Queue>,
}

impl QueuePair {
    pub(crate) fn other(&self) -> QueuePair {
        QueuePair {
            incoming: Arc::clone(&self.outgoing),
            outgoing: Arc::clone(&self.incoming),
        }
    }
}

/// Stops a worker from another thread.
pub(crate) struct StopHandle {
    /// Ends its script when it computes.
    pub(crate) flag: Arc<AtomicBool>,
    /// Wakes it when it waits.
    pub(crate) wake: Box<dyn Fn() + Send>,
}

/// The parts that a new worker is made of.
pub(crate) struct WorkerSetup<H: Host + 'static> {
    /// What its thread shares with the script's.
    pub(crate) guest: Guest<H, File>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) waiters: Arc<Waiters<H>>,
    /// The modules that an embedder has added.
    pub(crate) modules: Arc<Declarations>,
    /// Copies of the script's own, as they are now.
    pub(crate) directories: Directories,
    pub(crate) scripts: Directories,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) ends: QueuePair,
    pub(crate) name: String,
    pub(crate) source: Bytes,
    /// What its thread counts for, and what its engine takes first.
    pub(crate) charge: (Charge, Charge),
}

/// Starts a worker's thread.
pub(crate) type Spawn<H> = Arc<dyn Fn(WorkerSetup<H>) -> io::Result<StopHandle> + Send + Sync>;

/// The workers of a script.
pub(crate) struct Workers<H: Host + 'static> {
    /// Starts one; `None` in a worker, and where the embedder offers no threads.
    pub(crate) spawn: Option<Spawn<H>>,
    /// In a worker, the queues to the script that started it.
    pub(crate) parent: Option<QueuePair>,
    /// By numbers of their own: the script may close a port's descriptor, and the next port then has the same one.
    pub(crate) ports: RefCell<BTreeMap<PortId, Port>>,
    pub(crate) last: Cell<PortId>,
}

/// Identifies a port; never used twice.
pub(crate) type PortId = u64;

/// A script's end of the queues to one worker, or of a worker's to its parent.
pub(crate) struct Port {
    pub(crate) ends: QueuePair,
    pub(crate) handler: Option<Persistent<Function<'static>>>,
    /// The worker behind it; `None` for a worker's parent.
    pub(crate) halt: Option<StopHandle>,
}

impl<H: Host + 'static> Workers<H> {
    pub(crate) fn new(spawn: Option<Spawn<H>>, parent: Option<QueuePair>) -> Self {
        Workers {
            spawn,
            parent,
            ports: RefCell::default(),
            last: Cell::new(0),
        }
    }

    /// Whether the script has or had other threads than its own.
    pub(crate) fn had_any(&self) -> bool {
        self.parent.is_some() || self.last.get() != 0
    }

    /// Whether a worker has not ended yet.
    pub(crate) fn any_runs(&self) -> bool {
        self.ports
            .borrow()
            .values()
            .any(|port| port.halt.is_some() && !port.ends.incoming.lock().closed)
    }

    /// Drops every JavaScript value, and stops every worker: it does not outlive the script.
    pub(crate) fn forget(&self) {
        let ports = std::mem::take(&mut *self.ports.borrow_mut());
        for port in ports.values() {
            if let Some(halt) = &port.halt {
                stop(halt);
            }
        }
    }
}

/// Ends a worker, wherever it is.
pub(crate) fn stop(halt: &StopHandle) {
    halt.flag.store(true, Ordering::Relaxed);
    (halt.wake)();
}
