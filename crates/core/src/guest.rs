//! [`Guest`]: one sandboxed program's descriptors and its policy; [`GuestThread`]: what one of its threads calls.
//!
//! Every call that an adapter can make is a method of `GuestThread`, here or in the modules of its noun; the host itself stays private,
//! so that nothing reaches the network except through the gate.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::addr::Domain;
use crate::capacity::{Capacity, Room, SocketPermit};
use crate::cell::Flag;
use crate::errno::{Errno, Result};
use crate::fd::{Descriptor, Fd, SharedTable, Slots, Table, Target, find};
use crate::gate::Gate;
use crate::host::{Clock, Host};
use crate::metrics::{Counters, Metrics, ThreadCounter};
use crate::open_file::{Holds, OpenFile, Stream};
use crate::policy::Policy;
use crate::poll_list::PollList;
use crate::quota::Meter;
use crate::socket::{InFlight, Socket};
use crate::sync::lock;
use crate::trace::Observer;

/// A sandboxed program as the core knows it: its descriptors, policy, names, limits and observer.
///
/// Its threads share all of it. Each calls through a [`GuestThread`] of its own, which has a host of its own to wait with:
/// no lock is held while a call waits or moves data.
///
/// `H` is where its sockets come from; `F` is what the adapter keeps for a file that is not the core's own; `T` holds the
/// descriptors. A guest of one thread needs no lock around its table: [`GuestThread::new`].
#[derive(Debug)]
pub struct Guest<H: Host, F, T = SharedTable<OpenFile<<H as Host>::Io, F>>> {
    pub(crate) table: T,
    pub(crate) gate: Gate,
    pub(crate) traced: bool,
    /// What is left of its capacity.
    pub(crate) room: Arc<Room>,
    /// What the policy limits of the bytes that are moved.
    pub(crate) meter: Option<Arc<Meter>>,
    /// Descriptors in control data that were sent and not yet received.
    pub(crate) in_flight: Arc<InFlight<H::Io, F>>,
    pub(crate) counters: Arc<Counters>,
}

/// The handle that one thread of a guest makes its calls with.
///
/// Every call that an adapter can make is a method of it.
#[derive(Debug)]
pub struct GuestThread<H: Host, F, T = Table<OpenFile<<H as Host>::Io, F>>> {
    pub(crate) host: H,
    pub(crate) guest: Guest<H, F, T>,
    /// Datagrams whose sender must be judged first land here (`socket::transfer`).
    pub(crate) scratch: Vec<u8>,
    /// What it polls.
    pub(crate) poll: PollList,
    /// What this thread has done.
    pub(crate) counter: ThreadCounter,
}

/// What a call works with after it has looked its descriptor up: the guest without its table. A call does so once, and
/// decides kind, mode, metering and permission from the entry that it holds, whatever other threads do to the number
/// meanwhile; so nothing that takes a `Call` takes a number.
#[derive(Debug)]
pub(crate) struct Call<'g, H: Host, F> {
    pub(crate) host: &'g mut H,
    pub(crate) gate: &'g mut Gate,
    pub(crate) scratch: &'g mut Vec<u8>,
    pub(crate) meter: Option<&'g Meter>,
    pub(crate) in_flight: &'g InFlight<H::Io, F>,
    pub(crate) counter: &'g ThreadCounter,
}

/// A descriptor of a guest of several threads.
pub type SharedDescriptor<H, F> = Descriptor<Arc<OpenFile<<H as Host>::Io, F>>>;

/// A thread of a guest that has several.
pub type SharedGuestThread<H, F> = GuestThread<H, F, SharedTable<OpenFile<<H as Host>::Io, F>>>;

/// An open file that is kept from being closed: [`GuestThread::hold_lingering`].
#[derive(Debug)]
pub struct LingeringFile<H: Host, F>(Arc<OpenFile<H::Io, F>>);

impl<H: Host, F> GuestThread<H, F> {
    /// A guest of one thread, without descriptors.
    #[must_use]
    pub fn new(host: H, policy: Arc<Policy>, capacity: Capacity) -> Self {
        GuestThread::of(
            Guest::with_table(policy, Table::new(capacity.descriptors), capacity),
            host,
        )
    }

    /// The adapter's file behind a descriptor.
    ///
    /// # Errors
    /// `EBADF`; `Ok(None)` if it is a socket or a stream.
    pub fn file(&self, fd: Fd) -> Result<Option<&F>> {
        Ok(match self.guest.table.entry(fd)? {
            OpenFile::File(file) => Some(file),
            OpenFile::Socket(_) | OpenFile::Stream(_) => None,
        })
    }

    /// Every open descriptor, lowest first.
    pub fn descriptors(&self) -> impl Iterator<Item = (Fd, &OpenFile<H::Io, F>)> {
        self.guest.table.iter()
    }
}

impl<H: Host, F> Guest<H, F> {
    /// A guest of several threads, without descriptors and threads yet. The adapter chooses the numbers below `reserved`
    /// ([`GuestThread::install_at`]).
    #[must_use]
    pub fn new(policy: Arc<Policy>, capacity: Capacity, reserved: Fd) -> Self {
        let table = Table::reserving(reserved, capacity.descriptors);
        Guest::with_table(policy, SharedTable::new(table), capacity)
    }

    /// One more thread of it. `host` is the thread's own; what it shares with those of other threads is the host's affair.
    #[must_use]
    pub fn thread(&self, host: H) -> SharedGuestThread<H, F> {
        GuestThread::of(self.clone(), host)
    }
}

impl<H: Host, F> Clone for Guest<H, F> {
    /// The same guest: nothing of it is copied.
    fn clone(&self) -> Self {
        Guest {
            table: self.table.clone(),
            gate: self.gate.clone(),
            traced: self.traced,
            room: Arc::clone(&self.room),
            meter: self.meter.clone(),
            in_flight: Arc::clone(&self.in_flight),
            counters: Arc::clone(&self.counters),
        }
    }
}

/// How many guests this process has had, up to two.
static GUESTS: AtomicU8 = AtomicU8::new(0);

/// Whether this process has never had more than one guest: then what the kernel says of the process, it says of the guest.
pub(crate) fn is_only_guest() -> bool {
    GUESTS.load(Ordering::Relaxed) < 2
}

impl<H: Host, F, T> Guest<H, F, T> {
    fn with_table(policy: Arc<Policy>, table: T, capacity: Capacity) -> Self {
        // It saturates, so that no number of guests makes the first one alone again.
        let _ = GUESTS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            Some(count.saturating_add(1))
        });
        let meter = Meter::new(policy.limits()).map(Arc::new);
        let gate = Gate::new(policy);
        Guest {
            meter,
            table,
            counters: Arc::clone(&gate.names.counters),
            gate,
            traced: false,
            room: Room::new(capacity),
            in_flight: Arc::default(),
        }
    }

    /// What the guest has done so far, all of its threads together.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::new(&self.counters, &self.room)
    }

    /// Installs the observer of its calls and denials. Threads that were made before do not trace.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.traced = observer.wants_calls();
        self.gate.audited = observer.wants_decisions();
        self.gate.names.set_audited(self.gate.audited);
        *lock(&self.gate.names.observer) = Some(observer);
    }
}

impl<H: Host, F> SharedGuestThread<H, F> {
    /// The guest that this is a thread of.
    #[must_use]
    pub fn guest(&self) -> &Guest<H, F> {
        &self.guest
    }

    /// dup(2): one more descriptor for the same open file description.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn dup(&mut self, fd: Fd) -> Result<Fd> {
        let result = self.guest.table.dup(fd);
        self.traced("dup", result, |fd| u64::from(*fd), format_args!("{fd}"))
    }

    /// Moves a descriptor to a number that is the adapter's to give. A file of the adapter that was there comes
    /// back, for the adapter to close; anything else that was there is closed.
    ///
    /// # Errors
    /// `EBADF`: `from` is not open, or `to` not a reserved number.
    pub fn install_at(&mut self, from: Fd, to: Fd) -> Result<Option<F>> {
        let old = self.guest.table.install_at(from, to)?;
        Ok(old.and_then(|entry| self.discard(entry)))
    }

    /// Keeps a socket open whose close(2) would wait for `SO_LINGER`, so that another thread can close its descriptor
    /// without waiting; [`GuestThread::let_go`] then waits. `None` for everything else.
    pub fn hold_lingering(&mut self, fd: Fd) -> Option<LingeringFile<H, F>> {
        let entry = self.guest.table.entry(fd).ok()?;
        let lingers = entry.socket().is_ok_and(|socket| self.host.lingers(&socket.io));
        lingers.then_some(LingeringFile(entry))
    }

    /// Gives up what was held. If this was the last reference, the file is closed, on this thread.
    pub fn let_go(&mut self, held: LingeringFile<H, F>) {
        if let Some(entry) = Arc::into_inner(held.0) {
            self.discard(entry);
        }
    }

    /// Every open descriptor, lowest first, as of now.
    pub fn open_descriptors(&self) -> Vec<Fd> {
        self.guest.table.descriptors()
    }
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    fn of(guest: Guest<H, F, T>, mut host: H) -> Self {
        host.set_peer_judge(guest.gate.peer_judge());
        GuestThread {
            host,
            counter: guest.counters.thread(),
            guest,
            scratch: Vec::new(),
            poll: PollList::default(),
        }
    }

    /// [`Guest::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.guest.metrics()
    }

    /// [`Guest::observe`].
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.guest.observe(observer);
    }

    /// How large the guest may grow, for an adapter that bounds what it keeps itself.
    pub fn capacity(&self) -> Capacity {
        self.guest.room.capacity()
    }

    /// The time of a clock of the host.
    pub fn now(&self, clock: Clock) -> Duration {
        self.host.now(clock)
    }

    /// Enters a file of the adapter at the lowest free number.
    ///
    /// # Errors
    /// `EMFILE`; the file comes back, for the adapter to close.
    pub fn insert_file(&mut self, file: F) -> Result<Fd, (Errno, F)> {
        self.guest
            .table
            .insert(OpenFile::File(file))
            .map_err(|(errno, entry)| match entry {
                OpenFile::File(file) => (errno, file),
                OpenFile::Socket(_) | OpenFile::Stream(_) => unreachable!("what went in comes back"),
            })
    }

    /// Enters a byte stream of the host, such as standard input, at the lowest free number.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn insert_stream(&mut self, io: H::Io) -> Result<Fd> {
        let stream = self.stream(io, None);
        self.insert_made(stream)
    }

    /// A byte stream that is not in the table yet.
    pub(crate) fn stream(&mut self, io: H::Io, holds: Option<Holds>) -> OpenFile<H::Io, F> {
        OpenFile::Stream(Stream {
            kind: self.host.stream_kind(&io),
            io,
            nonblocking: Flag::new(false),
            _holds: holds,
        })
    }

    /// Looks a descriptor up, for a call that has more to read before it is made.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn look_up(&self, fd: Fd) -> Result<Descriptor<T::Pin>> {
        Ok(Descriptor::new(fd, self.guest.table.pin(fd)?))
    }

    /// [`GuestThread::look_up`] for what only a socket answers.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    #[inline]
    pub fn look_up_socket(&self, fd: Fd) -> Result<Descriptor<T::Pin>> {
        let descriptor = self.look_up(fd)?;
        self.guest.table.pinned(&descriptor.pin)?.socket()?;
        Ok(descriptor)
    }

    /// What a descriptor is.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn open_file(&self, fd: Fd) -> Result<T::Ref<'_>> {
        self.guest.table.entry(fd)
    }

    /// The number that the next descriptor will get.
    ///
    /// # Errors
    /// `EMFILE` if there is none left.
    pub fn next_descriptor(&mut self) -> Result<Fd> {
        self.guest.table.lowest_free()
    }

    /// close(2). A file of the adapter comes back, for the adapter to close.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&mut self, fd: Fd) -> Result<Option<F>> {
        let result = self
            .guest
            .table
            .remove(fd)
            .map(|entry| entry.and_then(|entry| self.discard(entry)));
        self.traced("close", result, |_| 0, format_args!("{fd}"))
    }

    /// dup2(2) followed by close of the source, atomically (`fd_renumber` of WASI). A file of the adapter that was
    /// at `to` comes back, for the adapter to close.
    ///
    /// # Errors
    /// `EBADF` if either is not open.
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<F>> {
        let result = self
            .guest
            .table
            .renumber(from, to)
            .map(|old| old.and_then(|entry| self.discard(entry)));
        self.traced("renumber", result, |_| 0, format_args!("{from}, {to}"))
    }

    /// Whether a call on the descriptor returns `EAGAIN` instead of waiting (`O_NONBLOCK`).
    ///
    /// # Errors
    /// `EBADF`; files of the adapter are `false`.
    pub fn nonblocking(&self, fd: impl Target<T::Pin>) -> Result<bool> {
        Ok(match &*find(&fd, &self.guest.table)? {
            OpenFile::Socket(socket) => socket.nonblocking.get(),
            OpenFile::Stream(stream) => stream.nonblocking.get(),
            OpenFile::File(_) => false,
        })
    }

    /// Sets `O_NONBLOCK` (fcntl(2), `F_SETFL`) on a socket or stream.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_nonblocking(&mut self, fd: impl Target<T::Pin>, on: bool) -> Result<()> {
        match &*find(&fd, &self.guest.table)? {
            OpenFile::Socket(socket) => socket.nonblocking.set(on),
            OpenFile::Stream(stream) => stream.nonblocking.set(on),
            OpenFile::File(_) => {}
        }
        Ok(())
    }

    /// Takes back that the host was stopped from outside: later waits wait again ([`Host::resume`]).
    pub fn resume(&mut self) {
        self.host.resume();
    }

    /// The table, and everything else that a call needs.
    #[inline]
    pub(crate) fn split(&mut self) -> (&mut T, Call<'_, H, F>) {
        let call = Call {
            host: &mut self.host,
            gate: &mut self.guest.gate,
            scratch: &mut self.scratch,
            meter: self.guest.meter.as_deref(),
            in_flight: &self.guest.in_flight,
            counter: &self.counter,
        };
        (&mut self.guest.table, call)
    }

    /// Looks a descriptor up, once, and calls `with` with what it is.
    #[inline]
    pub(crate) fn with_open_file<R>(
        &mut self,
        fd: impl Target<T::Pin>,
        with: impl FnOnce(&mut Call<'_, H, F>, &OpenFile<H::Io, F>) -> Result<R>,
    ) -> Result<R> {
        let (table, mut call) = self.split();
        let entry = find(&fd, table)?;
        with(&mut call, &entry)
    }

    /// [`GuestThread::with_open_file`] for what only a socket answers.
    #[inline]
    pub(crate) fn with_socket<R>(
        &mut self,
        fd: impl Target<T::Pin>,
        with: impl FnOnce(&mut Call<'_, H, F>, &Socket<H::Io>) -> Result<R>,
    ) -> Result<R> {
        self.with_open_file(fd, |call, entry| with(call, entry.socket()?))
    }

    /// Takes a place for one more socket, if there is also a number for it.
    pub(crate) fn permit(&mut self) -> Result<SocketPermit> {
        let permit = self.guest.room.permit()?;
        self.guest.table.lowest_free().map(|_| permit)
    }

    /// Enters what was made at the lowest free number.
    pub(crate) fn insert_made(&mut self, entry: OpenFile<H::Io, F>) -> Result<Fd> {
        self.guest.table.insert(entry).map_err(|(errno, entry)| {
            self.discard(entry);
            errno
        })
    }

    /// Enters both ends of what was made, or neither.
    pub(crate) fn insert_pair(
        &mut self,
        one: OpenFile<H::Io, F>,
        other: OpenFile<H::Io, F>,
    ) -> Result<(Fd, Fd)> {
        self.guest.table.insert_pair(one, other).map_err(|(errno, pair)| {
            for entry in pair {
                self.discard(entry);
            }
            errno
        })
    }

    /// Gives the observer a call that returned, if it wants calls, and hands its result on.
    #[inline]
    pub(crate) fn traced<R>(
        &mut self,
        name: &'static str,
        result: Result<R>,
        value: impl FnOnce(&R) -> u64,
        args: fmt::Arguments<'_>,
    ) -> Result<R> {
        self.counter.returned(&result);
        if self.guest.traced {
            self.trace(name, &result, value, args);
        }
        result
    }

    /// Gives the observer a call that returned. Callers test `traced` first: without an observer of calls that is all that
    /// a trace costs.
    #[cold]
    pub(crate) fn trace<R>(
        &mut self,
        name: &'static str,
        result: &Result<R>,
        value: impl FnOnce(&R) -> u64,
        args: fmt::Arguments<'_>,
    ) {
        // The adapter waits elsewhere and makes the call again, which is then the one to show.
        let unfinished = matches!(result, Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EALREADY));
        if self.host.take_refused_wait() && unfinished {
            return;
        }
        if let Some(observer) = &mut *lock(&self.guest.gate.names.observer) {
            observer.call(name, args, result.as_ref().map(value).map_err(|errno| *errno));
        }
    }

    fn discard(&mut self, entry: OpenFile<H::Io, F>) -> Option<F> {
        match entry {
            OpenFile::Socket(socket) => {
                let domain = socket.domain;
                self.host.close(socket.io);
                if domain == Domain::Unix && !self.guest.in_flight.is_empty() {
                    self.guest.in_flight.sweep(&mut self.host);
                }
                None
            }
            OpenFile::Stream(stream) => {
                self.host.close(stream.io);
                None
            }
            OpenFile::File(file) => Some(file),
        }
    }
}
