//! Writes to TCP sockets, and when what the kernel has not taken goes out.
//!
//! A write to an output stream must not wait, and must take what it was permitted. So the rest of a write stays here, at most
//! one piece a socket, and is sent by whatever the guest does next that may wait.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use guestnet_core::{Clock, Errno, Fd, GuestThread, Host, RecvFlags, Result, SendFlags, Shutdown};
use wasmtime_wasi::p2::StreamError;

use super::ctx::State;
use super::error::{stream_error, unpermitted, wrong_kind};
use super::lend::PIECE;
use super::object::{Handle, Object, Role};
use super::unsent::{End, Unsent};
use crate::state::File;

/// How much all sockets of one guest may have here. It is memory of the host's, which no limit of the guest's own counts.
const MAX_UNSENT: usize = 16 << 20;

/// How long what was written to a socket that the guest has dropped is kept for a peer that takes nothing. Linux gives the connections
/// that no process has any more about as long (`tcp_orphan_retries` of tcp(7)).
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of what has come to such a socket is thrown away at a time.
const MAX_DISCARDED: usize = 1 << 20;

impl<H: Host> State<H> {
    /// Whether a socket's output would take a piece, or say why not.
    pub(crate) fn is_free(&self, output: &Unsent) -> bool {
        output.is_empty() && (!output.is_open() || self.unsent_bytes < MAX_UNSENT)
    }

    /// `check-write` of a TCP socket: a whole piece, without a system call, if nothing is left of the one before.
    pub(crate) fn check_tcp_write(&mut self, handle: Handle) -> Result<usize, StreamError> {
        if !self.unsent.is_empty() {
            self.send_some().map_err(stream_error)?;
        }
        self.tcp_output(handle)?.check()?;
        let slots = self.slots.entry(handle.slot).map_err(stream_error)?;
        match &slots.object {
            Object::Tcp(socket) if self.is_free(&socket.output) => Ok(PIECE),
            _ => Ok(0),
        }
    }

    /// Writes to a TCP socket what was permitted.
    ///
    /// # Errors
    /// As of a write. A trap: more than was permitted.
    pub(crate) fn write_tcp(&mut self, handle: Handle, bytes: &[u8]) -> Result<(), StreamError> {
        let State {
            ctx,
            slots,
            unsent,
            unsent_bytes,
            ..
        } = self;
        let Object::Tcp(socket) = &mut slots.entry_mut(handle.slot).map_err(stream_error)?.object else {
            return Err(StreamError::Trap(wrong_kind()));
        };
        socket.output.check()?;
        // Nothing is no more than a permit of nothing.
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.len() > PIECE || !(socket.output.is_empty() && *unsent_bytes < MAX_UNSENT) {
            return Err(unpermitted(bytes.len()));
        }
        let outcome = ctx
            .guest
            .send(socket.fd, &mut [IoSlice::new(bytes)], SendFlags::DONTWAIT);
        let sent = match socket.output.settle(outcome) {
            Ok(sent) => sent,
            Err(Errno::EAGAIN) => 0,
            Err(errno) => return Err(stream_error(errno)),
        };
        socket.output.check()?;
        let rest = bytes.get(sent..).unwrap_or_default();
        if !rest.is_empty() {
            socket.output.clear();
            socket.output.bytes.extend_from_slice(rest);
            *unsent_bytes += rest.len();
            unsent.push(handle.slot);
        }
        Ok(())
    }

    /// `flush` of a TCP socket: nothing waits in the host for more to come.
    pub(crate) fn flush_tcp(&mut self, handle: Handle) -> Result<(), StreamError> {
        if !self.unsent.is_empty() {
            self.send_some().map_err(stream_error)?;
        }
        self.tcp_output(handle)?.check_flush()
    }

    /// Waits until the kernel has taken all that was written to a TCP socket.
    ///
    /// # Errors
    /// What a send has failed with.
    pub(crate) fn drain_tcp(&mut self, handle: Handle) -> Result<(), StreamError> {
        while !self.tcp_output(handle)?.is_empty() {
            self.wait(&[Handle::new(Role::Output, handle.slot)], true)
                .map_err(StreamError::Trap)?;
        }
        let output = self.tcp_output(handle)?;
        match output.end {
            End::Failed(_) => output.check(),
            End::Open | End::Ending | End::Closed => Ok(()),
        }
    }

    /// shutdown(2) of the sending side, behind what was written.
    ///
    /// # Errors
    /// As of shutdown(2).
    pub(crate) fn end_output(&mut self, handle: Handle) -> wasmtime::Result<Result<()>> {
        let socket = self.tcp(handle)?;
        if !socket.output.is_open() {
            return Ok(Ok(()));
        }
        if !socket.output.is_empty() {
            socket.output.end = End::Ending;
            return Ok(Ok(()));
        }
        socket.output.end = End::Closed;
        let fd = socket.fd;
        Ok(self.ctx.guest.shutdown(fd, Shutdown::Write))
    }

    /// Sends what the kernel takes now of what is left of all sockets, and returns whether it took anything.
    ///
    /// # Errors
    /// `EINTR`: the guest was stopped.
    pub(crate) fn send_some(&mut self) -> Result<bool> {
        let State {
            ctx,
            slots,
            unsent,
            unsent_bytes,
            ..
        } = self;
        let (mut moved, mut stopped) = (false, Ok(()));
        let (mut orphans, mut now) = (Vec::new(), None);
        unsent.retain(|slot| {
            let Ok(Object::Tcp(socket)) = slots.entry_mut(*slot).map(|slot| &mut slot.object) else {
                return false;
            };
            let (fd, output) = (socket.fd, &mut socket.output);
            let before = output.len();
            while !output.is_empty() && stopped.is_ok() {
                let outcome = ctx
                    .guest
                    .send(fd, &mut [IoSlice::new(output.rest())], SendFlags::DONTWAIT);
                match output.settle(outcome) {
                    Ok(sent) => output.sent += sent,
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => stopped = Err(errno),
                }
            }
            moved |= output.len() < before;
            if let Some(since) = &mut socket.orphan_since {
                if !output.is_empty() {
                    discard_input(&mut ctx.guest, fd);
                }
                let now = *now.get_or_insert_with(|| ctx.guest.now(Clock::Monotonic));
                if output.len() < before {
                    *since = now;
                } else if now.saturating_sub(*since) >= PATIENCE {
                    output.clear();
                }
            }
            let left = output.len();
            *unsent_bytes = unsent_bytes.saturating_sub(before - left);
            if left == 0 {
                output.clear();
                if output.end == End::Ending {
                    output.end = End::Closed;
                    // The connection may have ended meanwhile.
                    let _ = ctx.guest.shutdown(fd, Shutdown::Write);
                }
                if socket.orphan_since.is_some() {
                    orphans.push((*slot, fd));
                }
            }
            left > 0
        });
        for (slot, fd) in orphans {
            self.slots.remove(slot)?;
            self.close(fd);
        }
        stopped.map(|()| moved)
    }

    /// Until when a wait may last at most, for a socket that the guest has dropped to be given up.
    pub(crate) fn orphan_limit(&self) -> Option<Duration> {
        let since = |slot: &u32| match self.slots.entry(*slot).map(|slot| &slot.object) {
            Ok(Object::Tcp(socket)) => socket.orphan_since,
            _ => None,
        };
        let first = self.unsent.iter().filter_map(since).min()?;
        Some(first.saturating_add(PATIENCE))
    }

    /// Drops a TCP socket. As after close(2), what it has written is still sent; until then it counts as open.
    ///
    /// # Errors
    /// The guest still has a stream or pollable of it.
    pub(crate) fn drop_tcp(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.check_childless(handle)?;
        let socket = self.tcp(handle)?;
        let fd = socket.fd;
        if socket.output.is_empty() {
            self.slots.remove(handle.slot)?;
            self.close(fd);
        } else {
            let now = self.ctx.guest.now(Clock::Monotonic);
            self.tcp(handle)?.orphan_since = Some(now);
        }
        Ok(())
    }

    /// Waits until nothing is left, for a guest that has ended: its other sockets are closed first, as the end of a process
    /// closes them, since one of them may be the one that would have to read.
    ///
    /// # Errors
    /// `EINTR`: the guest was stopped.
    pub(crate) fn send_all(&mut self) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let idle = self.slots.iter().filter_map(|(_, slot)| match &slot.object {
            Object::Tcp(socket) if socket.output.is_empty() => Some(socket.fd),
            _ => None,
        });
        for fd in idle.collect::<Vec<_>>() {
            self.close(fd);
        }
        let now = self.ctx.guest.now(Clock::Monotonic);
        for slot in &self.unsent {
            if let Ok(Object::Tcp(socket)) = self.slots.entry_mut(*slot).map(|slot| &mut slot.object) {
                socket.orphan_since.get_or_insert(now);
            }
        }
        while let Some(slot) = self.unsent.first().copied() {
            self.wait(&[Handle::new(Role::Output, slot)], true)
                .map_err(|_| Errno::EINTR)?;
        }
        Ok(())
    }

    fn tcp_output(&mut self, handle: Handle) -> Result<&mut Unsent, StreamError> {
        match self.tcp(handle) {
            Ok(socket) => Ok(&mut socket.output),
            Err(error) => Err(StreamError::Trap(error)),
        }
    }
}

/// Throws away what has come to a socket that the guest has dropped. It will not be read, and a peer that reads only when it has
/// written, such as the guest itself, would wait for that as long as this socket waits for the peer.
fn discard_input<H: Host>(guest: &mut GuestThread<H, File>, fd: Fd) {
    let (mut room, mut discarded) = ([0; 16 << 10], 0);
    while discarded < MAX_DISCARDED {
        let mut bufs = [IoSliceMut::new(&mut room)];
        match guest.recv(fd, &mut bufs, RecvFlags::DONTWAIT) {
            Ok(received) if received.len > 0 => discarded += received.len,
            // Its end, nothing more for now, or an error, of which the next send says what is to be done.
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guestnet_core::policy::Policy;
    use guestnet_core::{Capacity, Domain, Fd, GuestThread, Kind, RecvFlags};
    use guestnet_host_sim::{Faults, Network, SimHost};

    use super::super::object::{Phase, TcpSocket};
    use super::*;
    use crate::GuestCtxBuilder;

    /// A component whose connection to itself is full: its resource, its descriptor, the other end, and how much was written.
    fn full() -> (State<SimHost>, Handle, Fd, Fd, usize) {
        let network = Network::new(1, Faults::default());
        let guest = GuestThread::new(network.host(), Arc::new(Policy::allow_all()), Capacity::default());
        let mut state = State::new(GuestCtxBuilder::new(guest).build().unwrap());
        let guest = &mut state.ctx.guest;
        let listener = guest.socket(Domain::Inet, Kind::Stream).unwrap();
        guest.listen(listener, 1).unwrap();
        let client = guest.socket(Domain::Inet, Kind::Stream).unwrap();
        let addr = guest.local_addr(listener).unwrap();
        guest.connect(client, &addr).unwrap();
        let (server, _) = guest.accept(listener, true).unwrap();
        let socket = TcpSocket::new(client, Domain::Inet, Phase::Connected(None));
        let slot = state.insert(Object::Tcp(socket)).unwrap();
        let handle = Handle::new(Role::Itself, slot);
        let mut written = 0;
        while state.check_tcp_write(handle).unwrap() > 0 {
            state.write_tcp(handle, &[7; PIECE]).unwrap();
            written += PIECE;
        }
        (state, handle, client, server, written)
    }

    /// Fills the other direction of such a connection, too.
    fn fill_back(state: &mut State<SimHost>, server: Fd) -> Handle {
        let socket = TcpSocket::new(server, Domain::Inet, Phase::Connected(None));
        let slot = state.insert(Object::Tcp(socket)).unwrap();
        let handle = Handle::new(Role::Itself, slot);
        while state.check_tcp_write(handle).unwrap() > 0 {
            state.write_tcp(handle, &[7; PIECE]).unwrap();
        }
        handle
    }

    fn wait_for(state: &mut State<SimHost>, time: Duration) {
        let end = state.ctx.guest.now(Clock::Monotonic) + time;
        let timer = state.insert(Object::Timer(end)).unwrap();
        state.wait(&[Handle::new(Role::Itself, timer)], true).unwrap();
        state.slots.remove(timer).unwrap();
    }

    #[test]
    fn what_is_left_of_a_dropped_socket_is_sent_and_then_it_is_closed() {
        let (mut state, handle, client, server, written) = full();
        state.drop_tcp(handle).unwrap();
        assert!(state.unsent_bytes > 0);
        let (mut received, mut buffer) = (0, vec![0; PIECE]);
        loop {
            let mut bufs = [IoSliceMut::new(&mut buffer)];
            match state.ctx.guest.recv(server, &mut bufs, RecvFlags::empty()) {
                Ok(message) if message.len == 0 => break,
                Ok(message) => received += message.len,
                Err(errno) => assert_eq!(errno, Errno::EAGAIN),
            }
            state.send_some().unwrap();
        }
        assert_eq!(received, written);
        assert_eq!(state.unsent_bytes, 0);
        assert_eq!(state.ctx.guest.local_addr(client), Err(Errno::EBADF));
        assert!(state.slots.entry(handle.slot).is_err());
    }

    #[test]
    fn two_ends_that_are_full_and_dropped_do_not_wait_for_each_other() {
        let (mut state, handle, client, server, _) = full();
        let back = fill_back(&mut state, server);
        let began = state.ctx.guest.now(Clock::Monotonic);
        for handle in [handle, back] {
            state.drop_tcp(handle).unwrap();
        }
        assert_eq!(state.unsent.len(), 2);
        while !state.unsent.is_empty() {
            wait_for(&mut state, Duration::from_millis(1));
        }
        assert!(state.ctx.guest.now(Clock::Monotonic) - began < PATIENCE);
        for fd in [client, server] {
            assert_eq!(state.ctx.guest.local_addr(fd), Err(Errno::EBADF));
        }
    }

    #[test]
    fn the_end_of_a_guest_whose_two_ends_are_full_comes_at_once() {
        let (mut state, _, _, server, _) = full();
        fill_back(&mut state, server);
        let began = state.ctx.guest.now(Clock::Monotonic);
        state.send_all().unwrap();
        assert!(state.ctx.guest.now(Clock::Monotonic) - began < PATIENCE);
        assert_eq!(state.unsent_bytes, 0);
    }

    #[test]
    fn a_dropped_socket_whose_peer_takes_nothing_is_given_up_after_a_while() {
        let (mut state, handle, client, _, _) = full();
        state.drop_tcp(handle).unwrap();
        wait_for(&mut state, PATIENCE - Duration::from_secs(1));
        assert!(state.ctx.guest.local_addr(client).is_ok());
        wait_for(&mut state, Duration::from_secs(2));
        assert_eq!(state.ctx.guest.local_addr(client), Err(Errno::EBADF));
        assert_eq!(state.unsent_bytes, 0);
    }

    #[test]
    fn the_end_waits_no_longer_for_a_peer_that_takes_nothing() {
        let (mut state, ..) = full();
        let began = state.ctx.guest.now(Clock::Monotonic);
        state.send_all().unwrap();
        assert_eq!(state.ctx.guest.now(Clock::Monotonic) - began, PATIENCE);
        assert_eq!(state.unsent_bytes, 0);
    }
}
