//! [`ComponentCtx`]: what a store keeps for a component, and [`State`], what its functions work on.

use guestnet_core::{Errno, Fd, GuestThread, Host, Table};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::error::{has_children, wrong_kind};
use super::file_stream::{Reader, Writer};
use super::lend::{Lender, Lent, PIECE};
use super::object::{Handle, MAX_SLOTS, Object, Role, Slot, TcpSocket, UdpSocket};
use super::open_files::OpenFiles;
use super::stdio_children::Stdio;
use crate::state::{File, GuestCtx};

/// Places for each descriptor that the guest may have: pollables of clocks and streams of files have some too.
const SLOTS_PER_DESCRIPTOR: usize = 2;

/// One component's WASI: a [`GuestCtx`], and what WASI 0.2 has more of than descriptors.
///
/// A store's data is this, or contains it ([`ComponentView`]). Made from a [`GuestCtx`], so that a guest is put together in one
/// way, whatever it is.
pub struct ComponentCtx<H: Host>(
    /// Taken out for as long as a call looks into the guest's memory, which the store owns too.
    Option<Box<State<H>>>,
);

impl<H: Host> std::fmt::Debug for ComponentCtx<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentCtx").finish_non_exhaustive()
    }
}

impl<H: Host> From<GuestCtx<H>> for ComponentCtx<H> {
    fn from(ctx: GuestCtx<H>) -> Self {
        ComponentCtx(Some(Box::new(State::new(ctx))))
    }
}

impl<H: Host> ComponentCtx<H> {
    /// The guest's sockets and policy.
    pub fn guest(&mut self) -> &mut GuestThread<H, File> {
        &mut self.state().ctx.guest
    }

    /// wasmtime-wasi's part, for other interfaces that an embedder adds to the linker.
    pub fn wasi(&mut self) -> WasiCtxView<'_> {
        self.state().ctx.inner.ctx()
    }

    /// Waits until the kernel has taken what the guest has written; a peer that takes nothing for a minute gets no more. To be called when
    /// the guest has ended by itself, and closes its other connections. A stop of the guest ends the wait.
    ///
    /// # Errors
    /// `EINTR`: the guest was stopped.
    pub fn finish(&mut self) -> Result<(), Errno> {
        self.state().send_all()
    }

    pub(crate) fn state(&mut self) -> &mut State<H> {
        #[expect(
            clippy::unreachable,
            reason = "a call that has taken it out puts it back before any other call can begin"
        )]
        match &mut self.0 {
            Some(state) => state,
            None => unreachable!("the state is put back at the end of each call"),
        }
    }

    /// Takes the state out, for a call that reads the guest's memory; [`ComponentCtx::put_back`] follows.
    pub(crate) fn take(&mut self) -> Option<Box<State<H>>> {
        self.0.take()
    }

    pub(crate) fn put_back(&mut self, state: Box<State<H>>) {
        self.0 = Some(state);
    }
}

/// How a store's data leads to its [`ComponentCtx`], as wasmtime-wasi's [`WasiView`] leads to a `WasiCtx`.
pub trait ComponentView: Send + 'static {
    /// Where the guest's sockets come from.
    type Host: Host<Io: Send> + Send + 'static;

    /// The component's WASI.
    fn component(&mut self) -> &mut ComponentCtx<Self::Host>;
}

impl<H: Host<Io: Send + Sync> + Send + 'static> ComponentView for ComponentCtx<H> {
    type Host = H;

    fn component(&mut self) -> &mut ComponentCtx<H> {
        self
    }
}

/// What the functions of a component work on.
pub(crate) struct State<H: Host> {
    pub(crate) ctx: GuestCtx<H>,
    pub(crate) slots: Table<Slot<H::Io>>,
    /// The places of sockets with bytes that the kernel has not taken.
    pub(crate) unsent: Vec<u32>,
    /// How many bytes these are.
    pub(crate) unsent_bytes: usize,
    /// Look-ups that are not over.
    pub(crate) lookups: usize,
    pub(crate) files: OpenFiles,
    /// The names in the lists of directories that the guest has.
    pub(crate) listed: usize,
    /// The standard streams that the guest has.
    pub(crate) stdio: Stdio,
    /// The buffer that what is read comes in.
    spare: Lender,
}

impl<H: Host> State<H> {
    pub(super) fn new(mut ctx: GuestCtx<H>) -> Self {
        // So that no call waits but those that have to: who waits does so by a poll in which all sockets take part.
        for stream in 0..3 {
            // Its number may be closed.
            let _ = ctx.guest.set_nonblocking(stream, true);
        }
        let descriptors = ctx.guest.capacity().descriptors;
        // Open files, lists of directories, and errors of streams that the guest has kept.
        ctx.inner.ctx().table.set_max_capacity(descriptors);
        let slots = descriptors.saturating_mul(SLOTS_PER_DESCRIPTOR).min(MAX_SLOTS);
        State {
            ctx,
            slots: Table::new(slots),
            unsent: Vec::new(),
            unsent_bytes: 0,
            lookups: 0,
            files: OpenFiles::default(),
            listed: 0,
            stdio: Stdio::default(),
            spare: Lender::default(),
        }
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        self.ctx.inner.ctx().table
    }

    /// Gives an object a place.
    ///
    /// # Errors
    /// `EMFILE`: there is none left. The object comes back.
    pub(crate) fn insert(&mut self, object: Object<H::Io>) -> Result<u32, (Errno, Object<H::Io>)> {
        self.slots
            .insert(Slot::new(object))
            .map_err(|(errno, slot)| (errno, slot.object))
    }

    pub(crate) fn slot(&mut self, slot: u32) -> wasmtime::Result<&mut Slot<H::Io>> {
        // The only resources that lead here are those that were given out and not dropped.
        self.slots
            .entry_mut(slot)
            .map_err(|_| wasmtime::format_err!("a resource that is gone"))
    }

    pub(crate) fn tcp(&mut self, handle: Handle) -> wasmtime::Result<&mut TcpSocket> {
        match &mut self.slot(handle.slot)?.object {
            Object::Tcp(socket) => Ok(socket),
            _ => Err(wrong_kind()),
        }
    }

    pub(crate) fn udp(&mut self, handle: Handle) -> wasmtime::Result<&mut UdpSocket> {
        match &mut self.slot(handle.slot)?.object {
            Object::Udp(socket) => Ok(socket),
            _ => Err(wrong_kind()),
        }
    }

    /// Counts one more pollable of a resource, which is the pollable's own number then.
    pub(crate) fn subscribe(&mut self, handle: Handle) -> wasmtime::Result<()> {
        *self.pollables(handle)? += 1;
        Ok(())
    }

    /// How many pollables of a resource the guest has.
    pub(crate) fn pollables(&mut self, handle: Handle) -> wasmtime::Result<&mut u32> {
        match handle.role {
            Role::Stdio => self.stdio.pollables(handle.slot),
            _ => Ok(self.slot(handle.slot)?.pollables(handle.role)),
        }
    }

    /// Takes an object out of its place, because the guest has dropped the resource.
    ///
    /// # Errors
    /// The guest still has a stream or pollable of it: the order of drops is the guest's mistake.
    pub(crate) fn remove(&mut self, handle: Handle) -> wasmtime::Result<Object<H::Io>> {
        self.check_childless(handle)?;
        let slot = self.slots.remove(handle.slot)?;
        Ok(slot.object)
    }

    /// Takes an object out of its place, as [`State::remove`], and gives back what it holds.
    ///
    /// # Errors
    /// As of [`State::remove`].
    pub(crate) fn drop_object(&mut self, handle: Handle) -> wasmtime::Result<()> {
        let object = self.remove(handle)?;
        self.discard(object);
        Ok(())
    }

    /// Closes a descriptor of the core that the guest has no number of.
    pub(crate) fn close(&mut self, fd: Fd) {
        // It is open: its number is the adapter's alone.
        let _ = self.ctx.guest.close(fd);
    }

    /// Gives back what an object holds beside its place: a look-up its question, a file's stream the file, a list its
    /// names.
    pub(crate) fn discard(&mut self, object: Object<H::Io>) {
        match object {
            Object::Lookup(lookup) => {
                self.lookups = self.lookups.saturating_sub(1);
                self.ctx.guest.getaddrinfo_cancel(lookup);
            }
            Object::Reader(Reader { file: Some(fd), .. }) | Object::Writer(Writer { file: Some(fd), .. }) => {
                if let Some(fd) = self.files.release(fd) {
                    self.close(fd);
                }
            }
            Object::List(list) => self.listed = self.listed.saturating_sub(list.len),
            Object::Reader(_)
            | Object::Writer(_)
            | Object::Tcp(_)
            | Object::Udp(_)
            | Object::Addresses(_)
            | Object::Timer(_) => {}
        }
    }

    /// Whether the guest may drop this.
    ///
    /// # Errors
    /// As of [`State::remove`].
    pub(crate) fn check_childless(&mut self, handle: Handle) -> wasmtime::Result<()> {
        if !self.slot(handle.slot)?.is_childless(handle.role) {
            return Err(has_children());
        }
        Ok(())
    }

    /// A buffer to read at most `len` bytes into.
    pub(crate) fn lend(&self, len: u64) -> Lent {
        let len = usize::try_from(len).unwrap_or(PIECE).min(PIECE);
        self.spare.lend(len)
    }
}
