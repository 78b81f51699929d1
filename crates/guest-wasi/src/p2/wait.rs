//! Waiting: sockets, standard streams, look-ups and clocks together, while what was written goes out.

use std::time::Duration;

use guestnet_core::{Backoff, Clock, Errno, Fd, Host, Ready};
use smallvec::SmallVec;

use super::ctx::State;
use super::object::{Handle, Object, Paced, Phase, Role};
use crate::StopTrap;

/// Numbers from here on in a poll are those of sockets with bytes to be sent.
const UNSENT: u32 = 1 << 30;

/// Something can be read, or the peer has ended.
const READABLE: Ready = Ready::READ.union(Ready::READ_HANGUP);

/// The places in the list of those that are ready, in ascending order.
pub(crate) type ReadyList = SmallVec<[u32; 8]>;

/// What a pollable waits for.
enum Interest {
    /// Nothing: the next call does not wait.
    Ready,
    Descriptor(Fd, Ready),
    Lookup,
    Deadline(Duration),
    /// Bytes that the kernel has not taken.
    Unsent,
}

impl<H: Host> State<H> {
    /// Waits until one of these is ready, or with `block` off looks which are.
    ///
    /// # Errors
    /// [`StopTrap`].
    pub(crate) fn wait(&mut self, wanted: &[Handle], block: bool) -> wasmtime::Result<ReadyList> {
        let mut backoff = Backoff::default();
        // Whether the kernel has room that the guest's rate does not let it use.
        let mut stuck = false;
        let mut first = true;
        loop {
            if !self.unsent.is_empty() {
                self.send_some().map_err(ended)?;
            }
            let mut ready = ReadyList::new();
            // Those that a poll does not report.
            let mut deadlines: SmallVec<[(u32, Duration); 4]> = SmallVec::new();
            let mut outputs: SmallVec<[(u32, Handle); 4]> = SmallVec::new();
            let (mut polled, mut paused) = (false, stuck);
            self.ctx.guest.poll_begin();
            for (handle, index) in wanted.iter().zip(0..) {
                match self.interest(*handle) {
                    Interest::Ready => ready.push(index),
                    Interest::Deadline(at) => deadlines.push((index, at)),
                    Interest::Unsent => outputs.push((index, *handle)),
                    Interest::Descriptor(..) if first && block && self.is_held_back(*handle) => paused = true,
                    Interest::Descriptor(fd, want) => match self.ctx.guest.poll_add(index, fd, want) {
                        Ok(()) => polled = true,
                        // A call with it says what is wrong.
                        Err(_) => ready.push(index),
                    },
                    Interest::Lookup => {
                        polled = true;
                        self.poll_add_lookup(index, *handle)?;
                    }
                }
            }
            if !stuck {
                for (slot, token) in self.unsent.iter().zip(UNSENT..) {
                    if let Ok(Object::Tcp(socket)) = self.slots.entry(*slot).map(|slot| &slot.object) {
                        polled |= self.ctx.guest.poll_add(token, socket.fd, Ready::WRITE).is_ok();
                    }
                }
            }
            let at_once = !block || !ready.is_empty();
            if polled || !at_once {
                let timeout = if at_once {
                    Some(Duration::ZERO)
                } else {
                    let pause = paused.then(|| backoff.next_pause());
                    let first = deadlines
                        .iter()
                        .map(|(_, at)| *at)
                        .chain(self.orphan_limit())
                        .min();
                    let left = first.map(|at| at.saturating_sub(self.ctx.guest.now(Clock::Monotonic)));
                    [pause, left].into_iter().flatten().min()
                };
                self.ctx.guest.poll_wait(timeout).map_err(ended)?;
            }
            let mut writable = false;
            for event in self.ctx.guest.poll_events() {
                if event.token < UNSENT {
                    ready.push(event.token);
                } else {
                    writable = true;
                }
            }
            stuck = writable && !self.send_some().map_err(ended)?;
            for (index, handle) in outputs {
                if !matches!(self.interest(handle), Interest::Unsent) {
                    ready.push(index);
                }
            }
            if !deadlines.is_empty() {
                let now = self.ctx.guest.now(Clock::Monotonic);
                ready.extend(
                    deadlines
                        .iter()
                        .filter(|(_, at)| *at <= now)
                        .map(|(index, _)| *index),
                );
            }
            ready.sort_unstable();
            ready.dedup();
            if !block || !ready.is_empty() {
                self.note_ready(wanted, &ready);
                return Ok(ready);
            }
            first = false;
        }
    }

    /// Whether something is ready, without waiting.
    pub(crate) fn is_ready(&mut self, handle: Handle) -> wasmtime::Result<bool> {
        self.wait(&[handle], false).map(|ready| !ready.is_empty())
    }

    /// What a resource's pollable waits for. What is gone waits for nothing.
    fn interest(&self, handle: Handle) -> Interest {
        match handle.role {
            Role::Stdio if handle.slot == 0 => return Interest::Descriptor(0, READABLE),
            Role::Stdio => return Interest::Descriptor(handle.slot, Ready::WRITE),
            Role::Network => return Interest::Ready,
            Role::Itself | Role::Input | Role::Output => {}
        }
        let Ok(slot) = self.slots.entry(handle.slot) else {
            return Interest::Ready;
        };
        match (&slot.object, handle.role) {
            (Object::Tcp(socket), Role::Input) if !socket.input_closed => {
                Interest::Descriptor(socket.fd, READABLE)
            }
            (Object::Tcp(socket), Role::Output) if !self.is_free(&socket.output) => Interest::Unsent,
            (Object::Tcp(socket), Role::Output) if socket.output.is_open() => {
                Interest::Descriptor(socket.fd, Ready::WRITE)
            }
            (Object::Tcp(socket), Role::Itself) => match socket.phase {
                Phase::Connecting(_) => Interest::Descriptor(socket.fd, Ready::WRITE),
                Phase::Listening => Interest::Descriptor(socket.fd, Ready::READ),
                Phase::Unbound
                | Phase::Binding
                | Phase::Bound
                | Phase::Connected(_)
                | Phase::Starting
                | Phase::Closed => Interest::Ready,
            },
            (Object::Udp(socket), Role::Input) => Interest::Descriptor(socket.fd, Ready::READ),
            (Object::Udp(socket), Role::Output) => Interest::Descriptor(socket.fd, Ready::WRITE),
            (Object::Lookup(_), _) => Interest::Lookup,
            (Object::Timer(at), _) => Interest::Deadline(*at),
            // Its end, or an object whose calls never wait.
            _ => Interest::Ready,
        }
    }

    /// Whether the next wait is to leave a socket out for a moment.
    fn is_held_back(&mut self, handle: Handle) -> bool {
        self.paced(handle).is_some_and(Paced::take_held_back)
    }

    /// Remembers what the guest will find ready.
    fn note_ready(&mut self, wanted: &[Handle], ready: &[u32]) {
        for index in ready {
            let handle = usize::try_from(*index).ok().and_then(|index| wanted.get(index));
            if let Some(paced) = handle.and_then(|handle| self.paced(*handle)) {
                paced.reported();
            }
        }
    }

    /// What is known of a socket that the guest uses. What it writes to a TCP socket is held back in the host.
    fn paced(&mut self, handle: Handle) -> Option<&mut Paced> {
        if matches!(handle.role, Role::Network | Role::Stdio) {
            return None;
        }
        match (&mut self.slots.entry_mut(handle.slot).ok()?.object, handle.role) {
            (Object::Tcp(socket), Role::Itself | Role::Input) => Some(&mut socket.paced),
            (Object::Udp(socket), Role::Input) => Some(&mut socket.paced),
            (Object::Udp(socket), Role::Output) => Some(&mut socket.sending),
            _ => None,
        }
    }
}

fn ended(_: Errno) -> wasmtime::Error {
    StopTrap.into()
}
